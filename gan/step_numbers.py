"""What one step of training tells of itself. Imports no TensorFlow."""

from collections.abc import Iterable
from typing import NamedTuple, Self


class StepNumbers(NamedTuple):
    """Means over the batch of the discriminator's update; a compiled step gives them as float32 [8] in this order."""

    discriminator_loss: float
    generator_loss: float
    penalty: float  # unweighted; of the last step that had one
    real_score: float
    fake_score: float
    pair_share: float  # share of pairs whose real image scores above the synthetic one
    real_sign: float  # mean sign of real images' margins, which overfitting drives to 1: arXiv:2006.06676
    augmentation_probability: float

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Self:
        """From what a step gave."""
        return cls(*(float(number) for number in numbers))
