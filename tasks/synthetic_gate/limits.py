"""Limits of metrics: what the settings say of one, and what becomes of a measured number."""

import math
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from datasets.gate_file import Metric, Outcome, judged

Relation = Literal["absolute", "floor_ratio", "floor_excess"]
JudgedNumber = Literal["estimate", "interval"]
Severity = Literal["block", "warn", "report"]


class Limit(BaseModel):
    """How one metric is judged. `floor` is the same metric of real images against real images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: float | None = Field(None, allow_inf_nan=False, description="the limit; null with severity report only")
    of: Relation = Field(
        "absolute", description="absolute; floor_ratio: times the floor; floor_excess: worse than the floor by"
    )
    on: JudgedNumber = Field("estimate", description="estimate, or interval: the worse end of the interval")
    severity: Severity = Field("block", description="past the limit: block publishing, warn, or only report")
    min_images: int | None = Field(None, ge=2, description="fewer: not measured; null = min_gate_images")
    extractor: str | None = Field(
        None, min_length=1, description="extractor that the limit is for: name, or more of its identity; null = any"
    )


def apply_limit(metric: Metric, limit: Limit, min_images: int) -> Metric:
    """The measured number with its threshold, severity and outcome. What does not apply stays so.

    Not measured, with a reason: too few images, an extractor that the limit is not for, no floor or interval where the
    limit needs one, and numbers that are infinite or not numbers.
    """
    if metric.outcome is Outcome.NOT_APPLICABLE:
        return metric
    metric = replace(metric, severity=limit.severity, on=limit.on)
    if metric.value is None:
        return replace(metric, outcome=Outcome.NOT_MEASURED)
    why = _why_not(metric, limit, min_images)
    if why:
        return not_measured(metric, why)
    metric = replace(metric, threshold=threshold_of(metric, limit))
    return replace(metric, outcome=Outcome.REPORTED) if limit.severity == "report" else judged(metric)


def threshold_of(metric: Metric, limit: Limit) -> float | None:
    """The limit in the metric's own unit; a metric whose limit is of the floor needs one."""
    if limit.limit is None or limit.of == "absolute":
        return limit.limit
    if metric.floor is None:
        return None
    if limit.of == "floor_ratio":
        return limit.limit * metric.floor
    return metric.floor + (limit.limit if metric.direction == "max" else -limit.limit)


def is_of_extractor(wanted: str, identity: str | None) -> bool:
    """Whether an identity has the name and all other words of `wanted`, e.g. `inception-2015 resize:clean`."""
    words, found = wanted.split(), (identity or "").split()
    return words[:1] == found[:1] and set(words) <= set(found)


def not_measured(metric: Metric, why: str) -> Metric:
    """The metric without its number, and why."""
    note = f"{metric.note}; {why}".removeprefix("; ")
    return replace(
        metric, value=None, interval=None, per_class=None, threshold=None, outcome=Outcome.NOT_MEASURED, note=note
    )


def _why_not(metric: Metric, limit: Limit, min_images: int) -> str | None:
    least = min_images if limit.min_images is None else limit.min_images
    if metric.n is not None and metric.n < least:
        return f"{metric.n} images, {least} are needed; add images, or lower min_images"
    if limit.extractor and not is_of_extractor(limit.extractor, metric.extractor):
        return f"its limit is for the extractor {limit.extractor}, and this was measured with {metric.extractor}"
    if metric.value is not None and not math.isfinite(metric.value):
        return f"got {metric.value}"
    if limit.severity == "report":
        return None
    if limit.of != "absolute" and (metric.floor is None or not math.isfinite(metric.floor)):
        return "real images against real ones could not be measured, and its limit is relative to that"
    return "it has no interval to judge" if limit.on == "interval" and metric.interval is None else None
