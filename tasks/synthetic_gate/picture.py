"""The gate as a picture: per metric its value, interval, limit, and real images against real ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasets.gate_file import Gate, Metric, Outcome
from datasets.image_codec import encode_image
from tasks.gate_bars import gate_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GATE_PICTURE = "gate.png"
# Colours that people with any colour vision tell apart (Okabe and Ito); the marks differ in shape too.
MARKS = {
    Outcome.PASSED: ("#0072B2", "o"),
    Outcome.WARNED: ("#E69F00", "^"),
    Outcome.REFUSED: ("#D55E00", "X"),
    Outcome.REPORTED: ("#777777", "s"),
}
ROW_INCHES, WIDTH_INCHES, FRAME_INCHES = 0.34, 11.0, 1.3
SHARE_OF_TITLES, SHARE_OF_TRACKS = 0.38, 0.42
LONGEST_TITLE = 62


def draw_gate(gate: Gate, path: Path) -> None:
    """Write a PNG with a row per metric that has a value; each row has a scale of its own, from 0 or below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [metric for metric in gate.metrics if metric.value is not None]
    height = FRAME_INCHES + ROW_INCHES * max(1, len(rows))
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=100, facecolor="white")
    bottom, top = 0.7 / height, 1 - 0.6 / height
    axes = figure.add_axes((SHARE_OF_TITLES, bottom, SHARE_OF_TRACKS, top - bottom))
    axes.set(xlim=(-2, 102), ylim=(max(1, len(rows)) - 0.5, -0.5), xticks=[])
    axes.set_yticks(range(len(rows)), [_short(metric.title) for metric in rows], fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row, metric in enumerate(rows):
        _draw_row(axes, row, metric)
    unmeasured = sum(metric.outcome is Outcome.NOT_MEASURED for metric in gate.metrics)
    title = f"Gate of the {gate.gate} data: {gate.verdict}"
    figure.suptitle(f"{title}, {unmeasured} not measured" if unmeasured else title, x=0.02, ha="left", fontsize=12)
    _draw_key(axes, rows)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    path.write_bytes(encode_image(np.ascontiguousarray(pixels), "png"))


def _draw_row(axes: "Axes", row: int, metric: Metric) -> None:
    colour, mark = MARKS[metric.outcome]
    bar = gate_bar(metric)
    axes.plot([0, 100], [row, row], color="#e4e4e4", linewidth=1, zorder=0)
    if bar.interval:
        axes.plot(bar.interval, [row, row], color=colour, linewidth=7, alpha=0.35, solid_capstyle="butt", zorder=1)
    if "floor" in bar.places:
        axes.plot(bar.places["floor"], row, "D", color="white", markeredgecolor="black", markersize=6, zorder=3)
    if "threshold" in bar.places:
        place = bar.places["threshold"]
        axes.plot([place, place], [row - 0.34, row + 0.34], color="black", linewidth=2, zorder=2)
    axes.plot(bar.places["value"], row, mark, color=colour, markersize=8, zorder=4)
    sign = "≤" if metric.direction == "max" else "≥"
    limit = "" if metric.threshold is None else f"  {sign} {metric.threshold:.3g}"
    axes.text(104, row, f"{metric.value:.3g}{limit}  {metric.outcome.value}", va="center", fontsize=9)


def _draw_key(axes: "Axes", rows: Sequence[Metric]) -> None:
    from matplotlib.lines import Line2D

    met = [outcome for outcome in MARKS if any(metric.outcome is outcome for metric in rows)]
    marks = [
        Line2D([], [], linestyle="", marker=MARKS[outcome][1], color=MARKS[outcome][0], label=outcome.value)
        for outcome in met
    ]
    marks += [
        Line2D([], [], color="#777777", alpha=0.35, linewidth=7, label="interval"),
        Line2D([], [], linestyle="", marker="|", markeredgewidth=2, markersize=10, color="black", label="limit"),
        Line2D(
            [], [], linestyle="", marker="D", color="white", markeredgecolor="black", label="real images against real"
        ),
    ]
    axes.legend(
        handles=marks, loc="upper left", bbox_to_anchor=(-0.85, -0.01), ncols=len(marks), frameon=False, fontsize=9
    )


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"
