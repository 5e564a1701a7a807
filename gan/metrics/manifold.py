"""Precision, recall, density and coverage: how two sets of features overlap as unions of nearest-neighbour balls.

The ball of a point reaches to its k-th nearest neighbour in its own set, the point itself not counted. A point exactly
on the surface is inside (<=), so that two sets of one repeated vector overlap fully instead of not at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from datasets.errors import BadInput

_BLOCK_NUMBERS = 4_000_000  # distances held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Overlap:
    """Shares in [0, 1], except density, which may exceed 1.

    Precision: synthetic points inside some real ball. Recall: real points inside some synthetic ball.
    Density: real balls around a synthetic point, over k. Coverage: real balls that hold a synthetic point.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    k: int
    n_real: int
    n_synthetic: int


def overlap(real: np.ndarray, synthetic: np.ndarray, *, k: int = 5) -> Overlap:
    """Compare real [N, D] with synthetic [M, D]; recall grows with M and precision with N, so state both.

    Raises BadInput where either set has not more than k vectors.
    Kynkaanniemi et al. 2019, arXiv:1904.06991 (precision, recall); Naeem et al. 2020, arXiv:2002.09797.
    """
    real_radii, synthetic_radii = ball_radii(real, k), ball_radii(synthetic, k)
    in_real_balls = np.zeros(len(synthetic), dtype=np.int64)
    recalled = np.zeros(len(real), dtype=bool)
    covered = np.zeros(len(real), dtype=bool)
    for rows, distances in _distance_blocks(real, synthetic):
        inside_real = distances <= real_radii[rows, None]
        in_real_balls += inside_real.sum(axis=0)
        covered[rows] = inside_real.any(axis=1)
        recalled[rows] = (distances <= synthetic_radii[None, :]).any(axis=1)
    return Overlap(
        precision=float((in_real_balls > 0).mean()),
        recall=float(recalled.mean()),
        density=float(in_real_balls.mean() / k),
        coverage=float(covered.mean()),
        k=k,
        n_real=len(real),
        n_synthetic=len(synthetic),
    )


def ball_radii(features: np.ndarray, k: int) -> np.ndarray:
    """float64 [N]: distance from each of [N, D] to its k-th nearest other one."""
    if len(features) <= k:
        raise BadInput(f"{len(features)} vectors have no {k}-th nearest neighbour; use more than k vectors")
    radii = np.empty(len(features))
    for rows, distances in _distance_blocks(features, features):
        # The point itself is at distance 0 and takes the first place.
        radii[rows] = np.partition(distances, k, axis=1)[:, k]
    return radii


def _distance_blocks(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Euclidean distances in blocks of rows. By differences, not by inner products: equal vectors are at exactly 0."""
    step = max(1, _BLOCK_NUMBERS // len(second))
    for start in range(0, len(first), step):
        rows = slice(start, start + step)
        yield rows, cdist(first[rows], second)
