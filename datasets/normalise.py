"""Pixel values for training: levels uint8 [0, 255] -> float32, and back.

Every method is `(level - shift) / divisor` in float32 with constants of its own: one subtraction and one division, so
NumPy and TensorFlow give the same bits. The way back loses nothing: each of the two steps is off by at most 2^-24 of
the largest distance from the shift, which is far less than half a level.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from datasets.errors import BadInput

Method = Literal["none", "unit", "symmetric", "centre", "standardise", "min_max", "percentile_clip"]
METHODS: tuple[Method, ...] = get_args(Method)
PER_IMAGE: tuple[Method, ...] = ("min_max", "percentile_clip")
"""Methods whose constants are those of the image itself: its `pixel_range`."""
SMALLEST_STD = 1e-6
"""A channel that is constant in the whole training split is standardised to 0, not divided by 0."""

MAX_LEVEL = 255


@dataclass(frozen=True, slots=True)
class Normalise:
    """What `index.json` says: mean and deviation per channel of the real training split in [0, 1], and the method."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    method: Method = "symmetric"
    low_percentile: float = 1.0
    high_percentile: float = 99.0


@dataclass(frozen=True, slots=True, eq=False)
class Constants:
    """`shift` and `divisor`, float32 in levels: [], per channel [C], or per image [N, 1, 1, 1].

    With `clips`, levels outside of [shift, shift + divisor] are lost.
    """

    shift: np.ndarray
    divisor: np.ndarray
    clips: bool = False


def constants_of(how: Normalise, images: np.ndarray | None = None) -> Constants:
    """The constants of the method; those of min_max and percentile_clip are taken from `images`, uint8 [N, H, W, C].

    Ranges that they normalise to: none [0, 255], unit, min_max and percentile_clip [0, 1], symmetric [-1, 1], centre
    [-1, 1] around the training mean, standardise around 0 with deviation 1. Raises BadInput for an unknown method, and
    for one of the images' own without images.
    """
    if how.method in PER_IMAGE:
        if images is None:
            raise BadInput(f"got no images for {how.method}, whose constants are those of each image; give images")
        return range_constants(pixel_ranges(images, how), how)
    shift, divisor = affine(how)
    return Constants(np.asarray(shift, dtype=np.float32), np.asarray(divisor, dtype=np.float32))


def affine(how: Normalise) -> tuple[float | list[float], float | list[float]]:
    """Shift and divisor in levels of a method that has the same for all images. Raises BadInput for others."""
    mean = [MAX_LEVEL * value for value in how.mean]
    match how.method:
        case "none":
            return 0.0, 1.0
        case "unit":
            return 0.0, 255.0
        case "symmetric":
            return 127.5, 127.5
        case "centre":
            return mean, 255.0
        case "standardise":
            return mean, [MAX_LEVEL * max(value, SMALLEST_STD) for value in how.std]
    raise BadInput(f"got method {how.method!r}; allowed are {', '.join(METHODS)}")


def pixel_ranges(images: np.ndarray, how: Normalise) -> np.ndarray:
    """Uint8 [N, H, W, C] -> int64 [N, 2]: the levels that become 0 and 1, over all channels, the second the larger.

    min_max: the smallest and the largest level. percentile_clip: the smallest levels that at least the two
    percentages of values do not exceed, so both are levels of the image.
    """
    values = images.reshape(len(images), math.prod(images.shape[1:]))
    ranges = np.empty((len(images), 2), dtype=np.int64)
    if how.method == "min_max":
        ranges[:, 0], ranges[:, 1] = values.min(axis=1), values.max(axis=1)
    else:
        ranks = percentile_ranks(values.shape[1], how)
        for row, levels in enumerate(values):
            ranges[row] = np.searchsorted(np.bincount(levels, minlength=MAX_LEVEL + 1).cumsum(), ranks)
    ranges[:, 1] = np.maximum(ranges[:, 1], ranges[:, 0] + 1)  # an image of one level becomes 0
    return ranges


def percentile_ranks(n_values: int, how: Normalise) -> tuple[int, int]:
    """The ranks, from 1, of the two percentiles among so many sorted values."""
    # 7 % of 100 is 7.000000000000001 in floating point.
    low, high = (math.ceil(n_values * p / 100 - 1e-9) for p in (how.low_percentile, how.high_percentile))
    return max(low, 1), max(high, 1)


def range_constants(ranges: np.ndarray, how: Normalise) -> Constants:
    """Pixel ranges int64 [N, 2], as records of float32 shards hold them -> constants of those images."""
    low, high = (ranges[:, side].reshape(-1, 1, 1, 1).astype(np.float32) for side in (0, 1))
    return Constants(low, high - low, clips=how.method == "percentile_clip")


def normalise(images: np.ndarray, constants: Constants) -> np.ndarray:
    """Uint8 [..., C] (with constants per image: [N, H, W, C]) -> float32 of the same shape."""
    values: np.ndarray = images.astype(np.float32)
    if constants.clips:
        np.clip(values, constants.shift, constants.shift + constants.divisor, out=values)
    values -= constants.shift
    values /= constants.divisor
    return values


def denormalise(values: np.ndarray, constants: Constants) -> np.ndarray:
    """Float32 from `normalise` with the same constants -> the uint8 that it was given, exactly.

    Where the constants clip (percentile_clip), that is true of levels within the range; others come back as its ends.
    Values that no level gives become the nearest level.
    """
    levels = values.astype(np.float64)
    levels *= constants.divisor
    levels += constants.shift
    return np.rint(levels, out=levels).clip(0, MAX_LEVEL).astype(np.uint8)
