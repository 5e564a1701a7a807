"""The gate of a version as rows of a card."""

from dataclasses import dataclass

from datasets.gate_file import Gate, Metric, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """A metric as texts; "" where a cell is empty."""

    title: str
    value: str
    interval: str
    limit: str
    floor: str
    n: str
    extractor: str
    outcome: str
    note: str


def gate_rows(gate: Gate) -> tuple[list[GateRow], list[GateRow]]:
    """Metrics that were judged, and those that are only reported."""
    judged = [_row(metric) for metric in gate.metrics if metric.outcome is not Outcome.REPORTED]
    return judged, [_row(metric) for metric in gate.metrics if metric.outcome is Outcome.REPORTED]


def _row(metric: Metric) -> GateRow:
    sign = "≤" if metric.direction == "max" else "≥"
    return GateRow(
        title=metric.title,
        value=number(metric.value),
        interval=" to ".join(map(number, metric.interval)) if metric.interval else "",
        limit="" if metric.threshold is None else f"{sign} {number(metric.threshold)}",
        floor=number(metric.floor),
        n="" if metric.n is None else f"{metric.n:,}",
        extractor=metric.extractor or "",
        outcome=metric.outcome.value,
        note=metric.note,
    )


def number(value: float | None) -> str:
    """Four significant digits; "" for None."""
    return "" if value is None else f"{value:.4g}"
