"""Whether synthetic images are copies or near copies of training images, more than held-out real images are.

No such measure detects memorisation reliably (Stein et al. 2023, arXiv:2306.04675), so the closest pairs are named too:
look at them.
"""

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.excess import ExcessRate, excess
from gan.metrics.feature_checks import check_not_constant, feature_rows
from gan.metrics.neighbours import nearest

_CANDIDATES = 16
_BLOCK_NUMBERS = 8_000_000  # numbers held at once: 32 MB


@dataclass(frozen=True, slots=True)
class NearestTraining:
    """For each image: index of its nearest training image and mean absolute difference in grey levels [0, 255]."""

    index: np.ndarray  # int64 [N]
    distance: np.ndarray  # float64 [N]


@dataclass(frozen=True, slots=True)
class Memorisation:
    """Near-copy rates in [0, 1]; `excess_rate` = synthetic - held out, and may be negative."""

    excess_rate: float
    synthetic_rate: float
    held_out_rate: float
    threshold: float  # grey levels, or distance of features
    median_ratio: float  # median synthetic distance / median held-out distance
    closest_pairs: tuple[tuple[int, int, float], ...]  # (synthetic index, training index, distance), closest first
    n_synthetic: int
    n_held_out: int


def nearest_training(images: np.ndarray, training: np.ndarray) -> NearestTraining:
    """Nearest neighbours of uint8 [N, H, W, C] among uint8 [M, H, W, C], by mean absolute difference.

    Exact among the 16 training images that are nearest by Euclidean distance, which matrix products find quickly.
    Raises BadInput where the shapes differ, a set is empty, or pixels are not uint8.
    """
    _check_comparable(images, training)
    rows = images.reshape(len(images), -1).astype(np.float32)
    columns = training.reshape(len(training), -1)
    index, distance = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    step = max(1, min(_BLOCK_NUMBERS // len(columns), _BLOCK_NUMBERS // (_CANDIDATES * columns.shape[1])))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        candidates = _nearest_by_square(block, columns)
        differences = np.abs(columns[candidates].astype(np.float32) - block[:, None]).mean(axis=2, dtype=np.float64)
        index[start : start + step] = candidates[np.arange(len(block)), differences.argmin(axis=1)]
        distance[start : start + step] = differences.min(axis=1)
    return NearestTraining(index, distance)


def memorisation(
    synthetic: np.ndarray, held_out: np.ndarray, training: np.ndarray, *, quantile: float = 0.05, pairs: int = 16
) -> Memorisation:
    """Compare uint8 image sets. A near copy is nearer to training than `quantile` of the held-out images are.

    The held-out images must be real, of the same source, and unseen by the generator. Raises BadInput like
    `nearest_training`.
    """
    return _compared(
        nearest_training(synthetic, training), nearest_training(held_out, training), quantile=quantile, pairs=pairs
    )


def feature_memorisation(
    synthetic: np.ndarray, held_out: np.ndarray, training: np.ndarray, *, quantile: float = 0.05, pairs: int = 16
) -> Memorisation:
    """The same in feature space, by Euclidean distance of [N, D], [H, D] and [M, D]; ties go to the lower index.

    It finds copies that are shifted or recoloured, which pixels do not. Raises BadInput where all training vectors are
    equal, for vectors of another length, or values that are not finite.
    """
    training = feature_rows(training, at_least=2, what="the nearest training image")
    check_not_constant(training, "the nearest training image")
    found = []
    for rows in (synthetic, held_out):
        neighbours = nearest(feature_rows(rows, at_least=1, what="the nearest training image"), training)
        found.append(NearestTraining(neighbours.index[:, 0], neighbours.distance[:, 0]))
    return _compared(found[0], found[1], quantile=quantile, pairs=pairs)


def exact_copies(synthetic: np.ndarray, held_out: np.ndarray, training: np.ndarray) -> ExcessRate:
    """Shares of uint8 [N, H, W, C] that are equal to a training image in every pixel.

    Raises BadInput where the shapes differ, a set is empty, or pixels are not uint8.
    """
    for images in (synthetic, held_out):
        _check_comparable(images, training)
    known = set(map(_digest, training))
    made, unseen = (np.array([_digest(image) in known for image in images]) for images in (synthetic, held_out))
    return excess(made, unseen)


def _compared(made: NearestTraining, unseen: NearestTraining, *, quantile: float, pairs: int) -> Memorisation:
    threshold = float(np.quantile(unseen.distance, quantile))
    rates = excess(made.distance <= threshold, unseen.distance <= threshold)
    closest = np.argsort(made.distance, kind="stable")[:pairs]
    return Memorisation(
        excess_rate=rates.excess_rate,
        synthetic_rate=rates.synthetic_rate,
        held_out_rate=rates.held_out_rate,
        threshold=threshold,
        median_ratio=_ratio(float(np.median(made.distance)), float(np.median(unseen.distance))),
        closest_pairs=tuple((int(i), int(made.index[i]), float(made.distance[i])) for i in closest),
        n_synthetic=rates.n_synthetic,
        n_held_out=rates.n_held_out,
    )


def _check_comparable(images: np.ndarray, training: np.ndarray) -> None:
    if images.dtype != np.uint8 or training.dtype != np.uint8:
        raise BadInput(f"images are {images.dtype}, training images {training.dtype}; give uint8 levels, 0 to 255")
    if images.shape[1:] != training.shape[1:] or not len(images) or not len(training):
        raise BadInput(f"images {images.shape} and training images {training.shape} cannot be compared")


def _digest(image: np.ndarray) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()


def _nearest_by_square(block: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """int64 [B, K]: indices of the nearest columns, in ascending order so that ties have one outcome."""
    count = min(_CANDIDATES, len(columns))
    squares = np.empty((len(block), len(columns)), dtype=np.float32)
    step = max(1, _BLOCK_NUMBERS // columns.shape[1])
    for start in range(0, len(columns), step):
        part = columns[start : start + step].astype(np.float32)
        squares[:, start : start + step] = np.sum(part * part, axis=1) - 2.0 * (block @ part.T)
    return np.sort(np.argpartition(squares, count - 1)[:, :count])


def _ratio(numerator: float, denominator: float) -> float:
    if denominator == 0.0:
        return 1.0 if numerator == 0.0 else math.inf
    return numerator / denominator
