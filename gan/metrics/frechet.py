"""Frechet distance between two sets of feature vectors, each seen as one Gaussian.

Over features of a classifier this is a `frechet_distance`, never "FID": that name belongs to one Inception network.
It falls with n as d(n) = d(infinity) + c / n, so two distances are comparable only at the same n.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from datasets.errors import BadInput

_SMALL = 512


@dataclass(frozen=True, slots=True)
class Statistics:
    """`mean` float64 [D]; `factor` float64 [min(n, D), D], factor.T @ factor is the covariance (n - 1); n vectors."""

    n: int
    mean: np.ndarray
    factor: np.ndarray


def statistics(features: np.ndarray) -> Statistics:
    """Mean and covariance factor of [N, D], N >= 2.

    Raises BadInput for fewer vectors, or for values that are not finite.
    """
    rows = _checked(features)
    mean = rows.mean(axis=0)
    centered = (rows - mean) / np.sqrt(len(rows) - 1)
    if len(rows) > rows.shape[1]:
        centered = linalg.qr(centered, mode="r")[0][: rows.shape[1]]
    return Statistics(len(rows), mean, centered)


def frechet_distance(first: Statistics, second: Statistics) -> float:
    """Squared 2-Wasserstein distance of the two Gaussians; >= 0, exact for rank-deficient covariances too.

    Raises BadInput where the features are not of one length.
    Heusel et al. 2017, arXiv:1706.08500; Dowson and Landau 1982.
    """
    if len(first.mean) != len(second.mean):
        raise BadInput(
            f"features of {len(first.mean)} and of {len(second.mean)} numbers cannot be compared; "
            "measure both sets with the same extractor"
        )
    means = float(np.sum((first.mean - second.mean) ** 2))
    spreads = float(np.sum(first.factor**2) + np.sum(second.factor**2))
    return max(0.0, means + spreads - 2.0 * root_trace(first.factor, second.factor))


def root_trace(first: np.ndarray, second: np.ndarray) -> float:
    """tr((A'A B'B)^(1/2)) for factors A [P, D] and B [Q, D].

    It is the nuclear norm of A B', which needs no clipping and no full rank. For large P = Q = D the eigenvalues of
    the symmetric A B'B A' are the squares of the same numbers: cheaper, with half the digits for the small ones.
    """
    product = first @ second.T
    if min(product.shape) <= max(_SMALL, first.shape[1] - 1):
        return float(linalg.svdvals(product).sum())
    eigenvalues = linalg.eigvalsh(product @ product.T)
    return float(np.sqrt(np.clip(eigenvalues, 0.0, None)).sum())


def bootstrap_interval(
    first: np.ndarray, second: np.ndarray, *, seed: int, repeats: int = 100, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the distance between [N, D] and [M, D], both resampled with replacement; low >= 0.

    Resampling repeats vectors and so raises the distance; the replicates are therefore moved to have the measured
    distance as their mean before the quantiles are taken.
    """
    rng = np.random.default_rng([seed, 0x_F4EC])
    measured = frechet_distance(statistics(first), statistics(second))
    replicates = np.array([_resampled_distance(first, second, rng) for _ in range(repeats)])
    moved = replicates - replicates.mean() + measured
    low, high = np.quantile(moved, [(1 - level) / 2, (1 + level) / 2])
    return max(0.0, float(low)), float(high)


def distance_at_n(features: np.ndarray, reference: Statistics, n: int, *, seed: int, repeats: int = 10) -> float:
    """Mean distance to the reference of random subsets of n out of [N, D]: compares sets of unequal size fairly.

    Raises BadInput where there are fewer than n vectors.
    """
    if n > len(features):
        raise BadInput(f"{n} vectors were asked of {len(features)}; ask for at most {len(features)}")
    rng = np.random.default_rng([seed, 0x_D157])
    picks = (rng.choice(len(features), n, replace=False) for _ in range(repeats if n < len(features) else 1))
    return float(np.mean([frechet_distance(statistics(features[pick]), reference) for pick in picks]))


def _resampled_distance(first: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> float:
    picks = [features[rng.integers(len(features), size=len(features))] for features in (first, second)]
    return frechet_distance(statistics(picks[0]), statistics(picks[1]))


def _checked(features: np.ndarray) -> np.ndarray:
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 2:
        raise BadInput(f"features have shape {rows.shape}; statistics need [N, D] with N of at least 2")
    if not np.isfinite(rows).all():
        raise BadInput(f"{int((~np.isfinite(rows)).any(axis=1).sum())} of {len(rows)} feature vectors are not finite")
    return rows
