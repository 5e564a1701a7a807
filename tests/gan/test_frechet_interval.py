import re

import numpy as np
import pytest

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
