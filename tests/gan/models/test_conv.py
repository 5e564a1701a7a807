import re

import keras
import numpy as np
import pytest

from datasets.errors import BadInput
from gan.models.conv import build_discriminator, build_generator
from gan.models.spec import RESOLUTIONS_PX, ModelSpec, check_image_shape


def spec(resolution_px: int = 16, channels: int = 1, classes: int = 3) -> ModelSpec:
    return ModelSpec(
        resolution_px=resolution_px, channels=channels, classes=classes, latent_size=5, width=2, max_width=8
    )


def inputs(first: np.ndarray, labels: list[int]) -> list[np.ndarray]:
    return [first.astype(np.float32), np.array(labels, np.int32)]


@pytest.mark.parametrize("channels", [1, 3], ids=["gray", "colour"])
@pytest.mark.parametrize("resolution_px", RESOLUTIONS_PX)
def test_networks_fit_every_resolution(resolution_px: int, channels: int) -> None:
    wanted = spec(resolution_px, channels)
    images = build_generator(wanted, 0)(inputs(np.ones((2, 5)), [0, 2]))
    assert images.shape == (2, resolution_px, resolution_px, channels)
    assert build_discriminator(wanted, 0)(inputs(np.asarray(images), [0, 2])).shape == (2, 1)


def test_unconditional_networks_take_no_labels() -> None:
    wanted = spec(classes=0)
    images = build_generator(wanted, 0)([np.ones((2, 5), np.float32)])
    assert build_discriminator(wanted, 0)([images]).shape == (2, 1)


def test_an_untrained_generator_sees_the_label_as_much_as_the_latents() -> None:
    generator = build_generator(spec(), 0)
    latents = np.random.default_rng(0).normal(size=(2, 5))
    base = np.asarray(generator(inputs(latents[:1], [0])))
    other_label = np.abs(np.asarray(generator(inputs(latents[:1], [1]))) - base).mean()
    other_latents = np.abs(np.asarray(generator(inputs(latents[1:], [0]))) - base).mean()
    assert other_label > 0.2 * other_latents


def test_an_untrained_discriminator_sees_the_label() -> None:
    discriminator = build_discriminator(spec(), 0)
    images = np.random.default_rng(0).normal(size=(1, 16, 16, 1))
    scores = [np.asarray(discriminator(inputs(images, [label]))).item() for label in (0, 1)]
    assert scores[0] != scores[1]


def test_the_same_seed_gives_the_same_weights() -> None:
    first, same, other = (build_generator(spec(), seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_no_convolution_is_grouped(build: object) -> None:
    layers = build(spec(32), 0).layers  # type: ignore[operator]
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    convolutions = [layer for layer in layers if isinstance(layer, kinds)]
    assert convolutions
    assert all(layer.get_config().get("groups", 1) == 1 for layer in convolutions)


@pytest.mark.parametrize("shape", [(5, 16, 17, 1), (5, 20, 20, 1), (5, 16, 16, 4), (5, 16, 16)], ids=str)
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    sentence = (
        f"images have shape {shape}; a generator needs [N, side, side, 1 or 3] with a side of 16, 28, 32, 64, 128 px; "
        "prepare the data set with such a size"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        check_image_shape(shape)
