"""More vectors than numbers, and many numbers: the golden way needs no covariance, whose roots have half the digits."""

import numpy as np
import pytest
from scipy import linalg

from gan.metrics.frechet import frechet_distance, statistics

SIZE = 520


def steep(decades: float, seed: int) -> np.ndarray:
    """Vectors [1100, 520] whose deviations fall by so many decades, in directions that are no axes."""
    turn = linalg.qr(np.random.default_rng(9).normal(size=(SIZE, SIZE)))[0]
    deviations = 10.0 ** (-decades * np.arange(SIZE) / SIZE)
    return (np.random.default_rng(seed).normal(size=(1100, SIZE)) * deviations) @ turn


def by_triangles(first: np.ndarray, second: np.ndarray) -> float:
    """The distance from factors of the vectors themselves (QR), in float64."""
    means = [rows.mean(axis=0) for rows in (first, second)]
    factors = [
        linalg.qr((rows - mean) / np.sqrt(len(rows) - 1), mode="r")[0][:SIZE]
        for rows, mean in zip((first, second), means, strict=True)
    ]
    spreads = sum(np.sum(factor**2) for factor in factors)
    return float(np.sum((means[0] - means[1]) ** 2) + spreads - 2 * linalg.svdvals(factors[0] @ factors[1].T).sum())


@pytest.mark.parametrize("decades", [2, 6, 12])
def test_a_steep_spectrum_keeps_its_digits(decades: int) -> None:
    first, second = steep(decades, 1), steep(decades, 2)
    found = frechet_distance(statistics(first), statistics(second))
    assert found == pytest.approx(by_triangles(first, second), rel=1e-11)
