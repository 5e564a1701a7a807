"""`gate.json`: what a gate measured, against which thresholds, and its verdict."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from datasets.errors import FormatError, brief

GATE_VERSION = 3
GATE_FILE = "gate.json"


class Outcome(StrEnum):
    """What a metric said. `reported` metrics never decide."""

    PASSED = "passed"
    WARNED = "warned"
    REFUSED = "refused"
    REPORTED = "reported"
    NOT_APPLICABLE = "not applicable"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One measured number beside its limit.

    `direction` is "max" where the value may not exceed the threshold, "min" where it may not fall below it.
    `severity`: block, warn or report. `on` is the number that is judged: estimate, or the worse end of the interval.
    `floor` is the same metric on real against real images, at the same n where it depends on n. `extractor` names whose
    features. `per_class` has the number of each class that has enough images to be judged on its own, where it is one
    of a class; it decides nothing.
    """

    name: str
    title: str
    value: float | None
    outcome: Outcome
    threshold: float | None = None
    direction: str = "max"
    severity: str = "block"
    on: str = "estimate"
    floor: float | None = None
    interval: tuple[float, float] | None = None
    extractor: str | None = None
    n: int | None = None
    per_class: dict[str, float] | None = None
    note: str = ""


def judged(metric: Metric) -> Metric:
    """The metric with its outcome decided from value or interval, threshold, direction and severity.

    What is infinite, not a number or an interval that is not there counts as not measured.
    """
    if metric.value is None or metric.threshold is None:
        return metric
    number = judged_number(metric)
    if number is None or not math.isfinite(number):
        found = "no interval" if number is None else number
        note = f"{metric.note}; got {found}".removeprefix("; ")
        return replace(metric, value=None, outcome=Outcome.NOT_MEASURED, note=note)
    passes = number <= metric.threshold if metric.direction == "max" else number >= metric.threshold
    failed = Outcome.REFUSED if metric.severity == "block" else Outcome.WARNED
    return replace(metric, outcome=Outcome.PASSED if passes else failed)


def judged_number(metric: Metric) -> float | None:
    """The number that is compared with the threshold: the value, or the worse end of its interval."""
    if metric.on == "estimate":
        return metric.value
    if metric.interval is None:
        return None
    return metric.interval[1] if metric.direction == "max" else metric.interval[0]


def refuses(metric: Metric) -> bool:
    """Whether this metric alone refuses: failed, or not measured although it has to be."""
    unmeasured = metric.outcome is Outcome.NOT_MEASURED and metric.severity == "block"
    return metric.outcome is Outcome.REFUSED or unmeasured


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All metrics of one gate. Test data only ever appears with outcome `reported`."""

    gate: str
    metrics: tuple[Metric, ...]
    decided_on: str

    @property
    def refusals(self) -> tuple[Metric, ...]:
        return tuple(metric for metric in self.metrics if refuses(metric))

    @property
    def verdict(self) -> str:
        return "refused" if self.refusals else "passed"


def gate_record(gate: Gate) -> dict[str, Any]:
    """What `gate.json` holds, as JSON values."""
    return {
        "format_version": GATE_VERSION,
        "gate": gate.gate,
        "verdict": gate.verdict,
        "decided_on": gate.decided_on,
        "metrics": [_record(metric) for metric in gate.metrics],
    }


def write_gate(gate: Gate, folder: Path) -> None:
    """Write `gate.json` into the folder."""
    record = gate_record(gate)
    (folder / GATE_FILE).write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_gate(folder: Path) -> Gate:
    """Read `gate.json` from a folder. Raises FormatError when it is missing, damaged or of another version."""
    path = folder / GATE_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version = record["format_version"]
        if version == GATE_VERSION:
            metrics = tuple(map(_metric, record["metrics"]))
            return Gate(gate=record["gate"], decided_on=record["decided_on"], metrics=metrics)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); run the gate again") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(f"{path}: damaged ({brief(repr(error))}); delete it and run the gate again") from error
    raise FormatError(f"{path}: gate version {brief(version)}, this code reads {GATE_VERSION}; run the gate again")


def describe_refusals(refusals: Sequence[Metric]) -> str:
    """The refusing metrics as one clause each, e.g. `coverage 0.31 < 0.70`."""
    parts = []
    for metric in refusals:
        number = judged_number(metric)
        if number is None or metric.threshold is None or metric.value is None:
            parts.append(f"{metric.title} was not measured ({metric.note})")
        else:
            sign = ">" if metric.direction == "max" else "<"
            note = f" ({metric.note})" if metric.note else ""
            shown = f"{number:.4g}" if metric.on == "estimate" else f"{number:.4g} (end of its interval)"
            parts.append(f"{metric.title} {shown} {sign} {metric.threshold:.4g}{note}")
    return "; ".join(parts)


def _record(metric: Metric) -> dict:
    """The metric as JSON values; JSON has no word for infinity and not-a-number, so that they become null."""
    record = asdict(metric)
    for name in ("value", "threshold", "floor", "interval"):
        numbers = record[name] if name == "interval" else (record[name],)
        if numbers is not None and any(number is not None and not math.isfinite(number) for number in numbers):
            record[name] = None
    if metric.per_class is not None:
        record["per_class"] = {name: number for name, number in metric.per_class.items() if math.isfinite(number)}
    return record


def _metric(record: dict) -> Metric:
    interval = tuple(record["interval"]) if record["interval"] else None
    return Metric(**{**record, "outcome": Outcome(record["outcome"]), "interval": interval})
