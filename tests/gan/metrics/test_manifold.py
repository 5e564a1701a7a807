import re

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from datasets.errors import BadInput
from gan.metrics import neighbours
from gan.metrics.manifold import Overlap, overlap

RNG = np.random.default_rng(0)
LINE = np.arange(5.0)[:, None]


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


def test_repeated_vectors_in_both_sets_overlap_fully() -> None:
    same = np.repeat(RNG.normal(size=(2, 3)), 10, axis=0).astype(np.float32)
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
    monkeypatch.setattr(neighbours, "_TILE_ROWS", 16)
    monkeypatch.setattr(neighbours, "_TILE_COLUMNS", 9)
    monkeypatch.setattr(neighbours, "_STEP_ROWS", 7)
    assert overlap(real, synthetic) == whole


def test_too_few_vectors_are_refused() -> None:
    sentence = "5 vectors have no 5-th nearest neighbour; use more than k vectors"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        overlap(LINE, np.arange(20.0)[:, None], k=5)


def plain_overlap(real: np.ndarray, synthetic: np.ndarray, k: int) -> Overlap:
    """As the papers write it, with every distance taken by differences."""
    of_real, of_synthetic = (np.sort(cdist(rows, rows), axis=1)[:, k] for rows in (real, synthetic))
    distances = cdist(real, synthetic)
    inside = distances <= of_real[:, None]
    return Overlap(
        precision=float(inside.any(axis=0).mean()),
        recall=float((distances <= of_synthetic).any(axis=1).mean()),
        density=float(inside.sum(axis=0).mean() / k),
        coverage=float(inside.any(axis=1).mean()),
        k=k,
        n_real=len(real),
        n_synthetic=len(synthetic),
    )


@pytest.mark.parametrize(
    ("shift", "scale"), [(0.0, 1.0), (1e4, 1.0), (0.0, 1e-25), (0.0, 1e25)], ids=["plain", "far away", "tiny", "huge"]
)
def test_equals_every_distance_taken_by_differences(shift: float, scale: float) -> None:
    real, synthetic = (scale * (RNG.normal(size=(n, 6)) + shift) for n in (300, 250))
    assert overlap(real, synthetic, k=4) == plain_overlap(real, synthetic, 4)


def test_points_on_the_surface_are_inside() -> None:
    real, synthetic = (RNG.integers(0, 4, size=(n, 3)).astype(np.float64) for n in (120, 150))
    assert overlap(real, synthetic, k=3) == plain_overlap(real, synthetic, 3)


@pytest.mark.parametrize("far", [[1e9], [1e18, -1e18]], ids=["one side", "both sides"])
def test_vectors_far_away_cost_the_others_no_precision(far: list[float]) -> None:
    real, synthetic = RNG.normal(size=(200, 4)), RNG.normal(size=(200, 4))
    synthetic[: len(far)] = np.array(far)[:, None]
    assert overlap(real, synthetic) == plain_overlap(real, synthetic, 5)


def test_a_noise_generator_has_recall_and_no_precision() -> None:
    found = overlap(RNG.normal(size=(300, 4)), 30.0 * RNG.normal(size=(300, 4)))
    assert found.recall > 0.9
    assert found.precision < 0.1


def test_an_extractor_that_tells_nothing_apart_is_refused() -> None:
    sentence = "all 10 real feature vectors are equal, so the overlap would say nothing; use another extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        overlap(np.ones((10, 3)), np.ones((10, 3)))


def test_features_of_different_extractors_are_refused() -> None:
    sentence = "features of 3 and of 4 numbers cannot be compared; measure both sets with the same extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        overlap(RNG.normal(size=(10, 3)), RNG.normal(size=(10, 4)))


def test_features_that_are_not_finite_are_refused() -> None:
    synthetic = RNG.normal(size=(10, 3))
    synthetic[4, 1] = np.inf
    with pytest.raises(BadInput, match=re.escape("1 of 10 feature vectors are not finite")):
        overlap(RNG.normal(size=(10, 3)), synthetic)


@pytest.mark.parametrize("empty", [0, 1], ids=["real", "synthetic"])
def test_a_set_without_vectors_is_refused(empty: int) -> None:
    sets = [np.eye(3)[:0] if place == empty else np.eye(3) for place in range(2)]
    sentence = "features have shape (0, 3); the overlap needs [N, D] with N of at least 1"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        overlap(*sets, k=1)


def test_one_synthetic_vector_has_no_ball() -> None:
    sentence = "1 vectors have no 1-th nearest neighbour; use more than k vectors"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        overlap(LINE, LINE[:1], k=1)


def test_two_real_vectors_are_enough() -> None:
    real, synthetic = LINE[:2], np.array([[-0.9], [2.1], [0.5]])
    assert overlap(real, synthetic, k=1) == plain_overlap(real, synthetic, 1)


def test_no_neighbour_has_no_ball() -> None:
    rows = RNG.normal(size=(10, 2))
    with pytest.raises(BadInput, match=r"^k is 0; a ball reaches to the 1st neighbour or a later one$"):
        overlap(rows, rows, k=0)
