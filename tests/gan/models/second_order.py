"""Slopes of slopes through a smooth network, against differences: what exact R1 and R2 need."""

from collections.abc import Sequence

import keras
import numpy as np
import pytest
import tensorflow as tf

_STEP = 1e-2


def check_degree_two(discriminator: keras.Model, layers: Sequence[str]) -> None:
    """Euler: where a score is proportional to a kernel, an exact penalty on its slopes is of degree two in it.

    For a discriminator without biases, which it has before it has learned, and layers that all paths go through.
    """
    image, *label = discriminator.inputs
    images = tf.random.stateless_normal((4, *image.shape[1:]), (0, 0))
    inputs = [images, *([tf.constant([0, 2, 1, 0])] if label else [])]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(images)
            total = tf.reduce_sum(discriminator(inputs, training=True))
        penalty = tf.reduce_sum(tf.square(inner.gradient(total, images)))
    kernels = [discriminator.get_layer(name).trainable_variables[0] for name in layers]
    slopes = outer.gradient(penalty, [kernel.value for kernel in kernels])
    along = [float(tf.reduce_sum(slope * kernel.value)) for slope, kernel in zip(slopes, kernels, strict=True)]
    assert along == pytest.approx([2 * float(penalty)] * len(layers), rel=1e-3)


def check_second_order(network: keras.Model, images: np.ndarray) -> None:
    """The slope of an exact penalty along a direction of all weights is what moving them along it shows."""
    variables = network.trainable_variables
    given = tf.constant(images.astype(np.float32))
    rng = np.random.default_rng(5)
    directions = [rng.normal(size=variable.shape).astype(np.float32) for variable in variables]
    with tf.GradientTape() as tape:
        penalty = _penalty(network, given)
    slopes = tape.gradient(penalty, [variable.value for variable in variables])
    along = sum(np.sum(slope * way) for slope, way in zip(slopes, directions, strict=True) if slope is not None)
    around = []
    for sign in (1.0, -1.0):
        for variable, way in zip(variables, directions, strict=True):
            variable.assign_add(sign * _STEP * way)
        around.append(float(_penalty(network, given)))
        for variable, way in zip(variables, directions, strict=True):
            variable.assign_sub(sign * _STEP * way)
    shown = (around[0] - around[1]) / (2 * _STEP)
    assert abs(along - shown) < 0.02 * abs(shown), (along, shown)


def _penalty(network: keras.Model, images: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(tf.tanh(0.3 * network(images, training=True)))
    return tf.reduce_sum(tf.square(tape.gradient(total, images)))
