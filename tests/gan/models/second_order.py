"""Slopes of slopes through a smooth network, against differences: what exact R1 and R2 need."""

import keras
import numpy as np
import tensorflow as tf

_STEP = 1e-2


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
