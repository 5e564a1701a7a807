"""The Frechet distance that infinitely many samples would have: what is left when the bias of few is taken off."""

from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.feature_checks import feature_rows
from gan.metrics.frechet import Statistics, frechet_distance, statistics

_LEAST = 5000  # sizes start here where there are enough vectors: further down the law has other terms too
_DRAWN = 20_000  # vectors of all subsets of one size, at most five subsets: more of them steady the line
MIN_VECTORS = 30


@dataclass(frozen=True, slots=True)
class FrechetInfinity:
    """Line d(N) = value + slope / N through distances of random subsets.

    The value is not clipped, so that sets of one distribution scatter around the bias that is left, that of the
    reference: it may be below 0. `standard_error` and `r_squared` tell how well the line fits, not how much another
    sample of images would differ: for that, see `frechet_interval`.
    """

    value: float
    standard_error: float
    slope: float
    r_squared: float  # 1 where all points are on the line
    sizes: tuple[int, ...]
    distances: tuple[float, ...]
    n: int


def frechet_infinity(features: np.ndarray, reference: Statistics, *, seed: int, points: int = 15) -> FrechetInfinity:
    """Extrapolate the distance of [N, D] to the reference, from subsets of max(N / 10, min(5000, N / 2)) to N.

    Raises BadInput for fewer than 30 vectors.
    Chong and Forsyth 2020, arXiv:1911.07023; subsets are drawn by the seed.
    """
    rows = feature_rows(features, at_least=MIN_VECTORS, what="the extrapolated Frechet distance")
    if points < 3:
        raise BadInput(f"{points} sizes cannot show how well a line fits; ask for 3 or more")
    sizes = np.unique(np.linspace(max(len(rows) // 10, min(_LEAST, len(rows) // 2)), len(rows), points).astype(int))
    rng = np.random.default_rng([seed, 0x_1F1])
    draws = int(np.clip(_DRAWN / len(rows), 1, 5))

    def distance(size: int) -> float:
        picks = (rng.choice(len(rows), size, replace=False) for _ in range(draws if size < len(rows) else 1))
        return float(np.mean([frechet_distance(statistics(rows, pick), reference) for pick in picks]))

    distances = np.array([distance(size) for size in sizes])
    (value, slope), errors, r_squared = _line(1.0 / sizes, distances)
    return FrechetInfinity(
        value=value,
        standard_error=errors[0],
        slope=slope,
        r_squared=r_squared,
        sizes=tuple(map(int, sizes)),
        distances=tuple(map(float, distances)),
        n=len(rows),
    )


def _line(x: np.ndarray, y: np.ndarray) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Intercept and slope by least squares, their standard errors, and the share of variance that they explain."""
    design = np.stack([np.ones_like(x), x], axis=1)
    found = np.linalg.lstsq(design, y, rcond=None)[0]
    residual = float(np.sum((y - design @ found) ** 2))
    total = float(np.sum((y - y.mean()) ** 2))
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * residual / (len(x) - 2))
    is_flat = np.allclose(y, y[0], rtol=1e-12, atol=0.0)  # then there is nothing but rounding to explain
    r_squared = 1.0 if is_flat else 1.0 - residual / total
    return (float(found[0]), float(found[1])), (float(errors[0]), float(errors[1])), r_squared
