"""Spectral normalisation: measured on the kernels that the layers really use."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan.models.options import NOT_SPECTRAL
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.models.spectral import SpectralConv2D, SpectralDense, SpectralEmbedding

SPECTRAL = [name for name in FAMILIES if name not in NOT_SPECTRAL]
KINDS = (SpectralConv2D, SpectralDense, SpectralEmbedding)


def built(name: str, seed: int = 0) -> tuple[keras.Model, list[keras.layers.Layer]]:
    wanted = ModelSpec(
        family=name, resolution_px=16, channels=1, classes=3, latent_size=4, width=4, max_width=16,
        spectral_normalisation=True,
    )  # fmt: skip
    build = FAMILIES[name].build_discriminator
    assert build is not None
    network = build(wanted, seed)
    return network, [layer for layer in network.layers if isinstance(layer, KINDS)]


def largest(layer: keras.layers.Layer) -> float:
    """Largest singular value of the kernel that the layer computes with."""
    kernel = layer.embeddings if isinstance(layer, SpectralEmbedding) else layer.kernel
    used = np.asarray(layer.normalised(kernel, training=False))
    return float(np.linalg.svd(used.reshape(-1, used.shape[-1]), compute_uv=False)[0])


def trained(network: keras.Model, steps: int) -> None:
    """A few steps that change all kernels, as large as those of training."""
    rng = np.random.default_rng(0)
    optimiser = keras.optimizers.Adam(2e-3, beta_1=0.0)
    for _ in range(steps):
        images = rng.uniform(-1, 1, size=(8, 16, 16, 1)).astype(np.float32)
        with tf.GradientTape() as tape:
            scores = network([images, rng.integers(3, size=8).astype(np.int32)], training=True)
            loss = tf.reduce_mean(tf.square(scores - rng.normal(size=(8, 1)).astype(np.float32)))
        variables = network.trainable_variables
        optimiser.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)


@pytest.mark.parametrize("name", SPECTRAL)
def test_every_kernel_has_a_largest_singular_value_of_one_after_some_steps(name: str) -> None:
    network, wrapped = built(name)
    plain = [layer for layer in network.layers if layer.trainable_variables and not isinstance(layer, KINDS)]
    assert plain == []
    before = [layer.trainable_variables[0].numpy() for layer in wrapped]
    trained(network, 20)
    assert all((old != layer.trainable_variables[0].numpy()).any() for old, layer in zip(before, wrapped, strict=True))
    assert [largest(layer) for layer in wrapped] == pytest.approx([1.0] * len(wrapped), abs=0.02)


@pytest.mark.parametrize("name", SPECTRAL)
def test_it_is_about_one_from_the_start(name: str) -> None:
    _, wrapped = built(name)
    assert [largest(layer) for layer in wrapped] == pytest.approx([1.0] * len(wrapped), abs=0.05)


def test_kernels_stay_what_the_optimiser_made_of_them() -> None:
    network, wrapped = built("conv")
    before = [layer.trainable_variables[0].numpy() for layer in wrapped]
    network([np.ones((2, 16, 16, 1), np.float32), np.array([0, 1], np.int32)], training=True)
    assert all(np.array_equal(a, b.trainable_variables[0].numpy()) for a, b in zip(before, wrapped, strict=True))


def test_scores_do_not_depend_on_the_size_of_a_kernel() -> None:
    """So the gradient along a kernel is zero: it passes through the division."""
    network, wrapped = built("mlp")
    inputs = [np.ones((2, 16, 16, 1), np.float32), np.array([0, 1], np.int32)]
    layer = next(layer for layer in wrapped if layer.name == "hidden_2")
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(network(inputs, training=True))
    gradient = tape.gradient(total, layer.kernel.value)
    along = float(tf.reduce_sum(gradient * layer.kernel.value))
    assert abs(along) < 1e-4 * float(tf.norm(gradient)) * float(tf.norm(layer.kernel.value))


def test_vectors_move_in_training_only_and_are_weights() -> None:
    network, wrapped = built("conv")
    trained(network, 1)
    inputs = [np.ones((2, 16, 16, 1), np.float32), np.array([0, 1], np.int32)]
    vectors = [layer.singular_vector.numpy() for layer in wrapped]
    network(inputs, training=False)
    assert all(np.array_equal(a, b.singular_vector.numpy()) for a, b in zip(vectors, wrapped, strict=True))
    network(inputs, training=True)
    assert not all(np.array_equal(a, b.singular_vector.numpy()) for a, b in zip(vectors, wrapped, strict=True))
    assert {id(layer.singular_vector) for layer in wrapped} <= {id(weight) for weight in network.weights}


def test_a_spectrally_normalised_dcgan_has_no_batch_normalisation() -> None:
    network, _ = built("dcgan")
    assert [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)] == []
