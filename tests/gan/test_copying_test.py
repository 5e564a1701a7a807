import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm

from datasets.errors import BadInput
from gan.metrics.copying_test import copying_test, rank_score

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
