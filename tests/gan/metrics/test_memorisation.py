import re
from collections.abc import Callable

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics import memorisation as module
from gan.metrics.memorisation import (
    Memorisation,
    exact_copies,
    feature_memorisation,
    memorisation,
    nearest_training,
)

RNG = np.random.default_rng(0)


def images(count: int) -> np.ndarray:
    return RNG.integers(0, 256, size=(count, 4, 4, 1), dtype=np.uint8)


def test_nearest_agrees_with_every_difference_taken() -> None:
    some, training = images(30), images(12)
    differences = np.abs(some[:, None].astype(int) - training[None].astype(int)).mean(axis=(2, 3, 4))
    found = nearest_training(some, training)
    np.testing.assert_array_equal(found.index, differences.argmin(axis=1))
    np.testing.assert_allclose(found.distance, differences.min(axis=1), rtol=1e-12)


@pytest.mark.parametrize(("numbers", "count"), [(200, 60), (1000, 400)])
def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch, numbers: int, count: int) -> None:
    some, training = images(40), images(count)
    whole = nearest_training(some, training)
    monkeypatch.setattr(module, "_BLOCK_NUMBERS", numbers)
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
    assert [pair[1] - pair[0] for pair in found.closest_pairs] == [40, 40, 40]


def test_an_extractor_that_tells_nothing_apart_is_refused() -> None:
    sentence = (
        "all 9 real feature vectors are equal, so the nearest training image would say nothing; use another extractor"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        feature_memorisation(RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3)), np.ones((9, 3)))


def test_the_nearest_is_exact_among_the_16_that_are_nearest_by_squares() -> None:
    """A few large differences are more by squares than many small ones that are more in sum."""
    grey = np.full((1, 5, 5, 1), 20, np.uint8)
    spread, concentrated = grey.copy(), grey.copy()
    spread[0, :4] -= 2
    concentrated[0, 0, 0] += 10
    for place in range(0, 300, 23):
        for count, wanted in ((15, 10 / 25), (16, 40 / 25)):
            others = np.concatenate([np.repeat(spread, count, axis=0), np.full((300, 5, 5, 1), 200, np.uint8)])
            training = np.insert(others[::-1], place, concentrated, axis=0)
            assert nearest_training(grey, training).distance == pytest.approx([wanted])


def test_many_training_images_are_searched_as_every_difference_would_be() -> None:
    rng = np.random.default_rng(4)
    training = rng.integers(0, 256, size=(400, 5, 5, 3), dtype=np.uint8)
    some = np.clip(training[rng.permutation(400)[:60]].astype(int) + rng.integers(-9, 10, (60, 5, 5, 3)), 0, 255)
    differences = np.abs(some[:, None] - training[None].astype(int)).mean(axis=(2, 3, 4))
    found = nearest_training(some.astype(np.uint8), training)
    assert found.index.dtype == np.int64
    np.testing.assert_array_equal(found.index, differences.argmin(axis=1))
    np.testing.assert_allclose(found.distance, differences.min(axis=1), rtol=1e-12)


@pytest.mark.parametrize("empty", [0, 1], ids=["images", "training"])
def test_an_empty_set_has_no_nearest(empty: int) -> None:
    shapes = [(0 if place == empty else 3, 4, 4, 1) for place in range(2)]
    sentence = f"images {shapes[0]} and training images {shapes[1]} cannot be compared"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        nearest_training(*(np.zeros(shape, np.uint8) for shape in shapes))


@pytest.mark.parametrize("of", [memorisation, feature_memorisation], ids=["pixels", "features"])
def test_sixteen_pairs_are_named_of_equals_the_first(of: Callable[..., Memorisation]) -> None:
    training = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    if of is feature_memorisation:
        training = training.reshape(20, 1).astype(np.float64)
    found = of(np.tile(training, (5,) + (1,) * (training.ndim - 1)), training[:5], training)
    assert found.closest_pairs == tuple((i, i, 0.0) for i in range(16))
    assert (found.n_synthetic, found.n_held_out, found.threshold) == (100, 5, 0.0)


def test_of_many_that_are_equally_near_the_first_are_named() -> None:
    levels = np.random.default_rng(0).integers(0, 2, size=200).astype(np.uint8)
    training = np.zeros((3, 1, 1, 1), np.uint8)
    found = memorisation(levels.reshape(200, 1, 1, 1), training, training)
    assert [pair[0] for pair in found.closest_pairs] == np.flatnonzero(levels == 0)[:16].tolist()


def test_as_near_as_the_threshold_is_a_near_copy() -> None:
    """Of 21 distances the quantile of 5 % is the second."""
    training, held_out = np.zeros((3, 1, 1, 1), np.uint8), np.arange(21, dtype=np.uint8).reshape(21, 1, 1, 1)
    found = memorisation(held_out, held_out, training)
    assert (found.threshold, found.synthetic_rate, found.held_out_rate) == (1.0, 2 / 21, 2 / 21)


@pytest.mark.parametrize(("levels", "wanted"), [(0, 1.0), (1, np.inf)])
def test_beside_held_out_images_that_are_copies_the_ratio_is_one_or_infinite(levels: int, wanted: float) -> None:
    training = np.zeros((3, 1, 1, 1), np.uint8)
    assert memorisation(training + np.uint8(levels), training, training).median_ratio == wanted


def test_the_ratio_is_that_of_the_medians() -> None:
    training = np.zeros((3, 1, 1, 1), np.uint8)
    assert memorisation(training + np.uint8(3), training + np.uint8(1), training).median_ratio == 3.0


@pytest.mark.parametrize(("place", "least"), [(0, 1), (1, 1), (2, 2)], ids=["synthetic", "held out", "training"])
def test_too_few_vectors_are_refused(place: int, least: int) -> None:
    sets = [np.eye(3)[: least - 1] if number == place else np.eye(3) for number in range(3)]
    sentence = (
        f"features have shape ({least - 1}, 3); the nearest training image needs [N, D] with N of at least {least}"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        feature_memorisation(*sets)


def test_one_image_beside_two_training_vectors_is_enough() -> None:
    found = feature_memorisation(np.eye(3)[:1], np.eye(3)[2:], np.eye(3)[:2])
    assert found.closest_pairs == ((0, 0, 0.0),)


@pytest.mark.parametrize("of", [exact_copies, memorisation])
def test_levels_that_are_not_bytes_are_refused(of: Callable[..., object]) -> None:
    levels = images(20)
    sentence = "^images are float64, training images uint8; give uint8 levels, 0 to 255$"
    with pytest.raises(BadInput, match=sentence):
        of(levels / 255, levels, levels)
    with pytest.raises(BadInput, match=sentence):
        of(levels, levels / 255, levels)
