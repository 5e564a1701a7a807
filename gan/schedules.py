"""Numbers that change during training, as functions of images seen."""

import math
from dataclasses import dataclass

from gan.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """What one step is made with."""

    learning_rate: float
    weight: float
    beta2: float
    ema_decay: float


def scheduled(
    settings: TrainingSettings, weights: tuple[float, float], images_seen: int, rollbacks: int = 0, collapses: int = 0
) -> Scheduled:
    """Values after so many images; `weights` are the first and last of the step's extra term (R1 and R2, say).

    Every return to a checkpoint lowers the learning rate; one after a collapse also raises the weight.
    """

    def now(start: float, end: float) -> float:
        return cosine(start, end, images_seen, settings.budget_images)

    rate = now(settings.learning_rate_start, settings.learning_rate_end)
    return Scheduled(
        learning_rate=rate * settings.rollback_learning_rate_factor**rollbacks,
        weight=now(*weights) * settings.health.gamma_factor**collapses,
        beta2=now(settings.beta2_start, settings.beta2_end),
        ema_decay=ema_decay(
            settings.batch_size * settings.steps_per_generator_step, settings.ema_halflife_images, images_seen
        ),
    )


def cosine(start: float, end: float, images_seen: int, budget_images: int) -> float:
    """From `start` at the first image to `end` at the end of the budget, and `end` after it."""
    share = min(1.0, images_seen / budget_images)
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * share))


def ema_decay(images: int, halflife_images: int, images_seen: int) -> float:
    """What averaged weights keep when they are moved, which happens once for so many real `images`.

    The half-life is at most a quarter of the images seen, so that the random start is forgotten soon.
    Karras et al. 2024, arXiv:2312.02696, for averages in proportion to the time trained.
    """
    halflife = min(float(halflife_images), images_seen / 4)
    return 0.5 ** (images / halflife) if halflife > 0 else 0.0
