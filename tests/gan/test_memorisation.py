import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics import memorisation as module
from gan.metrics.memorisation import exact_copies, feature_memorisation, memorisation, nearest_training

RNG = np.random.default_rng(0)


def images(count: int) -> np.ndarray:
    return RNG.integers(0, 256, size=(count, 4, 4, 1), dtype=np.uint8)


def test_nearest_agrees_with_every_difference_taken() -> None:
    some, training = images(30), images(12)
    differences = np.abs(some[:, None].astype(int) - training[None].astype(int)).mean(axis=(2, 3, 4))
    found = nearest_training(some, training)
    np.testing.assert_array_equal(found.index, differences.argmin(axis=1))
    np.testing.assert_allclose(found.distance, differences.min(axis=1), rtol=1e-12)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    some, training = images(40), images(60)
    whole = nearest_training(some, training)
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", 200)
    parts = nearest_training(some, training)
    np.testing.assert_array_equal(parts.index, whole.index)
    np.testing.assert_array_equal(parts.distance, whole.distance)


def test_copies_are_found_and_named_closest_first() -> None:
    training, synthetic = images(50), images(20)
    synthetic[7], synthetic[3] = training[11], training[20]
    synthetic[3, 0, 0, 0] ^= 1
    found = memorisation(synthetic, images(20), training, pairs=2)
    assert found.closest_pairs == ((7, 11, 0.0), (3, 20, 1 / 16))


def test_a_generator_that_copies_has_all_of_the_excess() -> None:
    training = images(50)
    found = memorisation(training[:20], images(100), training)
    assert found.synthetic_rate == 1.0
    assert found.excess_rate == pytest.approx(1.0 - found.held_out_rate)
    assert found.held_out_rate == pytest.approx(0.05)
    assert found.median_ratio == 0.0


def test_real_images_show_no_excess() -> None:
    found = memorisation(images(400), images(400), images(100))
    assert abs(found.excess_rate) < 0.06
    assert found.median_ratio == pytest.approx(1.0, abs=0.05)


def test_images_of_another_shape_are_refused() -> None:
    sentence = "images (3, 4, 4, 1) and training images (2, 8, 8, 1) cannot be compared"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        nearest_training(images(3), np.zeros((2, 8, 8, 1), np.uint8))


def test_exact_copies_are_counted_in_excess_of_those_among_held_out_images() -> None:
    training, synthetic, held_out = images(30), images(10), images(20)
    synthetic[:4], held_out[0] = training[5:9], training[0]
    synthetic[3, 0, 0, 0] ^= 1
    found = exact_copies(synthetic, held_out, training)
    assert (found.synthetic_rate, found.held_out_rate) == (0.3, 0.05)
    assert found.excess_rate == pytest.approx(0.25)


def test_images_of_another_shape_are_no_exact_copies_but_refused() -> None:
    sentence = "images (3, 4, 4, 1) and training images (2, 8, 8, 1) cannot be compared"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        exact_copies(images(3), images(3), np.zeros((2, 8, 8, 1), np.uint8))


def test_copies_are_found_by_their_features() -> None:
    training, held_out = RNG.normal(size=(200, 5)), RNG.normal(size=(100, 5))
    found = feature_memorisation(training[40:50] + 1e-6, held_out, training, pairs=3)
    assert found.synthetic_rate == 1.0
    assert found.excess_rate == pytest.approx(0.95)
    assert {pair[1] - pair[0] for pair in found.closest_pairs} == {40}


def test_an_extractor_that_tells_nothing_apart_is_refused() -> None:
    sentence = (
        "all 9 real feature vectors are equal, so the nearest training image would say nothing; use another extractor"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        feature_memorisation(RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), np.ones((9, 3)))
