"""Frechet distance between two sets of feature vectors, each seen as one Gaussian.

Over features of a classifier this is a `frechet_distance`, never "FID": that name belongs to one Inception network.
It falls with n as d(n) = d(infinity) + c / n, so two distances are comparable only at the same n.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from datasets.errors import BadInput
from gan.metrics.feature_checks import check_same_extractor, feature_rows, picked_blocks


@dataclass(frozen=True, slots=True)
class Statistics:
    """`mean` float64 [D]; `factor` float64 [P, D], P <= min(n, D), factor.T @ factor is the covariance (n - 1).

    n is the number of vectors.
    """

    n: int
    mean: np.ndarray
    factor: np.ndarray


def statistics(features: np.ndarray, picked: np.ndarray | None = None) -> Statistics:
    """Mean and covariance factor of [N, D], or of the rows `picked` int64 [n] of it; n >= 2.

    Needs little more memory than the factor. Raises BadInput for fewer vectors, or for values that are not finite.
    """
    rows = feature_rows(features, at_least=2, what="the Frechet distance")
    if picked is not None and len(picked) < 2:
        raise BadInput(f"{len(picked)} vectors were picked; the Frechet distance needs at least 2")
    return _statistics(rows, np.arange(len(rows)) if picked is None else picked)


def _statistics(rows: np.ndarray, picked: np.ndarray) -> Statistics:
    n, size = len(picked), rows.shape[1]
    mean = sum(block.sum(axis=0, dtype=np.float64) for block in picked_blocks(rows, picked)) / n
    if n <= size:
        return Statistics(n, mean, (rows[picked] - mean) / np.sqrt(n - 1))
    scatter = np.zeros((size, size))
    for block in picked_blocks(rows, picked):
        centred = block - mean
        scatter += centred.T @ centred
    return Statistics(n, mean, covariance_factor(scatter / (n - 1)))


def covariance_factor(covariance: np.ndarray) -> np.ndarray:
    """float64 [P, D] with factor.T @ factor = covariance [D, D] of numerical rank P.

    Directions whose variance is nothing but rounding are left out: their root would be noise of 1e-8 of the largest.
    """
    variances, directions = linalg.eigh(covariance)
    kept = variances > len(variances) * np.finfo(np.float64).eps * variances[-1]
    factor: np.ndarray = np.sqrt(variances[kept])[:, None] * directions[:, kept].T
    return factor


def frechet_distance(first: Statistics, second: Statistics) -> float:
    """Squared 2-Wasserstein distance of the two Gaussians; >= 0, exact for rank-deficient covariances too.

    Raises BadInput where the features are not of one length, where neither set varies at all, or where statistics hold
    numbers that are not finite.
    Heusel et al. 2017, arXiv:1706.08500; Dowson and Landau 1982.
    """
    check_same_extractor(len(first.mean), len(second.mean))
    if not first.factor.any() and not second.factor.any():
        raise BadInput("the feature vectors of both sets do not vary at all; use another extractor")
    means = float(np.sum((first.mean - second.mean) ** 2))
    spreads = float(np.sum(first.factor**2) + np.sum(second.factor**2))
    if not math.isfinite(means + spreads):
        raise BadInput("the statistics hold numbers that are not finite or too large; measure them again")
    return max(0.0, means + spreads - 2.0 * root_trace(first.factor, second.factor))


def root_trace(first: np.ndarray, second: np.ndarray) -> float:
    """tr((A'A B'B)^(1/2)) for factors A [P, D] and B [Q, D].

    It is the nuclear norm of A B', which needs no full rank and no root of a number that rounding made negative. The
    eigenvalues of A B'B A' would be cheaper, and have half the digits of the small ones.
    """
    return float(linalg.svdvals(first @ second.T).sum())


def distance_at_n(features: np.ndarray, reference: Statistics, n: int, *, seed: int, repeats: int = 10) -> float:
    """Mean distance to the reference of random subsets of n out of [N, D]: compares sets of unequal size fairly.

    Raises BadInput where there are fewer than n vectors, or n is below 2.
    """
    if n > len(features):
        raise BadInput(f"{n} vectors were asked of {len(features)}; ask for at most {len(features)}")
    rng = np.random.default_rng([seed, 0x_D157])
    picks = (rng.choice(len(features), n, replace=False) for _ in range(repeats if n < len(features) else 1))
    return float(np.mean([frechet_distance(statistics(features, pick), reference) for pick in picks]))
