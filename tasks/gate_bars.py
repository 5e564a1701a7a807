"""A metric of a gate as places on a track: for the report and for the picture of the gate."""

from dataclasses import dataclass

from datasets.gate_file import Metric, Outcome

END_ROOM = 1.05  # so that the largest number is not at the edge


@dataclass(frozen=True, slots=True, kw_only=True)
class GateBar:
    """Places in percent of a track whose range holds all numbers of a metric, and zero."""

    title: str
    outcome: str
    reported: bool
    zero: float
    places: dict[str, float]  # of value, threshold and floor, where there are such
    interval: tuple[float, float] | None
    alt: str


def gate_bar(metric: Metric) -> GateBar:
    """The places of a metric that has a value."""
    numbers = {"value": metric.value, "threshold": metric.threshold, "floor": metric.floor}
    known = {name: number for name, number in numbers.items() if number is not None}
    ends = [0.0, *known.values(), *(metric.interval or ())]
    low, high = min(ends), max(ends)
    span = END_ROOM * (high - low) or 1.0

    def place(number: float) -> float:
        return round(100 * (number - low) / span, 2)

    return GateBar(
        title=metric.title,
        outcome=metric.outcome.value,
        reported=metric.outcome is Outcome.REPORTED,
        zero=place(0.0),
        places={name: place(number) for name, number in known.items()},
        interval=(place(metric.interval[0]), place(metric.interval[1])) if metric.interval else None,
        alt=", ".join(f"{name} {number:.4g}" for name, number in known.items()),
    )
