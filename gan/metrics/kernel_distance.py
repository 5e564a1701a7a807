"""Kernel distance (KID): unbiased squared maximum mean discrepancy with a cubic kernel."""

from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput

_GROUPS = 20


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """Unbiased, so it may be slightly negative. `standard_error` is by jackknife over groups of vectors."""

    value: float
    standard_error: float
    n: int  # vectors used of each set


def kernel_distance(synthetic: np.ndarray, real: np.ndarray, *, seed: int, max_samples: int = 2000) -> KernelDistance:
    """Distance of [N, D] and [M, D]; equal numbers of both are used, at most `max_samples`, drawn by the seed.

    Features are standardised by the real set first: the kernel is cubic, and on raw features a few large ones are
    all that it sees. Raises BadInput for fewer than 40 vectors in either set.
    Binkowski et al. 2018, arXiv:1801.01401.
    """
    n = min(len(synthetic), len(real), max_samples)
    if n < 2 * _GROUPS:
        raise BadInput(f"kernel distance got {len(synthetic)} and {len(real)} vectors; it needs at least {2 * _GROUPS}")
    rng = np.random.default_rng([seed, 0x_41D])
    center, scale = _standardisation(real)
    x, y = ((_drawn(features, n, rng) - center) / scale for features in (synthetic, real))
    value, left_out = _estimate_and_jackknife(x, y)
    error = np.sqrt((_GROUPS - 1) / _GROUPS * np.sum((left_out - left_out.mean()) ** 2))
    return KernelDistance(value, float(error), n)


def cubic_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x.y / D + 1)^3 for [N, D] and [M, D], as [N, M]."""
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _estimate_and_jackknife(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The estimate of Gretton et al. 2012, eq. 3, and the estimates without each group.

    Kernels are computed once and summed by group.
    """
    group = np.arange(len(x)) % _GROUPS
    xx, yy, xy = (_group_sums(cubic_kernel(a, b), group) for a, b in ((x, x), (y, y), (x, y)))
    diagonals = [np.bincount(group, (np.sum(a * a, axis=1) / a.shape[1] + 1.0) ** 3) for a in (x, y)]
    sizes = np.bincount(group)
    everything = np.ones(_GROUPS, dtype=bool)
    left_out = [everything & (np.arange(_GROUPS) != g) for g in range(_GROUPS)]

    def estimate(keep: np.ndarray) -> float:
        n = sizes[keep].sum()
        block = np.ix_(keep, keep)
        within = xx[block].sum() - diagonals[0][keep].sum() + yy[block].sum() - diagonals[1][keep].sum()
        return float(within / (n * (n - 1)) - 2.0 * xy[block].sum() / n**2)

    return estimate(everything), np.array([estimate(keep) for keep in left_out])


def _group_sums(kernel: np.ndarray, group: np.ndarray) -> np.ndarray:
    member = np.eye(_GROUPS)[group]
    return member.T @ kernel @ member


def _standardisation(real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = np.asarray(real, dtype=np.float64)
    spread = rows.std(axis=0)
    varies = spread > 1e-6 * max(float(spread.max()), 1e-30)
    return rows.mean(axis=0), np.where(varies, spread, 1.0)


def _drawn(features: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(features, dtype=np.float64)[rng.permutation(len(features))[:n]]
