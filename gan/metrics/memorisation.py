"""Whether synthetic images are near copies of training images, more than held-out real images are.

No such measure detects memorisation reliably (Stein et al. 2023, arXiv:2306.04675), so the closest pairs are named too:
look at them.
"""

from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput

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
    threshold: float  # grey levels
    median_ratio: float  # median synthetic distance / median held-out distance
    closest_pairs: tuple[tuple[int, int, float], ...]  # (synthetic index, training index, distance), closest first
    n_synthetic: int
    n_held_out: int


def nearest_training(images: np.ndarray, training: np.ndarray) -> NearestTraining:
    """Nearest neighbours of uint8 [N, H, W, C] among uint8 [M, H, W, C], by mean absolute difference.

    Exact among the 16 training images that are nearest by Euclidean distance, which matrix products find quickly.
    Raises BadInput where the shapes differ or a set is empty.
    """
    if images.shape[1:] != training.shape[1:] or not len(images) or not len(training):
        raise BadInput(f"images {images.shape} and training images {training.shape} cannot be compared")
    rows = images.reshape(len(images), -1).astype(np.float32)
    columns = training.reshape(len(training), -1)
    index, distance = np.empty(len(rows), dtype=np.int64), np.empty(len(rows))
    step = max(1, min(_BLOCK_NUMBERS // len(columns), _BLOCK_NUMBERS // (_CANDIDATES * columns.shape[1])))
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        candidates = _nearest_by_square(block, columns)
        differences = np.abs(columns[candidates].astype(np.float32) - block[:, None]).mean(axis=2, dtype=np.float64)
        best = differences.argmin(axis=1)
        index[start : start + step] = np.take_along_axis(candidates, best[:, None], axis=1)[:, 0]
        distance[start : start + step] = differences.min(axis=1)
    return NearestTraining(index, distance)


def memorisation(
    synthetic: np.ndarray, held_out: np.ndarray, training: np.ndarray, *, quantile: float = 0.05, pairs: int = 16
) -> Memorisation:
    """Compare uint8 image sets. A near copy is nearer to training than `quantile` of the held-out images are.

    The held-out images must be real, of the same source, and unseen by the generator.
    """
    made, unseen = nearest_training(synthetic, training), nearest_training(held_out, training)
    threshold = float(np.quantile(unseen.distance, quantile))
    synthetic_rate = float((made.distance <= threshold).mean())
    held_out_rate = float((unseen.distance <= threshold).mean())
    closest = np.argsort(made.distance, kind="stable")[:pairs]
    return Memorisation(
        excess_rate=synthetic_rate - held_out_rate,
        synthetic_rate=synthetic_rate,
        held_out_rate=held_out_rate,
        threshold=threshold,
        median_ratio=_ratio(float(np.median(made.distance)), float(np.median(unseen.distance))),
        closest_pairs=tuple((int(i), int(made.index[i]), float(made.distance[i])) for i in closest),
        n_synthetic=len(synthetic),
        n_held_out=len(held_out),
    )


def _nearest_by_square(block: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """int64 [B, K]: indices of the nearest columns, in ascending order so that ties have one outcome."""
    count = min(_CANDIDATES, len(columns))
    squares = np.empty((len(block), len(columns)), dtype=np.float32)
    step = max(1, _BLOCK_NUMBERS // columns.shape[1])
    for start in range(0, len(columns), step):
        part = columns[start : start + step].astype(np.float32)
        squares[:, start : start + step] = np.sum(part * part, axis=1) - 2.0 * (block @ part.T)
    return np.sort(np.argpartition(squares, count - 1, axis=1)[:, :count], axis=1)


def _ratio(numerator: float, denominator: float) -> float:
    if denominator == 0.0:
        return 1.0 if numerator == 0.0 else float("inf")
    return numerator / denominator
