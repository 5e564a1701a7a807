import re

import numpy as np
import pytest
from scipy import linalg

from datasets.errors import BadInput
from gan.metrics import feature_checks
from gan.metrics.frechet import Statistics, distance_at_n, frechet_distance, statistics


def gaussian(mean: np.ndarray, covariance: np.ndarray, n: int = 1000) -> Statistics:
    return Statistics(n, mean, linalg.cholesky(covariance))


def random_covariance(size: int, seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(size, size))
    return root @ root.T + 0.1 * np.eye(size)


def test_statistics_hold_mean_and_covariance() -> None:
    features = np.random.default_rng(0).normal(size=(50, 7))
    found = statistics(features)
    np.testing.assert_allclose(found.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.factor.T @ found.factor, np.cov(features.T), rtol=1e-10, atol=1e-12)


def test_the_factor_is_never_larger_than_the_covariance() -> None:
    features = np.random.default_rng(0).normal(size=(500, 7))
    assert statistics(features).factor.shape == (7, 7)
    assert statistics(features[:4]).factor.shape == (4, 7)
    assert (statistics(features).n, statistics(features[:4]).n) == (500, 4)


def test_float32_far_from_zero_keeps_its_digits() -> None:
    features = (np.random.default_rng(1).normal(size=(500, 7)) + 1000.0).astype(np.float32)
    np.testing.assert_allclose(statistics(features).mean, features.astype(np.float64).mean(axis=0), rtol=1e-14)


def test_two_gaussians_with_commuting_covariances() -> None:
    first = gaussian(np.array([0.0, 0.0, 1.0]), np.diag([1.0, 4.0, 9.0]))
    second = gaussian(np.array([3.0, 0.0, 1.0]), np.diag([4.0, 4.0, 1.0]))
    # |m|^2 = 9; sum (s1 - s2)^2 of deviations = 1 + 0 + 4
    assert frechet_distance(first, second) == pytest.approx(14.0, rel=1e-9)


def test_covariances_that_do_not_commute_agree_with_the_matrix_root() -> None:
    one, two = random_covariance(6, 1), random_covariance(6, 2)
    wanted = np.trace(one + two) - 2 * np.trace(linalg.sqrtm(one @ two)).real
    assert frechet_distance(gaussian(np.zeros(6), one), gaussian(np.zeros(6), two)) == pytest.approx(wanted, rel=1e-7)


def test_fewer_vectors_than_features_is_exact() -> None:
    rng = np.random.default_rng(3)
    basis = linalg.qr(rng.normal(size=(40, 40)))[0][:, :3]
    first, second = rng.normal(size=(10, 3)), 2.0 * rng.normal(size=(12, 3))
    wanted = frechet_distance(statistics(first), statistics(second))
    lifted = frechet_distance(statistics(first @ basis.T), statistics(second @ basis.T))
    assert lifted == pytest.approx(wanted, rel=1e-7)


@pytest.mark.parametrize("n", [10, 300], ids=["rank-deficient", "full rank"])
def test_a_set_is_at_zero_from_itself_and_never_below(n: int) -> None:
    found = statistics(np.random.default_rng(4).normal(size=(n, 30)))
    assert 0.0 <= frechet_distance(found, found) < 1e-5


def test_distance_is_symmetric() -> None:
    first = statistics(np.random.default_rng(5).normal(size=(100, 8)))
    second = statistics(np.random.default_rng(6).normal(size=(5, 8)))
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-9)


def test_features_of_different_extractors_are_refused() -> None:
    sentence = "features of 3 and of 4 numbers cannot be compared; measure both sets with the same extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        frechet_distance(statistics(np.eye(3)), statistics(np.eye(4)))


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadInput, match=re.escape("1 of 3 feature vectors are not finite")):
        statistics(np.array([[0.0, np.nan], [1.0, 1.0], [2.0, 2.0]]))


def test_one_vector_is_refused() -> None:
    sentence = "features have shape (1, 4); the Frechet distance needs [N, D] with N of at least 2"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        statistics(np.zeros((1, 4)))


