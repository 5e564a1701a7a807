"""The metrics of a gate as rows of texts: for the report, the terminal, artifacts and cards."""

from dataclasses import dataclass

from datasets.gate_file import Gate, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """One metric of a gate as texts; "" where a cell is empty."""

    gate: str
    name: str
    title: str
    value: str
    limit: str
    floor: str
    interval: str
    extractor: str
    n: str
    outcome: str
    note: str


def gate_rows(gate: Gate) -> list[GateRow]:
    """The metrics of a gate in its order."""
    return [_gate_row(gate, metric) for metric in gate.metrics]


def number(value: float | None) -> str:
    """Four significant digits; "" for None."""
    return "" if value is None else f"{value:.4g}"


def _gate_row(gate: Gate, metric: Metric) -> GateRow:
    sign = "≤" if metric.direction == "max" else "≥"
    return GateRow(
        gate=gate.gate,
        name=metric.name,
        title=metric.title,
        value=number(metric.value),
        limit="" if metric.threshold is None else f"{sign} {number(metric.threshold)}",
        floor=number(metric.floor),
        interval=" to ".join(map(number, metric.interval)) if metric.interval else "",
        extractor=metric.extractor or "",
        n="" if metric.n is None else f"{metric.n:,}",
        outcome=metric.outcome.value,
        note=metric.note,
    )
