"""Collapse, read from a run's evaluations: high precision alone would call one perfect image per class a success."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gan.evaluation import Evaluation
from gan.settings import TrainingSettings

_WELL_ABOVE = 2.0  # a measure that was so many times its floor has learned, and can fall


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A collapse that was seen: which number, its bound, and the values that broke it."""

    images_seen: int
    measure: str  # "recall", "coverage", "diversity" or "saturation"
    floor: float  # for saturation, the ceiling
    values: tuple[float, ...]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Scores and losses since the last evaluation, means over steps; NaN where a step does not tell."""

    images_seen: int
    real_above_fake: float = float("nan")  # share of real images scored above their synthetic pair


def floors_of(settings: TrainingSettings) -> dict[str, float]:
    """What each measure must not be under."""
    return {
        "recall": settings.recall_floor,
        "coverage": settings.coverage_floor,
        "diversity": settings.diversity_floor,
    }


def is_healthy(evaluation: Evaluation, settings: TrainingSettings) -> bool:
    """Whether no measure is under its floor: a state to return to."""
    return all(getattr(evaluation, measure) >= floor for measure, floor in floors_of(settings).items())


def alarms(evaluations: Sequence[Evaluation], settings: TrainingSettings) -> tuple[Alarm, ...]:
    """At most one alarm per measure: the first time that it was under its floor.

    Every generator starts narrow: before `alarm_after_share` of the budget, an evaluation counts only where the measure
    had been well above its floor, and fell.
    """
    floors = floors_of(settings)
    found = (_first_alarm(evaluations, measure, floor, settings) for measure, floor in floors.items())
    return tuple(alarm for alarm in found if alarm is not None)


def saturation(window: Window, settings: TrainingSettings) -> Alarm | None:
    """The alarm where the discriminator tells every real image from its synthetic pair: the generator learns nothing.

    Not before `alarm_after_share` of the budget.
    """
    value, ceiling = window.real_above_fake, settings.health.saturation_ceiling
    if not value > ceiling or window.images_seen < settings.alarm_after_share * settings.budget_images:
        return None
    sentence = (
        f"collapse: the discriminator scored {value:.2%} of real images above synthetic ones before "
        f"{window.images_seen} images, over its ceiling of {ceiling:.2%}; raise gamma_end or lower learning_rate_start"
    )
    return Alarm(
        images_seen=window.images_seen, measure="saturation", floor=ceiling, values=(value,), sentence=sentence
    )


def divergence(numbers: Mapping[str, np.ndarray], settings: TrainingSettings) -> str | None:
    """What is wrong with the numbers of some steps, {name: float [steps]}, None if nothing."""
    for values in numbers.values():
        if not np.isfinite(values).all():
            return "losses or weights were not finite"
    limit = settings.health.loss_limit
    for name, values in numbers.items():
        if np.abs(values).max(initial=0.0) > limit:
            return f"{name.replace('_', ' ')} was {np.abs(values).max():.3g}, over health.loss_limit {limit:g},"
    return None


def _first_alarm(
    evaluations: Sequence[Evaluation], measure: str, floor: float, settings: TrainingSettings
) -> Alarm | None:
    first_images = settings.alarm_after_share * settings.budget_images
    needed = settings.health.evaluations_in_a_row
    under: list[Evaluation] = []
    learned = False
    for evaluation in evaluations:
        value = float(getattr(evaluation, measure))
        learned = learned or value > _WELL_ABOVE * floor
        counts = value < floor and (learned or evaluation.images_seen >= first_images)
        under = [*under, evaluation] if counts else []
        if len(under) == needed:
            values = tuple(float(getattr(each, measure)) for each in under)
            return Alarm(
                images_seen=evaluation.images_seen,
                measure=measure,
                floor=floor,
                values=values,
                sentence=_sentence(measure, floor, under, values),
            )
    return None


def _sentence(measure: str, floor: float, window: Sequence[Evaluation], values: Sequence[float]) -> str:
    seen = " and ".join(str(evaluation.images_seen) for evaluation in window)
    numbers = " and ".join(f"{value:.3f}" for value in values)
    return (
        f"collapse: {measure} was {numbers} after {seen} images, under its floor of {floor:g}; "
        "look at the sample grids, and raise gamma_end or lower learning_rate_start"
    )
