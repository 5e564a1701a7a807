import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics import kernel_distance as module
from gan.metrics.kernel_distance import cubic_kernel, kernel_distance

RNG = np.random.default_rng(0)


def plain_estimate(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased squared discrepancy as Gretton et al. 2012 write it, eq. 3; the product sums by groups instead."""
    within_x, within_y = cubic_kernel(x, x), cubic_kernel(y, y)
    n, m = len(x), len(y)
    return float(
        (within_x.sum() - np.trace(within_x)) / (n * (n - 1))
        + (within_y.sum() - np.trace(within_y)) / (m * (m - 1))
        - 2.0 * cubic_kernel(x, y).mean()
    )


def test_two_points_each_by_hand() -> None:
    x, y = np.array([[1.0], [2.0]]), np.array([[0.0], [-1.0]])
    # k(1,2) = 27 and k(0,-1) = 1, each counted twice and divided by n (n - 1) = 2; cross terms k(1,0) = k(2,0) = 1,
    # k(1,-1) = 0, k(2,-1) = -1.
    assert plain_estimate(x, y) == pytest.approx(27.0 + 1.0 - 2.0 * (1.0 + 1.0 + 0.0 - 1.0) / 4, rel=1e-12)


def test_equals_the_plain_estimate_on_standardised_features() -> None:
    x, y = RNG.normal(1.0, 2.0, size=(100, 6)), RNG.normal(3.0, 5.0, size=(100, 6))
    center, scale = y.mean(axis=0), y.std(axis=0)
    wanted = plain_estimate((x - center) / scale, (y - center) / scale)
    assert kernel_distance(x, y, seed=0).value == pytest.approx(wanted, rel=1e-9)


def test_the_scale_of_features_does_not_matter() -> None:
    x, y = RNG.normal(size=(80, 4)), RNG.normal(size=(80, 4)) + 0.5
    scaled = kernel_distance(1000 * x, 1000 * y, seed=1)
    assert scaled.value == pytest.approx(kernel_distance(x, y, seed=1).value, rel=1e-9)


def test_same_distribution_is_zero_within_its_error() -> None:
    found = kernel_distance(RNG.normal(size=(600, 8)), RNG.normal(size=(600, 8)), seed=2)
    assert abs(found.value) < 4 * found.standard_error


def test_a_shift_is_many_errors_away_from_zero() -> None:
    found = kernel_distance(RNG.normal(size=(600, 8)) + 0.5, RNG.normal(size=(600, 8)), seed=2)
    assert found.value > 10 * found.standard_error


def test_equal_numbers_of_both_are_used() -> None:
    assert kernel_distance(RNG.normal(size=(300, 3)), RNG.normal(size=(90, 3)), seed=0).n == 90


def test_samples_are_capped_and_drawn_by_the_seed() -> None:
    x, y = RNG.normal(size=(200, 3)), RNG.normal(size=(200, 3))
    values = {kernel_distance(x, y, seed=seed, max_samples=50).value for seed in (1, 1, 2)}
    assert len(values) == 2


def test_a_constant_feature_is_harmless() -> None:
    x, y = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3))
    x[:, 1] = y[:, 1] = 7.0
    assert np.isfinite(kernel_distance(x, y, seed=0).value)


def test_too_few_vectors_are_refused() -> None:
    sentence = "kernel distance got 10 and 100 vectors; it needs at least 40"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        kernel_distance(np.zeros((10, 2)), np.zeros((100, 2)), seed=0)


def test_raw_features_are_measured_as_they_are() -> None:
    x, y = RNG.normal(1.0, 2.0, size=(100, 6)), RNG.normal(3.0, 5.0, size=(100, 6))
    found = kernel_distance(x, y, seed=0, standardise=False)
    assert found.value == pytest.approx(plain_estimate(x, y), rel=1e-9)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = RNG.normal(size=(101, 6)), RNG.normal(size=(101, 6))
    whole = kernel_distance(x, y, seed=0)
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", 300)
    parts = kernel_distance(x, y, seed=0)
    assert parts.value == pytest.approx(whole.value, rel=1e-9)
    assert parts.standard_error == pytest.approx(whole.standard_error, rel=1e-9)


def test_it_is_unbiased_and_its_error_is_its_spread() -> None:
    rng = np.random.default_rng(5)
    found = [kernel_distance(*rng.normal(size=(2, 60, 3)), seed=0) for _ in range(300)]
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(len(values))
    assert np.mean([one.standard_error for one in found]) == pytest.approx(values.std(), rel=0.35)


def test_an_extractor_that_tells_nothing_apart_is_refused() -> None:
    sentence = "all 50 real feature vectors are equal, so the kernel distance would say nothing; use another extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        kernel_distance(RNG.normal(size=(50, 3)), np.ones((50, 3)), seed=0)


def test_features_of_different_extractors_are_refused() -> None:
    sentence = "features of 3 and of 4 numbers cannot be compared; measure both sets with the same extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        kernel_distance(RNG.normal(size=(50, 3)), RNG.normal(size=(50, 4)), seed=0)


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadInput, match=re.escape("50 of 50 feature vectors are not finite")):
        kernel_distance(np.full((50, 3), np.nan), RNG.normal(size=(50, 3)), seed=0)


def test_at_most_2000_vectors_and_no_fewer_than_40_are_used() -> None:
    x, y = RNG.normal(size=(2, 2001, 1))
    assert kernel_distance(x, y, seed=0).n == 2000
    assert kernel_distance(x[:40], y[:40], seed=0).n == 40


def test_the_error_is_that_of_leaving_out_each_of_20_groups() -> None:
    x, y = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3)) + 0.5
    found = kernel_distance(x, y, seed=7, standardise=False)
    rng = np.random.default_rng([7, 0x41D])
    x, y = (rows[rng.permutation(50)] for rows in (x, y))
    group = np.arange(50) % 20
    left_out = np.array([plain_estimate(x[group != number], y[group != number]) for number in range(20)])
    assert found.standard_error == pytest.approx(np.sqrt(19 * left_out.var()), rel=1e-9)


def test_float32_far_from_zero_keeps_its_digits() -> None:
    x, y = (RNG.normal(size=(2, 100, 4)) + 1000.0).astype(np.float32)
    wanted = kernel_distance(x.astype(np.float64), y.astype(np.float64), seed=0).value
    assert kernel_distance(x, y, seed=0).value == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_numbers_that_hardly_vary_beside_the_others_are_not_scaled_up(scale: float) -> None:
    x, y = RNG.normal(size=(100, 4)), RNG.normal(size=(100, 4))
    x[:, 1], y[:, 1] = 1e-8 * x[:, 1], 1e-8 * y[:, 1]
    center, deviation = y.mean(axis=0), y.std(axis=0)
    deviation[1] = 1.0 / scale
    wanted = plain_estimate((x - center) / deviation, (y - center) / deviation)
    assert kernel_distance(scale * x, scale * y, seed=0).value == pytest.approx(wanted, rel=1e-6)


def test_a_number_that_never_varies_counts_by_its_difference() -> None:
    x, y = RNG.normal(size=(50, 3)), RNG.normal(size=(50, 3))
    x[:, 1], y[:, 1] = 8.0, 7.0
    deviation = np.where(y.std(axis=0) > 0.0, y.std(axis=0), 1.0)
    wanted = plain_estimate((x - y.mean(axis=0)) / deviation, (y - y.mean(axis=0)) / deviation)
    assert kernel_distance(x, y, seed=0).value == pytest.approx(wanted, rel=1e-9)


def test_features_of_another_shape_are_refused() -> None:
    sentence = "features have shape (50, 3, 1); the kernel distance needs [N, D] with N of at least 40"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        kernel_distance(np.ones((50, 3, 1)), np.ones((50, 3)), seed=0)


def test_numbers_whose_cubes_are_too_large_are_refused() -> None:
    rows = 1e37 * np.random.default_rng(0).normal(size=(50, 2))
    sentence = "features are too large for the cubes of the kernel distance; look at what the extractor was given"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        kernel_distance(rows, rows + 1e37, seed=0, standardise=False)
