import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu, norm

from datasets.errors import BadInput
from gan.metrics import feature_checks
from gan.metrics.copying_test import copying_test, principal_directions, rank_score, spread_centres

MODES = np.array([[0.0] * 6, [8.0] * 6, [-8.0, 8.0, 0.0, 0.0, 0.0, 0.0]])


def drawn(count: int, seed: int, deviation: float = 1.0) -> np.ndarray:
    """Three well separated modes."""
    rng = np.random.default_rng(seed)
    return MODES[np.arange(count) % 3] + deviation * rng.normal(size=(count, 6))


TRAINING, HELD_OUT = drawn(600, 0), drawn(300, 1)


def test_a_copier_is_far_below_zero() -> None:
    copies = TRAINING[:300] + 0.01
    assert copying_test(copies, HELD_OUT, TRAINING, seed=0).statistic < -8.0


def test_real_images_are_about_zero() -> None:
    statistics = [copying_test(drawn(300, seed), HELD_OUT, TRAINING, seed=0).statistic for seed in range(2, 8)]
    assert max(map(abs, statistics)) < 3.0


def test_a_generator_that_is_too_varied_is_far_above_zero() -> None:
    assert copying_test(drawn(300, 2, deviation=2.0), HELD_OUT, TRAINING, seed=0).statistic > 8.0


def test_a_copier_of_one_mode_shows_in_its_cell() -> None:
    synthetic = drawn(300, 2)
    synthetic[::3] = TRAINING[:300:3] + 0.01
    found = copying_test(synthetic, HELD_OUT, TRAINING, seed=0)
    assert sorted(found.per_cell)[0] < -8.0
    assert abs(sorted(found.per_cell)[1]) < 3.0
    assert found.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_a_cell_with_too_few_images_does_not_count() -> None:
    synthetic = np.concatenate([drawn(300, 2)[::3], drawn(300, 2)[1::3], drawn(57, 2)[2::3]])
    assert len(copying_test(synthetic, HELD_OUT, TRAINING, seed=0).per_cell) == 2


def test_more_numbers_than_principal_directions_change_little() -> None:
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(100, 100)))[0][:6]
    copies = TRAINING[:300] + 0.01 * drawn(300, 4)
    lifted = copying_test(copies @ turn, HELD_OUT @ turn, TRAINING @ turn, seed=0)
    assert lifted.statistic == pytest.approx(copying_test(copies, HELD_OUT, TRAINING, seed=0).statistic, rel=1e-3)


def test_it_is_the_same_for_the_same_seed() -> None:
    first, second = (copying_test(drawn(200, 2), HELD_OUT, TRAINING, seed=5, cells=4) for _ in range(2))
    assert first == second


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(2, 40), m=st.integers(2, 40), grid=st.integers(1, 30))
def test_the_score_is_that_of_scipy_ties_included(seed: int, n: int, m: int, grid: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (rng.integers(0, grid, size=count).astype(np.float64) for count in (n, m))
    score = rank_score(first, second)
    if len(np.unique(np.concatenate([first, second]))) == 1:
        assert score == 0.0
        return
    wanted = mannwhitneyu(first, second, use_continuity=False, method="asymptotic")
    assert (score < 0.0) == (wanted.statistic < n * m / 2)
    # Both sides of a normal distribution.
    assert 2 * norm.sf(abs(score)) == pytest.approx(wanted.pvalue, rel=1e-6)


def test_no_cell_with_enough_images_is_refused() -> None:
    sentence = (
        "none of 3 cells holds 20 of 30 synthetic and of 300 held-out images; the copying test needs more of both, "
        "or fewer cells"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        copying_test(drawn(30, 2), HELD_OUT, TRAINING, seed=0)


def test_too_few_images_are_refused() -> None:
    sentence = "features have shape (19, 6); the copying test needs [N, D] with N of at least 20"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        copying_test(drawn(19, 2), HELD_OUT, TRAINING, seed=0)


def test_an_extractor_that_tells_nothing_apart_is_refused() -> None:
    sentence = "all 50 real feature vectors are equal, so the copying test would say nothing; use another extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        copying_test(HELD_OUT, HELD_OUT, np.ones((50, 6)), seed=0)


def test_each_cell_has_the_score_of_its_own_distances() -> None:
    synthetic = drawn(300, 2)
    found = copying_test(synthetic, HELD_OUT, TRAINING, seed=0)
    wanted = []
    for mode in range(3):
        made, unseen = (cdist(rows[mode::3], TRAINING[mode::3]).min(axis=1) for rows in (synthetic, HELD_OUT))
        wanted.append(rank_score(made, unseen))
    assert sorted(found.per_cell) == pytest.approx(sorted(wanted), rel=1e-9)
    assert found.statistic == pytest.approx(np.mean(wanted), rel=1e-9)
    assert (found.n_synthetic, found.n_held_out, found.n_training) == (300, 300, 600)


def test_a_cell_with_20_images_counts() -> None:
    synthetic = np.concatenate([drawn(300, 2)[::3], drawn(300, 2)[1::3], drawn(60, 2)[2::3]])
    assert len(copying_test(synthetic, HELD_OUT, TRAINING, seed=0).per_cell) == 3


def test_two_training_vectors_are_enough_for_any_number_of_cells_and_one_is_not() -> None:
    assert copying_test(HELD_OUT, HELD_OUT, np.repeat(MODES[:2], 9, axis=0), seed=0, cells=4).statistic == 0.0
    assert copying_test(HELD_OUT, HELD_OUT, MODES[:2], seed=0).statistic == 0.0
    sentence = "features have shape (1, 6); the copying test needs [N, D] with N of at least 2"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        copying_test(HELD_OUT, HELD_OUT, MODES[:1], seed=0)


def test_a_seed_gives_what_it_has_always_given() -> None:
    training, held_out, made = (np.sin(np.arange(1.0, 601.0) ** power).reshape(200, 3) for power in (1.5, 1.7, 1.9))
    found = copying_test(made, held_out, training, seed=3, cells=5)
    assert found.statistic == pytest.approx(3.00636980, rel=1e-6)


def test_principal_directions_are_those_of_the_most_variance_wherever_the_vectors_lie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feature_checks, "_BLOCK_NUMBERS", 9000)
    rng = np.random.default_rng(5)
    rows = (np.geomspace(1.0, 0.1, 70) * rng.normal(size=(500, 70)) + 100.0 * np.eye(70)[69]).astype(np.float32)
    wanted = np.linalg.svd(rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64))[2][:64]
    np.testing.assert_allclose(np.linalg.svd(wanted @ principal_directions(rows))[1], np.ones(64), rtol=1e-9)
    assert principal_directions(rows).shape == (70, 64)
    np.testing.assert_array_equal(principal_directions(rows[:, :64]), np.eye(64))


def test_centres_are_drawn_far_from_one_another() -> None:
    points = np.concatenate([np.full((99, 2), 5.0), [[5.01, 5.01]]])
    centres = spread_centres(points, 2, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(centres, axis=0), [[5.0, 5.0], [5.01, 5.01]])


@pytest.mark.parametrize("place", [0, 1])
def test_vectors_of_another_length_are_refused(place: int) -> None:
    sets = [np.random.default_rng(seed).normal(size=(40, 3)) for seed in range(3)]
    sets[place] = sets[place][:, :2]
    with pytest.raises(
        BadInput, match=r"^features of 2 and of 3 numbers cannot be compared; measure both sets with the"
    ):
        copying_test(*sets, seed=0)
