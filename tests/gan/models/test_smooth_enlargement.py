"""Transposed convolutions begin as linear interpolation, so that first images have no noise between pixels."""

import keras
import numpy as np
import pytest

from gan.models.families import conv
from gan.models.parts import Seeds
from gan.models.smooth_enlargement import doubled_smoothly, smooth_kernel
from gan.models.spec import ModelSpec


def interpolated(row):
    """Twice as many numbers, at a quarter and three quarters between the old ones; float64."""
    inner = np.stack([0.75 * row[:-1] + 0.25 * row[1:], 0.25 * row[:-1] + 0.75 * row[1:]], axis=1)
    return inner.reshape(-1, *row.shape[1:])


def test_a_fresh_layer_interpolates_a_mixture_of_the_channels() -> None:
    inputs = keras.Input((5, 6, 3))
    network = keras.Model(inputs, doubled_smoothly(inputs, 2, "up", Seeds(0)))
    hidden = np.random.default_rng(0).normal(size=(1, 5, 6, 3)).astype(np.float32)
    mixture = Seeds(0).he()((1, 1, 3, 2), dtype="float32")
    mixed = (hidden @ keras.ops.convert_to_numpy(mixture)[0, 0])[0].astype(np.float64)
    expected = interpolated(interpolated(mixed).transpose(1, 0, 2)).transpose(1, 0, 2)
    doubled = keras.ops.convert_to_numpy(network(hidden))[0]
    assert doubled.shape == (10, 12, 2)
    np.testing.assert_allclose(doubled[1:-1, 1:-1], expected, atol=1e-5)


def test_the_kernel_has_its_channels_last() -> None:
    mixture = np.arange(6, dtype=np.float32).reshape(3, 2)
    kernel = smooth_kernel(mixture)
    assert kernel.shape == (4, 4, 2, 3)
    np.testing.assert_allclose(kernel.sum((0, 1)), 4 * mixture.T)


@pytest.mark.parametrize("side_px", [16, 28, 64])
def test_neighbouring_pixels_of_the_first_images_are_alike(side_px):
    """Of independent pixels, neighbours would differ by twice the variance."""
    spec = ModelSpec(resolution_px=side_px, channels=3, classes=0, latent_size=16, width=8, max_width=64)
    latents = np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32)
    images = keras.ops.convert_to_numpy(conv.build_generator(spec, seed=0)([latents]))
    differences = np.square(np.diff(images, axis=2)).mean()
    assert differences < 0.5 * images.var()
    assert images.std() < 0.5  # of a range of 2
