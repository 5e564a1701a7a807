"""The flow of files through a run as a picture: a band that splits into what was rejected, and into splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.report.tables import CountStep

WIDTH, HEIGHT = 880.0, 300.0
BAND_PX = 120.0  # height of the first band
TOP, LEFT, NODE_PX = 30.0, 6.0, 8.0
LABEL_PX = 150.0  # room on the right for the names of the last nodes
MIN_BAND_PX = 1.5  # so that a single file among thousands is seen
MOST_REASONS = 4
LINE_PX = 15.0


@dataclass(frozen=True, slots=True)
class Band:
    """SVG path data of a band, its style, and what is said of it."""

    path: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Node:
    """A place where files are counted."""

    x: float
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Label:
    """Text at a place; `anchor` is SVG's."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class FlowPicture:
    """In a box of WIDTH x `height`."""

    bands: tuple[Band, ...]
    nodes: tuple[Node, ...]
    labels: tuple[Label, ...]
    alt: str
    width: float = WIDTH
    height: float = HEIGHT


def flow_picture(steps: Sequence[CountStep], splits: Mapping[str, int]) -> FlowPicture | None:
    """Steps from the files listed to those in use, then their splits by name; None where nothing was listed."""
    if not steps or not steps[0].images:
        return None
    drawing = _Drawing(BAND_PX / steps[0].images)
    splits = {name: count for name, count in splits.items() if count}
    columns = len(steps) + bool(splits)
    pitch = (WIDTH - LEFT - LABEL_PX - NODE_PX) / max(columns - 1, 1)
    for index, step in enumerate(steps):
        x = LEFT + index * pitch
        drawing.node(x, TOP, step.images, "used")
        drawing.label(x, TOP - 16, f"{step.images:,}")
        drawing.label(x, TOP - 4, step.title)
        if index:
            before = steps[index - 1]
            drawing.band(x - pitch, TOP, x, TOP, step.images, "used", f"{step.images:,} {step.title}")
            drawing.lost(x - pitch, TOP + drawing.high(step.images), pitch, before.images - step.images, step.lost)
    if splits:
        drawing.parts(LEFT + (len(steps) - 1) * pitch, pitch, splits)
    return drawing.finished(_alt(steps, splits))


class _Drawing:
    """Bands, nodes and labels so far."""

    def __init__(self, unit: float) -> None:
        self._unit = unit
        self._bands: list[Band] = []
        self._nodes: list[Node] = []
        self._labels: list[Label] = []
        self._bottom = TOP + BAND_PX

    def high(self, count: int) -> float:
        return max(count * self._unit, MIN_BAND_PX) if count else 0.0

    def node(self, x: float, y: float, count: int, kind: str) -> None:
        self._nodes.append(Node(round(x, 1), round(y, 1), round(self.high(count), 1), kind))
        self._bottom = max(self._bottom, y + self.high(count))

    def label(self, x: float, y: float, text: str, anchor: str = "start") -> None:
        self._labels.append(Label(round(x, 1), round(y, 1), text, anchor))
        self._bottom = max(self._bottom, y)

    def band(self, x0: float, y0: float, x1: float, y1: float, count: int, kind: str, title: str) -> None:
        """From the right side of a node to the left side of another, as high as its count at both ends."""
        x0, high, middle = x0 + NODE_PX, self.high(count), (x0 + NODE_PX + x1) / 2
        path = (
            f"M{x0:.1f},{y0:.1f}C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
            f"V{y1 + high:.1f}C{middle:.1f},{y1 + high:.1f} {middle:.1f},{y0 + high:.1f} {x0:.1f},{y0 + high:.1f}Z"
        )
        self._bands.append(Band(path, kind, title))

    def lost(self, x: float, y: float, pitch: float, count: int, reasons: Sequence[tuple[str, int]]) -> None:
        """What leaves here, with its most frequent reasons below."""
        if count <= 0:
            return
        end_x, end_y = x + 0.55 * pitch, TOP + BAND_PX + 36.0
        self.band(x, y, end_x, end_y, count, "lost", f"{count:,} not used")
        self.node(end_x, end_y, count, "lost")
        shown = [f"− {number:,} {reason}" for reason, number in reasons[:MOST_REASONS]]
        if len(reasons) > MOST_REASONS:
            shown.append(f"and {len(reasons) - MOST_REASONS} more reasons")
        for line, text in enumerate(shown, start=1):
            self.label(end_x - 0.25 * pitch, end_y + self.high(count) + line * LINE_PX, text)

    def parts(self, x: float, pitch: float, splits: Mapping[str, int]) -> None:
        """One node to each split, one below the other."""
        start, end = TOP, TOP
        for name, count in splits.items():
            self.band(x, start, x + pitch, end, count, name, f"{count:,} {name}")
            self.node(x + pitch, end, count, name)
            self.label(x + pitch + NODE_PX + 6, end + self.high(count) / 2 + 4, f"{name.replace('_', ' ')} {count:,}")
            start += self.high(count)
            end += max(self.high(count), LINE_PX) + 6

    def finished(self, alt: str) -> FlowPicture:
        height = round(self._bottom + 8.0, 1)
        return FlowPicture(tuple(self._bands), tuple(self._nodes), tuple(self._labels), alt, height=height)


def _without(lost: Sequence[tuple[str, int]]) -> str:
    return f" (without {', '.join(f'{count:,} {reason}' for reason, count in lost)})" if lost else ""


def _alt(steps: Sequence[CountStep], splits: Mapping[str, int]) -> str:
    said = [f"{step.images:,} {step.title}{_without(step.lost)}" for step in steps]
    said += [f"{count:,} in {name.replace('_', ' ')}" for name, count in splits.items()]
    return "Flow of files: " + ", then ".join(said[: len(steps)]) + "".join(f"; {text}" for text in said[len(steps) :])
