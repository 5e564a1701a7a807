"""What the discriminator's images are put through, against NumPy; and when, by data and by overfitting."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.discriminator_augmentation import Adaptation, Uniform, drawn_change
from gan.discriminator_augmentation_settings import (
    POLICIES,
    DiscriminatorAugmentationSettings,
    PolicyName,
    chosen_policies,
)

SOME_POLICIES = st.lists(st.sampled_from(POLICIES), min_size=1, unique=True)


def uniform_of(seed: int) -> Uniform:
    """U[0, 1) from a seed and a purpose."""

    def uniform(shape: tuple[int, ...], purpose: str) -> tf.Tensor:
        drawn = np.random.default_rng([seed, *purpose.encode()]).uniform(size=shape)
        return tf.constant(drawn, tf.float32)

    return uniform


def given_by(**values: float) -> Uniform:
    """The same number for all images; 0 for purposes that are not named."""
    named = {name.replace("_", " "): value for name, value in values.items()}
    return lambda shape, purpose: tf.fill(shape, tf.constant(named.get(purpose, 0.0), tf.float32))


def pixels(count: int = 6, side_px: int = 16, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, size=(count, side_px, side_px, channels)).astype(np.float32)


def changed(images: np.ndarray, policies: tuple[PolicyName, ...], uniform: Uniform, p: float = 1.0) -> np.ndarray:
    change = drawn_change(policies, images.shape, tf.constant(p, tf.float32), uniform)
    result: np.ndarray = change(tf.constant(images)).numpy()
    return result


@settings(max_examples=30, deadline=None)
@given(SOME_POLICIES, st.sampled_from([1, 3]), st.sampled_from([16, 28]), st.integers(0, 99), st.floats(0, 1))
def test_shape_dtype_and_range_are_kept(
    policies: list[PolicyName], channels: int, side_px: int, seed: int, probability: float
) -> None:
    images = np.sign(pixels(4, side_px, channels, seed))
    got = changed(images, tuple(policies), uniform_of(seed), probability)
    assert (got.shape, got.dtype) == (images.shape, np.float32)
    assert np.abs(got).max() <= (5.5 if "colour" in policies else 1.0)


@settings(max_examples=20, deadline=None)
@given(SOME_POLICIES, st.sampled_from([1, 3]), st.integers(0, 99))
def test_nothing_changes_at_probability_zero(policies: list[PolicyName], channels: int, seed: int) -> None:
    images = pixels(4, 16, channels, seed)
    assert np.array_equal(changed(images, tuple(policies), uniform_of(seed), 0.0), images)


def test_each_image_is_changed_with_the_probability() -> None:
    images = pixels(2000, 4, 1)
    got = changed(images, ("cutout",), uniform_of(1), 0.3)
    share = (got != images).any(axis=(1, 2, 3)).mean()
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 2000))


def test_the_same_numbers_are_drawn_whatever_else_is_applied() -> None:
    images = pixels()
    alone = changed(images, ("cutout",), uniform_of(2))
    after = changed(images, ("translation", "cutout"), uniform_of(2))
    assert np.array_equal(alone == 0, (after == 0) & (alone == 0))


def test_a_change_is_the_same_each_time_it_is_called() -> None:
    images = tf.constant(pixels())
    change = drawn_change(POLICIES, (6, 16, 16, 3), tf.constant(0.5), uniform_of(3))
    assert np.array_equal(change(images), change(images))


@pytest.mark.parametrize(("down", "right"), [(0.0, 0.0), (0.5, 0.5), (0.999, 0.3)])
def test_translation_moves_by_up_to_an_eighth_and_fills_with_zero(down: float, right: float) -> None:
    images = pixels()
    got = changed(images, ("translation",), given_by(down=down, right=right))
    rows, columns = (int(np.floor(drawn * 5)) - 2 for drawn in (down, right))
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    assert np.array_equal(got, padded[:, 2 + rows : 18 + rows, 2 + columns : 18 + columns])


@pytest.mark.parametrize(
    ("row", "column", "rows", "columns"),
    [
        (0.5, 0.5, slice(4, 12), slice(4, 12)),
        (0.0, 0.999, slice(0, 4), slice(11, 16)),
    ],
    ids=["inside", "over an edge"],
)
def test_cutout_blanks_half_of_each_side(row: float, column: float, rows: slice, columns: slice) -> None:
    wanted = pixels()
    got = changed(wanted, ("cutout",), given_by(cut_row=row, cut_column=column))
    wanted[:, rows, columns] = 0
    assert np.array_equal(got, wanted)


def test_colour_is_brightness_then_saturation_then_contrast() -> None:
    images = pixels().astype(np.float64)
    got = changed(pixels(), ("colour",), given_by(brightness=0.9, saturation=0.25, contrast=0.1))
    brighter = images + 0.4
    gray = brighter.mean(axis=3, keepdims=True)
    duller = gray + 0.5 * (brighter - gray)
    mean = duller.mean(axis=(1, 2, 3), keepdims=True)
    assert got == pytest.approx(mean + 0.6 * (duller - mean), abs=1e-6)


def test_gray_images_have_no_saturation() -> None:
    images = pixels(channels=1)
    results = [changed(images, ("colour",), given_by(saturation=value)) for value in (0.0, 0.9)]
    assert np.array_equal(*results)


def test_flip_mirrors_half_of_the_images_left_to_right() -> None:
    images = pixels(400, 4, 1)
    got = changed(images, ("flip",), uniform_of(5))
    mirrored = (got == images[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (got == images).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250


@pytest.mark.parametrize("jit_compile", [None, True], ids=["plain", "xla"])
def test_second_order_gradients_pass(jit_compile: bool | None) -> None:
    images = tf.constant(pixels(2))

    @tf.function(jit_compile=jit_compile)
    def slope_of_penalty(weight: tf.Tensor) -> tf.Tensor:
        change = drawn_change(POLICIES, (2, 16, 16, 3), tf.constant(1.0), uniform_of(4))
        with tf.GradientTape() as outer:
            outer.watch(weight)
            with tf.GradientTape() as inner:
                inner.watch(images)
                total = tf.reduce_sum(weight * change(images) ** 2)
            penalty = tf.reduce_sum(inner.gradient(total, images) ** 2)
        return outer.gradient(penalty, weight)

    weight, step = 0.7, 1e-3
    change = drawn_change(POLICIES, (2, 16, 16, 3), tf.constant(1.0), uniform_of(4))
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(change(images) ** 2)
    squared = float(tf.reduce_sum(tape.gradient(total, images) ** 2))  # the penalty is weight^2 times this
    wanted = squared * ((weight + step) ** 2 - (weight - step) ** 2) / (2 * step)
    assert float(slope_of_penalty(tf.constant(weight))) == pytest.approx(wanted, rel=1e-4)


def adapted(signs: list[float], start: float = 0.4, batch_size: int = 50) -> list[float]:
    """The probability after each step."""
    adaptation = Adaptation(DiscriminatorAugmentationSettings(images_to_full=2000), batch_size)
    probability, total, seen = tf.constant(start), tf.constant(0.0), []
    for step, sign in enumerate(signs):
        probability, total = adaptation.moved(probability, total, tf.constant(step), tf.constant(sign))
        seen.append(float(probability))
    return seen


def test_the_probability_moves_every_fourth_step_by_images_seen() -> None:
    assert adapted([1.0, 0.5, 0.5, 0.5, 0.9, 0.5, 0.5, 0.4]) == pytest.approx([0.4] * 3 + [0.5] * 4 + [0.4])


def test_the_probability_stays_between_zero_and_its_bound() -> None:
    assert adapted([1.0] * 40)[-1] == pytest.approx(0.8)
    assert adapted([-1.0] * 40)[-1] == 0.0


def test_twice_the_batch_moves_it_twice_as_far() -> None:
    assert adapted([1.0] * 4, batch_size=100)[-1] - 0.4 == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("images", "channels", "names", "wanted"),
    [
        (1_000, 3, ("cat", "dog"), ("colour", "translation", "cutout", "flip")),
        (1_000, 3, ("a", "b"), ("colour", "translation", "cutout")),
        (1_000, 3, ("cat", "8"), ("colour", "translation", "cutout")),
        (1_000, 3, ("10", "11"), ("colour", "translation", "cutout")),
        (1_000, 3, None, ("colour", "translation", "cutout")),
        (1_000, 1, ("cat", "dog"), ("translation", "cutout")),
        (10_000, 3, ("cat", "dog"), ()),
    ],
    ids=["named things", "letters", "one digit", "numbers", "no labels", "gray", "many images"],
)
def test_auto_follows_the_data(
    images: int, channels: int, names: tuple[str, ...] | None, wanted: tuple[str, ...]
) -> None:
    settings = DiscriminatorAugmentationSettings(policies="auto")
    assert chosen_policies(settings, images, channels, names) == wanted


def test_what_is_listed_is_applied_whatever_the_data() -> None:
    settings = DiscriminatorAugmentationSettings(policies=("flip",))
    assert chosen_policies(settings, 10**6, 1, ("a", "b")) == ("flip",)


def test_nothing_is_applied_unless_asked_for() -> None:
    assert chosen_policies(DiscriminatorAugmentationSettings(), 10, 3, None) == ()
