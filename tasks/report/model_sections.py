"""Sections about the generator: how its training went, and what the gates measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets.errors import FormatError
from datasets.image_codec import decode_image
from tasks.gate_bars import gate_bar
from tasks.gate_rows import gate_rows
from tasks.report.absent import Absent
from tasks.report.charts import line_chart
from tasks.report.evidence import Evidence
from tasks.report.pictures import Album, Picture

MOST_GRIDS = 6
FILM_FOLDER, FILM_FILE = "film", "training.gif"
GRID_SIDE_PX = 420
CHARTS = {
    "losses": ("losses", ("discriminator_loss", "generator_loss")),
    "gradient penalty": ("losses", ("penalty",)),
    "Fréchet distance": ("evaluation", ("frechet_distance",)),
    "precision, recall and coverage": ("evaluation", ("precision", "recall", "coverage")),
    "diversity within classes (real = 1)": ("evaluation", ("diversity",)),
}
STOPPED_BY = {
    "budget_images": "the budget is used up",
    "budget_minutes": "the cap in minutes was met",
    "early_stop_evaluations": "the last evaluations found nothing better",
}
TOLD_EVENTS = ("alarm", "rollback", "diverged", "note")
X_NAME = "images seen"
Event = Mapping[str, Any]


def training(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Curves from the training log, grids of samples over time, and what was told on the way."""
    events = [event for event in evidence.training_events() if _is_number(event.get("images_seen"))]
    grids = _grids(evidence.folder("train"), album)
    if not events and not grids:
        return Absent("no generator was trained in this run")
    summary = evidence.stages["train"]["summary"] if "train" in evidence.stages else {}
    best = summary.get("best") or {}
    mark = (best["images_seen"], "kept") if _is_number(best.get("images_seen")) else None
    charts = (line_chart(title, _lines(events, *what), X_NAME, mark) for title, what in CHARTS.items())
    return {
        "finished": bool(summary),
        "images_seen": max((event["images_seen"] for event in events), default=summary.get("images_seen")),
        "stopped_by": STOPPED_BY.get(summary.get("stopped_by", ""), ""),
        "resumed_at_images": summary.get("resumed_at_images"),
        "best": best,
        "charts": [chart for chart in charts if chart],
        "told": [_told(event) for event in events if event.get("event") in TOLD_EVENTS],
        "grids": grids,
        "film": _film(evidence.folder("train"), album),
    }


def _lines(events: Sequence[Event], kind: str, names: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """The points of each named number; events that lack it are passed over."""
    of_kind = [event for event in events if event.get("event") == kind]
    return {
        name.replace("_", " "): [(e["images_seen"], e[name]) for e in of_kind if _is_number(e.get(name))]
        for name in names
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(event: Event) -> str:
    rest = {name: value for name, value in event.items() if name not in ("event", "images_seen")}
    plain = ", ".join([str(event["event"]), *(f"{name.replace('_', ' ')} {value}" for name, value in rest.items())])
    sentence = event.get("sentence") or plain
    return f"after {event['images_seen']:,} images: {sentence}"


def _film(folder: Path | None, album: Album) -> Picture | None:
    """The film of training, where it was made as a GIF and fits into the page."""
    path = folder / FILM_FOLDER / FILM_FILE if folder else None
    if path is None or not path.is_file():
        return None
    return album.file_as_it_is(path, "image/gif", "Film of training: samples of the same latents as it went on")


def _grids(folder: Path | None, album: Album) -> list[tuple[str, Picture]]:
    """(caption, picture) of sample grids, the first and the last among them."""
    paths = sorted((folder / "samples").glob("*.png")) if folder else []
    last = len(paths) - 1
    chosen = [paths[round(step * last / (MOST_GRIDS - 1))] for step in range(MOST_GRIDS)] if paths else []
    grids = []
    for path in dict.fromkeys(chosen):
        caption = f"after {int(path.stem):,} images" if path.stem.isdecimal() else path.stem
        try:
            grids.append((caption, album.picture(decode_image(path.read_bytes()), f"Samples {caption}", GRID_SIDE_PX)))
        except (FormatError, OSError):
            continue
    return grids


def gates(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Every metric as a row and as a bar."""
    found = evidence.gates()
    if not found:
        return Absent("no gate was reached in this run")
    return {
        "gates": [
            {
                "name": gate.gate,
                "verdict": gate.verdict,
                "decided_on": gate.decided_on,
                "rows": gate_rows(gate),
                "bars": [gate_bar(metric) for metric in gate.metrics if metric.value is not None],
                "has_floors": any(metric.floor is not None for metric in gate.metrics),
            }
            for gate in found
        ]
    }
