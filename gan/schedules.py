"""Numbers that change during training, as functions of images seen."""

import math


def cosine(start: float, end: float, images_seen: int, budget_images: int) -> float:
    """From `start` at the first image to `end` at the end of the budget, and `end` after it."""
    share = min(1.0, images_seen / budget_images)
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * share))


def ema_decay(batch_size: int, halflife_images: int, images_seen: int) -> float:
    """What averaged weights keep in one step.

    The half-life is at most a quarter of the images seen, so that the random start is forgotten soon.
    Karras et al. 2024, arXiv:2312.02696, for averages in proportion to the time trained.
    """
    halflife = min(float(halflife_images), images_seen / 4)
    return 0.5 ** (batch_size / halflife) if halflife > 0 else 0.0