def test_distance_at_n_grows_as_n_falls() -> None:
    rng = np.random.default_rng(9)
    features, reference = rng.normal(size=(1000, 10)), statistics(rng.normal(size=(1000, 10)))
    assert distance_at_n(features, reference, 50, seed=0) > 2 * distance_at_n(features, reference, 500, seed=0)


def test_distance_at_n_with_all_vectors_is_the_plain_distance() -> None:
    features, reference = np.random.default_rng(9).normal(size=(40, 5)), statistics(np.eye(5))
    wanted = frechet_distance(statistics(features), reference)
    assert distance_at_n(features, reference, 40, seed=3) == pytest.approx(wanted, rel=1e-9)


def test_more_vectors_than_there_are_is_refused() -> None:
    with pytest.raises(BadInput, match=re.escape("9 vectors were asked of 5; ask for at most 5")):
        distance_at_n(np.eye(5), statistics(np.eye(5)), 9, seed=0)


def test_picked_rows_are_the_statistics_of_these_rows() -> None:
    features, picked = np.random.default_rng(11).normal(size=(40, 5)), np.array([3, 3, 7, 30, 1, 2, 8, 9])
    found, wanted = statistics(features, picked), statistics(features[picked])
    np.testing.assert_array_equal(found.mean, wanted.mean)
    np.testing.assert_array_equal(found.factor, wanted.factor)


def test_blocks_do_not_change_the_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(12).normal(5.0, 1.0, size=(301, 7)).astype(np.float32)
    whole = statistics(features)
    monkeypatch.setattr(feature_checks, "_BLOCK_NUMBERS", 70)
    assert frechet_distance(statistics(features), whole) < 1e-10


def test_many_vectors_in_few_directions_keep_their_rank() -> None:
    rng = np.random.default_rng(13)
    basis = linalg.qr(rng.normal(size=(40, 40)))[0][:, :3]
    first, second = rng.normal(size=(500, 3)), 2.0 * rng.normal(size=(400, 3))
    lifted = statistics(first @ basis.T), statistics(second @ basis.T)
    assert [len(found.factor) for found in lifted] == [3, 3]
    wanted = frechet_distance(statistics(first), statistics(second))
    assert frechet_distance(*lifted) == pytest.approx(wanted, rel=1e-9)


def test_a_collapsed_generator_is_measured() -> None:
    real = np.random.default_rng(14).normal(size=(100, 4))
    wanted = np.sum(real.mean(axis=0) ** 2) + np.trace(np.cov(real.T))
    assert frechet_distance(statistics(np.zeros((50, 4))), statistics(real)) == pytest.approx(wanted, rel=1e-9)


def test_two_sets_that_do_not_vary_are_refused() -> None:
    sentence = "the feature vectors of both sets do not vary at all; use another extractor"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        frechet_distance(statistics(np.ones((9, 4))), statistics(np.ones((9, 4))))


def test_a_seed_gives_what_it_has_always_given_over_ten_subsets() -> None:
    features = np.sin(np.arange(200.0)).reshape(40, 5)
    assert distance_at_n(features, statistics(np.eye(5)), 20, seed=3) == pytest.approx(1.68206078, rel=1e-6)


def test_one_picked_vector_is_refused() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 3))
    sentence = "^1 vectors were picked; the Frechet distance needs at least 2$"
    with pytest.raises(BadInput, match=sentence):
        statistics(rows, np.array([3]))
    with pytest.raises(BadInput, match=sentence):
        distance_at_n(rows, statistics(rows), 1, seed=0)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_statistics_that_are_not_finite_are_at_no_distance(number: float) -> None:
    good, spoilt = gaussian(np.zeros(3), np.eye(3)), gaussian(np.array([0.0, number, 0.0]), np.eye(3))
    sentence = "^the statistics hold numbers that are not finite or too large; measure them again$"
    with pytest.raises(BadInput, match=sentence):
        frechet_distance(good, spoilt)
