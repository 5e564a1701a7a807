import re

import numpy as np
import pytest
from scipy.stats import norm

from datasets.errors import BadInput
from gan.metrics.frechet import frechet_distance, statistics
from gan.metrics.frechet_interval import frechet_interval, frechet_standard_error, resampled_interval


def test_the_interval_holds_the_measured_distance() -> None:
    rng = np.random.default_rng(7)
    first, second = rng.normal(size=(200, 5)), rng.normal(size=(200, 5)) + 1.0
    low, high = frechet_interval(first, second, seed=0, resamples=40)
    assert low < frechet_distance(statistics(first), statistics(second)) < high


def test_the_interval_is_seeded() -> None:
    features = np.random.default_rng(8).normal(size=(60, 4))
    intervals = {frechet_interval(features, features + 1, seed=seed, resamples=10) for seed in (1, 1, 2)}
    assert len(intervals) == 2


def test_a_reference_of_statistics_alone_is_not_resampled() -> None:
    rng = np.random.default_rng(10)
    features, reference = rng.normal(size=(200, 5)), rng.normal(size=(30, 5))
    both = frechet_interval(features, reference, seed=0, resamples=40)
    one = frechet_interval(features, statistics(reference), seed=0, resamples=40)
    assert one[1] - one[0] < both[1] - both[0]


def spread_out(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.geomspace(1.0, 0.1, 12) * (np.random.default_rng(seed).normal(size=(count, 12)) + shift)


def test_the_standard_error_is_the_deviation_between_samples() -> None:
    pairs = [(spread_out(400, 2 * seed, shift=0.3), spread_out(300, 2 * seed + 1)) for seed in range(60)]
    true = np.std([frechet_distance(*map(statistics, pair)) for pair in pairs])
    found = np.mean([frechet_standard_error(*pair) for pair in pairs])
    assert 0.9 * true < found < 1.5 * true


def test_both_ways_agree() -> None:
    first, second = spread_out(600, 0, shift=0.3), spread_out(500, 1)
    low, high = resampled_interval(first, second, seed=0, resamples=200, level=0.95)
    assert 3.92 * frechet_standard_error(first, second) == pytest.approx(high - low, rel=0.25)


def test_a_reference_of_statistics_alone_adds_no_error() -> None:
    first, second = spread_out(600, 0, shift=0.3), spread_out(500, 1)
    assert frechet_standard_error(first, statistics(second)) < 0.9 * frechet_standard_error(first, second)


def test_long_vectors_have_an_interval_around_their_distance_at_once() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(400, 300)), rng.normal(size=(350, 300)) + 0.1
    measured = frechet_distance(statistics(first), statistics(second))
    low, high = frechet_interval(first, second, seed=0)
    assert measured - low == pytest.approx(high - measured)
    assert 0.0 < low < measured


def test_a_wider_level_has_a_wider_interval() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(400, 300)), rng.normal(size=(350, 300)) + 0.1
    narrow, wide = (frechet_interval(first, second, seed=0, level=level) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_features_of_different_extractors_are_refused() -> None:
    sentence = "features of 3 and of 4 numbers cannot be compared; measure both sets with the same extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        frechet_interval(np.eye(3), np.eye(4), seed=0)


def test_one_vector_is_refused() -> None:
    sentence = "features have shape (1, 4); the interval of a Frechet distance needs [N, D] with N of at least 2"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        frechet_interval(np.ones((1, 4)), np.eye(4), seed=0)


def jackknife_variance(rows: np.ndarray, other: np.ndarray) -> float:
    """Of the distance, over leaving out each of the rows."""
    known = statistics(other)
    left_out = [frechet_distance(statistics(np.delete(rows, row, axis=0)), known) for row in range(len(rows))]
    return (len(rows) - 1) * float(np.var(left_out))


@pytest.mark.parametrize("rank", [3, 2], ids=["full rank", "flat reference"])
def test_the_standard_error_is_that_of_a_jackknife(rank: int) -> None:
    rng = np.random.default_rng(4)
    first = rng.exponential(size=(300, 3)) + 0.4
    second = rng.exponential(size=(200, rank)) @ rng.normal(size=(rank, 3))
    wanted = jackknife_variance(first, second)
    assert frechet_standard_error(first, statistics(second)) ** 2 == pytest.approx(wanted, rel=0.03)
    if rank == 3:
        wanted += jackknife_variance(second, first)
        assert frechet_standard_error(first, second) ** 2 == pytest.approx(wanted, rel=0.03)


def test_long_vectors_have_the_interval_of_a_normal_distance() -> None:
    rng = np.random.default_rng(3)
    first, second = 0.01 * rng.normal(size=(300, 257)), 0.01 * rng.normal(size=(290, 257)) + 0.01
    measured = frechet_distance(statistics(first), statistics(second))
    margin = norm.ppf(0.9) * frechet_standard_error(first, second)
    assert 0.0 < measured - margin < 1.0
    wanted = (measured - margin, measured + margin)
    assert frechet_interval(first, second, seed=0, level=0.8) == pytest.approx(wanted, rel=1e-9)


def test_no_distance_is_below_zero() -> None:
    features = np.random.default_rng(3).normal(size=(300, 257))
    assert frechet_interval(features, features, seed=0)[0] == 0.0


@pytest.mark.parametrize(("count", "size"), [(260, 256), (257, 257)])
def test_up_to_256_numbers_or_without_more_vectors_than_numbers_it_is_by_resampling(count: int, size: int) -> None:
    first, second = np.random.default_rng(3).normal(size=(2, count, size))
    wanted = resampled_interval(first, second, seed=1, resamples=2, level=0.95)
    assert frechet_interval(first, second, seed=1, resamples=2) == wanted


def test_a_seed_gives_what_it_has_always_given_of_100_resamples() -> None:
    features = np.sin(np.arange(120.0)).reshape(40, 3)
    assert frechet_interval(features, features**2, seed=3, level=0.8) == pytest.approx(
        (1.24372851, 1.89321109), rel=1e-6
    )
