import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics import manifold
from gan.metrics.manifold import ball_radii, overlap

RNG = np.random.default_rng(0)
LINE = np.arange(5.0)[:, None]


def test_radii_on_a_line() -> None:
    np.testing.assert_array_equal(ball_radii(LINE, 1), np.ones(5))
    np.testing.assert_array_equal(ball_radii(LINE, 2), [2, 1, 1, 1, 2])


def test_a_hand_computed_overlap() -> None:
    # Real balls reach 1 around 0..4. Synthetic 4.5 and 4.6 are each in the ball of 4 alone; 9 is in none.
    # Synthetic balls: 0.1 around 4.5 and 4.6, 4.4 around 9, which reaches 4.6: no real point.
    found = overlap(LINE, np.array([[4.5], [4.6], [9.0]]), k=1)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == 0.0
    assert found.density == pytest.approx(2 / 3)
    assert found.coverage == pytest.approx(1 / 5)


def test_identical_sets_overlap_fully() -> None:
    found = overlap(LINE, LINE, k=2)
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)


def test_one_repeated_vector_in_both_sets_overlaps_fully() -> None:
    same = np.full((10, 3), 0.1, dtype=np.float32)
    found = overlap(same, same, k=3)
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)


def test_distant_sets_do_not_overlap() -> None:
    found = overlap(LINE, LINE + 100.0, k=2)
    assert (found.precision, found.recall, found.density, found.coverage) == (0.0, 0.0, 0.0, 0.0)


def test_collapse_has_high_precision_and_no_recall() -> None:
    real = RNG.normal(size=(300, 4))
    found = overlap(real, real[:1] * 0.1 + 1e-4 * RNG.normal(size=(300, 4)))
    assert found.precision == 1.0
    assert found.recall == 0.0
    assert found.coverage < 0.2


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    real, synthetic = RNG.normal(size=(70, 3)), RNG.normal(size=(50, 3))
    whole = overlap(real, synthetic)
    monkeypatch.setattr(manifold, "_BLOCK_NUMBERS", 100)
    assert overlap(real, synthetic) == whole


def test_too_few_vectors_are_refused() -> None:
    sentence = "5 vectors have no 5-th nearest neighbour; use more than k vectors"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        overlap(LINE, np.arange(20.0)[:, None], k=5)
