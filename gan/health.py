"""Collapse, read from a run's evaluations: high precision alone would call one perfect image per class a success."""

from collections.abc import Sequence
from dataclasses import dataclass

from gan.evaluation import Evaluation
from gan.settings import TrainingSettings

_TIMES_IN_A_ROW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A collapse that was seen: which number, its floor, and the values that broke it."""

    images_seen: int
    measure: str  # "recall", "coverage" or "diversity"
    floor: float
    values: tuple[float, ...]
    sentence: str


def alarms(evaluations: Sequence[Evaluation], settings: TrainingSettings) -> tuple[Alarm, ...]:
    """At most one alarm per measure: the first time that it was under its floor twice in a row.

    Evaluations before `alarm_after_share` of the budget do not count: every generator starts narrow.
    """
    first_images = settings.alarm_after_share * settings.budget_images
    judged = [evaluation for evaluation in evaluations if evaluation.images_seen >= first_images]
    floors = {
        "recall": settings.recall_floor,
        "coverage": settings.coverage_floor,
        "diversity": settings.diversity_floor,
    }
    found = (_first_alarm(judged, measure, floor) for measure, floor in floors.items())
    return tuple(alarm for alarm in found if alarm is not None)


def _first_alarm(evaluations: Sequence[Evaluation], measure: str, floor: float) -> Alarm | None:
    for end in range(_TIMES_IN_A_ROW, len(evaluations) + 1):
        window = evaluations[end - _TIMES_IN_A_ROW : end]
        values = tuple(float(getattr(evaluation, measure)) for evaluation in window)
        if max(values) < floor:
            return Alarm(
                images_seen=window[-1].images_seen,
                measure=measure,
                floor=floor,
                values=values,
                sentence=_sentence(measure, floor, window, values),
            )
    return None


def _sentence(measure: str, floor: float, window: Sequence[Evaluation], values: Sequence[float]) -> str:
    seen = " and ".join(str(evaluation.images_seen) for evaluation in window)
    numbers = " and ".join(f"{value:.3f}" for value in values)
    return (
        f"collapse: {measure} was {numbers} after {seen} images, under its floor of {floor:g}; "
        "look at the sample grids, and raise gamma_end or lower learning_rate_start"
    )
