"""Whether one way of training is no worse than another by more than a margin, from what both got right.

Each way is trained once per seed and tested on the same images, and a seed gives both the same start and order. So an
entry is the difference for one seed and one image: -1, 0 or 1. The model is two-way and crossed with random effects,
difference = mean + seed + image + rest: it speaks of other images and other seeds of the same kinds, which McNemar's
test (one pair of networks) and a test over seeds alone (one set of images) do not. Gallas 2006, Academic Radiology 13,
and Hillis 2007, Statistics in Medicine 26, use it for readers and cases. The variances of the means by image and by
seed are added, which counts the rest twice: an interval that is a little too wide, not too narrow. Student's t with
Satterthwaite's degrees of freedom.

A few images on which nothing differs show little, though their variance is zero: two pseudo-images, one won and one
lost, are added as for paired shares. Bonett and Price 2012, Journal of Educational and Behavioral Statistics 37.
"""

import math
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from datasets.errors import BadInput

POWER = 0.8
_MOST_IMAGES = 10**7
_PSEUDO_IMAGES = 2


class Conclusion(StrEnum):
    """What an interval says of a margin. Piaggio et al. 2012, JAMA 308 (CONSORT for non-inferiority)."""

    NO_WORSE = "no worse"  # all of the interval is above minus the margin
    WORSE = "worse"  # all of it is below
    UNDECIDED = "undecided"  # minus the margin is inside it


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean difference in [-1, 1] of `images` images and `seeds` seeds, and what it varies by.

    `image_variance`: over images, of their differences averaged over seeds. `rest_variance`: of a single difference
    beyond its image and its seed. `seed_variance`: over seeds, beyond what the rest explains; 0 where that is all.
    """

    mean: float
    seeds: int
    images: int
    image_variance: float
    seed_variance: float
    rest_variance: float

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Both bounds hold with this confidence, each on its own side."""
        shrunk = self.mean * self.images / (self.images + _PSEUDO_IMAGES)
        width = self.half_width(self.images, confidence)
        return max(-1.0, shrunk - width), min(1.0, shrunk + width)

    def half_width(self, images: int, confidence: float = 0.95) -> float:
        """Of the interval on so many images of the same kind, with the same seeds."""
        error, degrees = self._standard_error(images)
        return error * float(stats.t.ppf(confidence, degrees))

    def images_needed(self, margin: float, confidence: float = 0.95, power: float = POWER) -> int | None:
        """Images on which a way that is just as good is found no worse, in a share `power` of cases.

        None where no number of images is enough: the seeds alone vary too much, and more of them are needed.
        """

        def enough(images: int) -> bool:
            error, degrees = self._standard_error(images)
            return error * float(stats.t.ppf([confidence, power], degrees).sum()) <= margin

        needed = 2 + bisect_left(range(2, _MOST_IMAGES + 1), True, key=enough)
        return needed if needed <= _MOST_IMAGES else None

    def conclusion(self, margin: float, confidence: float = 0.95) -> Conclusion:
        """Compared with a loss of `margin`, in (0, 1]."""
        low, high = self.interval(confidence)
        if low >= -margin:
            return Conclusion.NO_WORSE
        return Conclusion.WORSE if high < -margin else Conclusion.UNDECIDED

    def _standard_error(self, images: int) -> tuple[float, float]:
        """Of the mean over images with the two pseudo-images, and Satterthwaite's degrees of freedom."""
        total = images + _PSEUDO_IMAGES
        squares = (images - 1) * self.image_variance + 2.0 + 2.0 * images * self.mean**2 / total
        by_image = squares / (total - 1) / total
        by_seed = (self.seed_variance + self.rest_variance / images) / self.seeds * (images / total) ** 2
        degrees = (by_image + by_seed) ** 2 / (by_image**2 / (total - 1) + by_seed**2 / (self.seeds - 1))
        return math.sqrt(by_image + by_seed), degrees


def paired_difference(candidate: np.ndarray, reference: np.ndarray) -> PairedDifference:
    """Of what each got right, bool [S, N]: a row per seed, a column per image, the same ones in both.

    Raises BadInput where the shapes differ, for one seed (nothing says then how much a seed matters), for fewer than
    two images, or for results that are not bool.
    """
    if candidate.dtype != np.bool_ or reference.dtype != np.bool_:
        raise BadInput(
            f"results are {candidate.dtype} and {reference.dtype}; give bool, whether each image was got right"
        )
    if candidate.shape != reference.shape or candidate.ndim != 2:
        raise BadInput(
            f"results of {candidate.shape} and {reference.shape} cannot be paired; give [seeds, images] of both"
        )
    seeds, images = candidate.shape
    if seeds < 2 or images < 2:
        raise BadInput(f"a paired comparison got {seeds} seeds and {images} images; it needs two of each")
    differences = candidate.astype(np.float64) - reference
    by_seed, by_image, mean = differences.mean(axis=1), differences.mean(axis=0), float(differences.mean())
    rest = differences - by_seed[:, None] - by_image + mean
    rest_variance = float(np.sum(rest**2)) / ((seeds - 1) * (images - 1))
    seed_variance = max(0.0, float(by_seed.var(ddof=1)) - rest_variance / images)
    return PairedDifference(mean, seeds, images, float(by_image.var(ddof=1)), seed_variance, rest_variance)
