"""Resampling against the filter, written out in NumPy with zeros beyond the border."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import KerasTensor

from gan.models.resampling import doubled, halved

TAPS = np.array([1.0, 3.0, 3.0, 1.0])
SHAPE = (2, 6, 4, 3)


def network(resample: Callable[[KerasTensor, str], KerasTensor], shape: tuple[int, ...] = SHAPE) -> keras.Model:
    images = keras.Input(shape[1:])
    return keras.Model(images, resample(images, "image"))


def given(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def filtered(images: np.ndarray, total: float) -> np.ndarray:
    """Full convolution with the filter, whose sum is `total`: three rows and columns more."""
    kernel = np.outer(TAPS, TAPS) * total / 64
    count, height, width, channels = images.shape
    result = np.zeros((count, height + 3, width + 3, channels))
    for row in range(4):
        for column in range(4):
            result[:, row : row + height, column : column + width] += kernel[row, column] * images
    return result


def doubled_by_hand(images: np.ndarray) -> np.ndarray:
    count, height, width, channels = images.shape
    spread = np.zeros((count, 2 * height, 2 * width, channels))
    spread[:, ::2, ::2] = images
    return filtered(spread, 4.0)[:, 1:-2, 1:-2]


def halved_by_hand(images: np.ndarray) -> np.ndarray:
    return filtered(images, 1.0)[:, 2:-1:2, 2:-1:2]


@pytest.mark.parametrize(
    ("resample", "by_hand"), [(doubled, doubled_by_hand), (halved, halved_by_hand)], ids=["doubled", "halved"]
)
def test_it_is_the_filter_with_zeros_beyond_the_border(
    resample: Callable[[KerasTensor, str], KerasTensor], by_hand: Callable[[np.ndarray], np.ndarray]
) -> None:
    made = np.asarray(network(resample)(given().astype(np.float32)))
    np.testing.assert_allclose(made, by_hand(given()), atol=1e-6)


def test_each_is_four_times_the_adjoint_of_the_other() -> None:
    """So a generator and a discriminator see the same detail; the product with either side is the same number."""
    small, large = given((1, 6, 4, 2)), np.random.default_rng(1).normal(size=(1, 12, 8, 2))
    up = np.asarray(network(doubled, small.shape)(small.astype(np.float32)))
    down = np.asarray(network(halved, large.shape)(large.astype(np.float32)))
    assert np.sum(up * large) == pytest.approx(4 * np.sum(down * small), rel=1e-5)


@pytest.mark.parametrize("resample", [doubled, halved])
def test_it_stays_in_the_precision_of_its_layers(resample: Callable[[KerasTensor, str], KerasTensor]) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert network(resample).output.dtype == "bfloat16"
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("resample", [doubled, halved])
def test_slopes_of_slopes_pass_through(resample: Callable[[KerasTensor, str], KerasTensor]) -> None:
    """The squared slope of a sum of squares of a linear map is quadratic in its scale: its own slope is twice it."""
    run = network(resample)
    images, scale = tf.constant(given().astype(np.float32)), tf.constant(1.0)
    with tf.GradientTape() as outer:
        outer.watch(scale)
        with tf.GradientTape() as inner:
            inner.watch(images)
            total = tf.reduce_sum(tf.square(run(images))) * scale
        penalty = tf.reduce_sum(tf.square(inner.gradient(total, images)))
    assert float(outer.gradient(penalty, scale)) == pytest.approx(2 * float(penalty), rel=1e-5)
    assert float(penalty) > 0
