"""What the networks of every family are."""

import keras
import numpy as np
import pytest

from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec

LATENT_SIZE = 6


def spec(family: str, resolution_px: int = 16, channels: int = 3, classes: int = 5, **changes: object) -> ModelSpec:
    small = {"latent_size": LATENT_SIZE, "width": 4, "max_width": 8}
    return ModelSpec(
        family=family, resolution_px=resolution_px, channels=channels, classes=classes, **(small | changes)
    )


def given(wanted: ModelSpec, first: np.ndarray, labels: list[int]) -> list[np.ndarray]:
    return [first.astype(np.float32), *([np.array(labels, np.int32)] if wanted.classes else [])]


def latents(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, LATENT_SIZE))


def images(wanted: ModelSpec, count: int) -> np.ndarray:
    side = wanted.resolution_px
    return np.random.default_rng(0).uniform(-1, 1, size=(count, side, side, wanted.channels))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    wanted = spec(name)
    for build in (FAMILIES[name].build_generator, FAMILIES[name].build_partner):
        first, same, other = (build(wanted, seed).get_weights() for seed in (1, 1, 2))
        assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
        assert not np.array_equal(first[0], other[0])


# Of a residual block: 1x1 to twice the width, 3x3 in one group (two of 16 would need 32 channels), 1x1 back.
BLOCK_OF_8 = (8 * 16 + 16) + (9 * 16 * 16 + 16) + 16 * 8
BLOCK_OF_4 = (4 * 8 + 8) + (9 * 8 * 8 + 8) + 8 * 4

