import re

import numpy as np
import pytest
from scipy.stats import linregress

from datasets.errors import BadInput
from gan.metrics.frechet import Statistics, frechet_distance, statistics
from gan.metrics.frechet_infinity import frechet_infinity

RNG = np.random.default_rng(0)
LENGTHS = np.geomspace(1.0, 0.1, 24)
REFERENCE = statistics(LENGTHS * np.random.default_rng(1).normal(size=(20_000, 24)))
SHIFT = 0.05


def shifted(count: int) -> np.ndarray:
    return LENGTHS * RNG.normal(size=(count, 24)) + SHIFT


def test_it_takes_the_bias_of_few_samples_off() -> None:
    features = [shifted(300) for _ in range(12)]
    plain = np.array([frechet_distance(statistics(rows), REFERENCE) for rows in features])
    found = np.array([frechet_infinity(rows, REFERENCE, seed=0).value for rows in features])
    truth = 24 * SHIFT**2
    assert plain.mean() > 1.5 * truth
    assert abs(found.mean() - truth) < 4 * found.std() / np.sqrt(len(found))


def test_the_fit_is_told() -> None:
    found = frechet_infinity(shifted(400), REFERENCE, seed=0)
    assert found.slope > 0.0
    assert 0.8 < found.r_squared <= 1.0
    assert 0.0 < found.standard_error < 0.02
    assert found.n == 400


def test_sizes_reach_from_half_to_all_of_a_small_set() -> None:
    features = shifted(600)
    found = frechet_infinity(features, REFERENCE, seed=0)
    assert (found.sizes[0], found.sizes[-1], len(found.sizes)) == (300, 600, 15)
    assert found.distances[-1] == pytest.approx(frechet_distance(statistics(features), REFERENCE), rel=1e-9)


def test_sizes_start_at_a_tenth_of_a_large_set() -> None:
    found = frechet_infinity(RNG.normal(size=(60_000, 2)), statistics(RNG.normal(size=(50, 2))), seed=0, points=3)
    assert found.sizes == (6000, 33_000, 60_000)


def test_it_is_seeded() -> None:
    features = shifted(200)
    assert len({frechet_infinity(features, REFERENCE, seed=seed).value for seed in (1, 1, 2)}) == 2


def test_points_on_a_line_fit_without_error() -> None:
    # Vectors that do not vary are equally far at every size.
    found = frechet_infinity(np.ones((100, 24)), REFERENCE, seed=0)
    assert found.value == pytest.approx(frechet_distance(statistics(np.ones((100, 24))), REFERENCE), rel=1e-9)
    assert found.slope == pytest.approx(0.0, abs=1e-6)
    assert found.r_squared == 1.0


def test_too_few_vectors_are_refused() -> None:
    sentence = "features have shape (29, 24); the extrapolated Frechet distance needs [N, D] with N of at least 30"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        frechet_infinity(shifted(29), REFERENCE, seed=0)


def test_two_sizes_are_refused() -> None:
    with pytest.raises(BadInput, match=re.escape("2 sizes cannot show how well a line fits; ask for 3 or more")):
        frechet_infinity(shifted(100), REFERENCE, seed=0, points=2)


def test_the_line_is_that_of_least_squares() -> None:
    found = frechet_infinity(shifted(400), REFERENCE, seed=0)
    wanted = linregress(1.0 / np.array(found.sizes), found.distances)
    assert (found.value, found.slope) == pytest.approx((wanted.intercept, wanted.slope), rel=1e-9)
    assert found.standard_error == pytest.approx(wanted.intercept_stderr, rel=1e-9)
    assert found.r_squared == pytest.approx(wanted.rvalue**2, rel=1e-9)


def test_how_well_the_line_fits_does_not_depend_on_the_scale() -> None:
    features = shifted(400)
    small = Statistics(REFERENCE.n, 1e-6 * REFERENCE.mean, 1e-6 * REFERENCE.factor)
    wanted = frechet_infinity(features, REFERENCE, seed=0).r_squared
    assert frechet_infinity(1e-6 * features, small, seed=0).r_squared == pytest.approx(wanted, rel=1e-6)


def test_sizes_are_rounded_down() -> None:
    rows = np.random.default_rng(2).normal(size=(60_005, 1))
    reference = statistics(np.array([[0.0], [1.0]]))
    assert frechet_infinity(rows[:33], reference, seed=0, points=4).sizes == (16, 21, 27, 33)
    assert frechet_infinity(rows, reference, seed=0, points=4).sizes == (6000, 24_001, 42_003, 60_005)


@pytest.mark.parametrize(
    ("count", "wanted"), [(40, 0.26849359), (12_000, 0.24880530)], ids=["five subsets", "one subset"]
)
def test_a_seed_gives_what_it_has_always_given(count: int, wanted: float) -> None:
    rows = np.sin(np.arange(1.0, count + 1.0) ** 2)[:, None]
    found = frechet_infinity(rows, statistics(np.array([[0.0], [1.0]])), seed=3, points=3)
    assert found.distances[0] == pytest.approx(wanted, rel=1e-6)
