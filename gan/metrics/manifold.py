"""Precision, recall, density and coverage: how two sets of features overlap as unions of nearest-neighbour balls.

The ball of a point reaches to its k-th nearest neighbour in its own set, the point itself not counted. A point exactly
on the surface is inside (<=), so that repeated vectors overlap fully with themselves instead of not at all.
"""

from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.feature_checks import check_not_constant, feature_rows
from gan.metrics.neighbours import Pairs, nearest


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

    Raises BadInput where either set has not more than k vectors, all real ones are equal, or k is below 1.
    Kynkaanniemi et al. 2019, arXiv:1904.06991 (precision, recall); Naeem et al. 2020, arXiv:2002.09797.
    """
    real, synthetic = (feature_rows(rows, at_least=1, what="the overlap") for rows in (real, synthetic))
    check_not_constant(real, "the overlap")
    pairs = Pairs(real, synthetic)
    real_limits, synthetic_limits = _squared_radii(real, k), _squared_radii(synthetic, k)
    in_real_balls = np.zeros(len(synthetic), dtype=np.int64)
    recalled = np.zeros(len(real), dtype=bool)
    covered = np.zeros(len(real), dtype=bool)
    for tile in pairs.tiles():
        for i, j in pairs.within(tile, real_limits[:, None]):
            in_real_balls += np.bincount(j, minlength=len(synthetic))
            covered[i] = True
        for i, _ in pairs.within(tile, synthetic_limits[None, :], wanted=~recalled):
            recalled[i] = True
    return Overlap(
        precision=float((in_real_balls > 0).mean()),
        recall=float(recalled.mean()),
        density=float(in_real_balls.mean() / k),
        coverage=float(covered.mean()),
        k=k,
        n_real=len(real),
        n_synthetic=len(synthetic),
    )


def _squared_radii(features: np.ndarray, k: int) -> np.ndarray:
    """float64 [N]: squared distance from each of [N, D] to its k-th nearest other one."""
    if k < 1:
        raise BadInput(f"k is {k}; a ball reaches to the 1st neighbour or a later one")
    if len(features) <= k:
        raise BadInput(f"{len(features)} vectors have no {k}-th nearest neighbour; use more than k vectors")
    # The point itself is at distance 0 and takes the first place.
    return nearest(features, features, k + 1).squared[:, k]