COUNTS = {  # by hand: embedding, layer by layer (batch normalisation: 4 per channel)
    "conv": (
        5 * 6 + (12 * 128 + 128) + (16 * 8 * 8 + 8) + (16 * 8 * 4 + 4) + (9 * 4 * 3 + 3),
        (9 * 3 * 4 + 4) + (16 * 4 * 8 + 8) + (16 * 8 * 8 + 8) + (128 * 8 + 8) + (8 + 1) + 5 * 8,
    ),
    "dcgan": (
        5 * 6 + 12 * 128 + 4 * 8 + 16 * 8 * 8 + 4 * 8 + (16 * 8 * 3 + 3),
        (16 * 3 * 8 + 8) + 16 * 8 * 8 + 4 * 8 + (128 + 1) + 5 * 128,
    ),
    "mlp": (
        5 * 6 + (12 * 8 + 8) + 2 * (8 * 8 + 8) + (8 * 768 + 768),
        5 * 6 + ((768 + 6) * 8 + 8) + 2 * (8 * 8 + 8) + (8 + 1),
    ),
    "r3gan": (
        5 * 6 + (12 * 8 + 16 * 8) + 2 * BLOCK_OF_8 + 2 * BLOCK_OF_8 + 8 * 4 + 2 * BLOCK_OF_4 + 4 * 3,
        3 * 4 + 2 * BLOCK_OF_4 + 4 * 8 + 2 * BLOCK_OF_8 + 2 * BLOCK_OF_8 + 16 * 8 + 8 * 8 + 5 * 8,
    ),
    # Sides of 4, 8 and 16 px; per side in the generator: two convolutions, and one of 1x1 to the image.
    "progressive": (
        5 * 6
        + (12 * 128 + 128)
        + (9 * 8 * 8 + 8)
        + (8 * 3 + 3)
        + 2 * (9 * 8 * 8 + 8)
        + (8 * 3 + 3)
        + (9 * 8 * 4 + 4)
        + (9 * 4 * 4 + 4)
        + (4 * 3 + 3)
        + 2,
        (3 * 4 + 4)
        + (9 * 4 * 4 + 4)
        + (9 * 4 * 8 + 8)
        + (3 * 8 + 8)
        + 2 * (9 * 8 * 8 + 8)
        + (3 * 8 + 8)
        + 1
        + (9 * 9 * 8 + 8)
        + (128 * 8 + 8)
        + (8 + 1)
        + 5 * 8
        + 2,
    ),
    # Generator: mapping, mean styles, learned 4x4; each convolution with its style, noise strength and fixed noise;
    # each 1x1 to the image with its style. Discriminator: per side two convolutions, and a 1x1 without bias.
    "stylegan2": (
        5 * 6
        + (12 * 6 + 6)
        + (6 * 6 + 6)
        + 5 * 6
        + 16 * 8
        + (6 * 8 + 8)
        + (9 * 8 * 8 + 8)
        + 1
        + 16
        + (6 * 8 + 8)
        + (8 * 3 + 3)
        + 2 * ((6 * 8 + 8) + (9 * 8 * 8 + 8) + 1 + 64)
        + (6 * 8 + 8)
        + (8 * 3 + 3)
        + (6 * 8 + 8)
        + (9 * 8 * 4 + 4)
        + 1
        + 256
        + (6 * 4 + 4)
        + (9 * 4 * 4 + 4)
        + 1
        + 256
        + (6 * 4 + 4)
        + (4 * 3 + 3),
        (3 * 4 + 4)
        + (9 * 4 * 4 + 4)
        + (9 * 4 * 8 + 8)
        + 4 * 8
        + 2 * (9 * 8 * 8 + 8)
        + 8 * 8
        + 1
        + (9 * 9 * 8 + 8)
        + (128 * 8 + 8)
        + (8 * 8 + 8)
        + 5 * 8,
    ),
    "vae": (
        5 * 6 + (12 * 128 + 128) + (16 * 8 * 8 + 8) + (16 * 8 * 4 + 4) + (9 * 4 * 3 + 3),
        (9 * 3 * 4 + 4) + (16 * 4 * 8 + 8) + (16 * 8 * 8 + 8) + 5 * 6 + ((128 + 6) * 8 + 8) + 2 * (8 * 6 + 6),
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_number_of_weights_is_what_a_hand_computes(name: str) -> None:
    wanted = spec(name)  # 16 px: 4 -> 8 -> 16 px with 8, 8 and 4 channels
    networks = FAMILIES[name].build_generator(wanted, 0), FAMILIES[name].build_partner(wanted, 0)
    assert tuple(network.count_params() for network in networks) == COUNTS[name]


@pytest.mark.parametrize("name", FAMILIES)
def test_an_untrained_generator_sees_the_label_as_much_as_the_latents(name: str) -> None:
    wanted = spec(name)
    generator = FAMILIES[name].build_generator(wanted, 0)
    base, other_label, other_latents = (
        np.asarray(generator(given(wanted, latents(2)[[row]], [label]))) for row, label in ((0, 0), (0, 1), (1, 0))
    )
    assert np.abs(other_label - base).mean() > 0.2 * np.abs(other_latents - base).mean() > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_an_untrained_discriminator_or_encoder_sees_the_label(name: str) -> None:
    wanted = spec(name)
    partner = FAMILIES[name].build_partner(wanted, 0)

    def results(row: int, label: int) -> np.ndarray:
        return np.concatenate(np.atleast_2d(partner(given(wanted, images(wanted, 2)[[row]], [label]))), axis=None)

    labels = [np.abs(results(0, label) - results(0, 0)).mean() for label in range(1, 5)]
    assert np.mean(labels) > 0.04 * np.abs(results(1, 0) - results(0, 0)).mean() > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_no_convolution_is_grouped(name: str) -> None:
    networks = FAMILIES[name].build_generator(spec(name), 0), FAMILIES[name].build_partner(spec(name), 0)
    layers = [layer for network in networks for layer in network.layers]
    assert {layer.get_config().get("groups", 1) for layer in layers} == {1}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", FAMILIES)
def test_mixed_precision_computes_low_and_gives_float32(name: str, policy: str) -> None:
    wanted = spec(name)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        generator, partner = (
            build(wanted, 0) for build in (FAMILIES[name].build_generator, FAMILIES[name].build_partner)
        )
    finally:
        keras.config.set_dtype_policy(before)
    for network, first in ((generator, latents(2)), (partner, images(wanted, 2))):
        assert {str(output.dtype) for output in network.outputs} == {"float32"}
        assert {str(variable.dtype) for variable in network.trainable_variables} == {"float32"}
        assert policy.removeprefix("mixed_") in {layer.compute_dtype for layer in network.layers if layer.weights}
        assert all(np.isfinite(np.asarray(result)).all() for result in _results(network, given(wanted, first, [0, 1])))


def _results(network: keras.Model, inputs: list[np.ndarray]) -> list[object]:
    results = network(inputs)
    return results if isinstance(results, list) else [results]


@pytest.mark.parametrize(
    ("name", "asked"), [("dcgan", False), ("mlp", False), ("conv", True), ("vae", True), ("r3gan", True)]
)
def test_bounded_images_stay_in_their_range(name: str, asked: bool) -> None:
    assert _largest(spec(name, bounded_output=asked)) <= 1.0


def test_images_of_conv_are_not_bounded_unless_asked() -> None:
    assert _largest(spec("conv")) > 1.0


def _largest(wanted: ModelSpec) -> float:
    """Absolute value in images of latents that are far too large."""
    generator = FAMILIES[wanted.family].build_generator(wanted, 0)
    return float(np.abs(generator(given(wanted, 1000 * latents(8), [0, 1, 2, 3, 4, 0, 1, 2]))).max())


def test_a_dcgan_normalises_all_but_the_layers_at_the_image() -> None:
    family = FAMILIES["dcgan"]
    names = [
        [
            layer.name
            for layer in build(spec("dcgan", 32), 0).layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        for build in (family.build_generator, family.build_partner)
    ]
    assert names == [
        ["base_normalised", "up_8_normalised", "up_16_normalised"],
        ["down_8_normalised", "down_4_normalised"],
    ]


def test_dcgan_weights_are_normal_with_a_deviation_of_a_fiftieth() -> None:
    wide = spec("dcgan", 32, width=16, max_width=64)
    for build in (FAMILIES["dcgan"].build_generator, FAMILIES["dcgan"].build_partner):
        kernels = [layer.kernel for layer in build(wide, 0).layers if hasattr(layer, "kernel")]
        assert [float(np.std(kernel)) for kernel in kernels] == pytest.approx([0.02] * len(kernels), rel=0.05)


def test_a_vae_generates_with_the_networks_of_conv() -> None:
    """One decoder body, so that the families differ in how they are trained."""
    assert FAMILIES["vae"].build_generator is FAMILIES["conv"].build_generator
