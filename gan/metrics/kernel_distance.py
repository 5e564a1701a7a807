"""Kernel distance (KID): unbiased squared maximum mean discrepancy with a cubic kernel."""

from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.feature_checks import check_not_constant, check_same_extractor, feature_rows, row_blocks

_GROUPS = 20
_BLOCK_NUMBERS = 4_000_000  # kernel values held at once: 32 MB
MIN_VECTORS = 2 * _GROUPS


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """Unbiased, so it may be slightly negative. `standard_error` is by jackknife over groups of vectors."""

    value: float
    standard_error: float
    n: int  # vectors used of each set


def kernel_distance(
    synthetic: np.ndarray, real: np.ndarray, *, seed: int, max_samples: int = 2000, standardise: bool = True
) -> KernelDistance:
    """Distance of [N, D] and [M, D]; equal numbers of both are used, at most `max_samples`, drawn by the seed.

    Features are standardised by the real set first: the kernel is cubic, and on raw features a few large ones are
    all that it sees. Only for features of Inception, where published numbers are on raw ones, leave it away.
    Raises BadInput for fewer than 40 vectors in either set, where all real ones are equal, or for too large numbers.
    Binkowski et al. 2018, arXiv:1801.01401.
    """
    n = min(len(synthetic), len(real), max_samples)
    if n < MIN_VECTORS:
        raise BadInput(f"kernel distance got {len(synthetic)} and {len(real)} vectors; it needs at least {MIN_VECTORS}")
    synthetic, real = (
        feature_rows(rows, at_least=MIN_VECTORS, what="the kernel distance") for rows in (synthetic, real)
    )
    check_same_extractor(synthetic.shape[1], real.shape[1])
    check_not_constant(real, "the kernel distance")
    rng = np.random.default_rng([seed, 0x_41D])
    center, scale = _standardisation(real) if standardise else (0.0, 1.0)
    x, y = ((_drawn(features, n, rng) - center) / scale for features in (synthetic, real))
    with np.errstate(over="ignore", invalid="ignore"):
        value, left_out = _estimate_and_jackknife(x, y)
        error = np.sqrt((_GROUPS - 1) / _GROUPS * np.sum((left_out - left_out.mean()) ** 2))
    if not np.isfinite([value, error]).all():
        raise BadInput(
            "features are too large for the cubes of the kernel distance; look at what the extractor was given"
        )
    return KernelDistance(value, float(error), n)


def cubic_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(x.y / D + 1)^3 for [N, D] and [M, D], as [N, M]."""
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _estimate_and_jackknife(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The estimate of Gretton et al. 2012, eq. 3, and the estimates without each group.

    Kernels are computed once and summed by group.
    """
    group = np.arange(len(x)) % _GROUPS
    xx, yy, xy = (_group_sums(a, b, group) for a, b in ((x, x), (y, y), (x, y)))
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


def _group_sums(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> np.ndarray:
    """float64 [groups, groups]: sums of the kernel over pairs of groups."""
    member = np.eye(_GROUPS)[group]
    step = max(1, _BLOCK_NUMBERS // len(y))
    parts = (slice(start, start + step) for start in range(0, len(x), step))
    return np.asarray(sum(member[part].T @ (cubic_kernel(x[part], y) @ member) for part in parts))


def _standardisation(real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = sum(block.sum(axis=0, dtype=np.float64) for _, block in row_blocks(real)) / len(real)
    spread = np.sqrt(sum(np.square(block - mean).sum(axis=0) for _, block in row_blocks(real)) / len(real))
    varies = spread > 1e-6 * spread.max()
    return mean, np.where(varies, spread, 1.0)


def _drawn(features: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return features[rng.permutation(len(features))[:n]].astype(np.float64)
