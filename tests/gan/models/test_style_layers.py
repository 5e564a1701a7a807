"""Layers of styled generators against the same in NumPy, float64."""

import numpy as np
import pytest
from keras import ops

from gan.models.equalised_layers import EqualisedConv2D, EqualisedDense
from gan.models.families.stylegan2 import build_generator
from gan.models.learned_image import LearnedImage
from gan.models.mapping_network import MeanStyle, parts_of, towards_mean_style
from gan.models.minibatch_deviation import MinibatchDeviation
from gan.models.modulated_convolution import ModulatedConv2D
from gan.models.noise_layers import Noise
from gan.models.options import group_size
from gan.models.pixel_norm import unit_mean_square
from gan.models.spec import ModelSpec

RNG = np.random.default_rng(3)


def array(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def convolved(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """[H, W, in] and [3, 3, in, out] -> [H, W, out], zeros beyond the border."""
    height, width, _ = image.shape
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    return np.array(
        [[np.einsum("abi,abio->o", padded[y : y + 3, x : x + 3], kernel) for x in range(width)] for y in range(height)]
    )


def own_kernels(layer: ModulatedConv2D, styles: np.ndarray, *, demodulated: bool) -> np.ndarray:
    """[N, 3, 3, in, out]: the kernel of each image, as the paper has it (its equations 1 and 3)."""
    kernel = np.asarray(layer.kernel, np.float64) / np.sqrt(9 * styles.shape[1])
    scaled = kernel[None] * styles[:, None, None, :, None].astype(np.float64)
    if not demodulated:
        return scaled
    return scaled / np.sqrt(np.square(scaled).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)


@pytest.mark.parametrize("demodulated", [True, False])
def test_scaled_inputs_and_outputs_are_the_papers_kernel_for_each_image(demodulated: bool) -> None:
    layer = ModulatedConv2D(4, 3, seed=1, gain=1.5, demodulates=demodulated)
    features, styles = array(2, 5, 5, 3), array(2, 3)
    got = np.asarray(layer([features, styles]))
    kernels = own_kernels(layer, styles, demodulated=demodulated)
    wanted = [
        1.5 * convolved(image.astype(np.float64), kernel) for image, kernel in zip(features, kernels, strict=True)
    ]
    assert got == pytest.approx(np.array(wanted), abs=1e-5)


def test_a_demodulated_output_does_not_grow_with_its_style() -> None:
    layer = ModulatedConv2D(4, 3, seed=1)
    features, styles = array(2, 5, 5, 3), array(2, 3)
    assert np.asarray(layer([features, 100 * styles])) == pytest.approx(np.asarray(layer([features, styles])), abs=1e-5)


def test_doubling_is_zeros_between_pixels_then_the_kernel_then_the_filter() -> None:
    layer = ModulatedConv2D(2, 3, seed=1, demodulates=False, doubles=True)
    features, styles = array(1, 4, 4, 3), np.ones((1, 3), np.float32)
    got = np.asarray(layer([features, styles]))[0]
    spread = np.zeros((8, 8, 3))
    spread[::2, ::2] = features[0]
    flipped = np.asarray(layer.kernel, np.float64)[::-1, ::-1] / np.sqrt(27)  # a transposed convolution turns it round
    line = np.array([1.0, 3.0, 3.0, 1.0]) / 4
    made = convolved(np.pad(spread, ((3, 3), (3, 3), (0, 0))), flipped)
    for axis in (0, 1):
        made = np.apply_along_axis(lambda row: np.convolve(row, line), axis, made)
    offset = next((y, x) for y in range(8) for x in range(8) if np.abs(made[y : y + 8, x : x + 8] - got).max() < 1e-5)
    assert offset == (4, 4)


def test_equalised_kernels_are_scaled_when_they_are_used() -> None:
    dense = EqualisedDense(4, seed=1, gain=2.0, rate_multiplier=0.01, bias=1.0)
    inputs = array(3, 6)
    got = np.asarray(dense(inputs))
    kernel, bias = (np.asarray(weight, np.float64) for weight in (dense.kernel, dense.bias))
    assert got == pytest.approx(inputs @ kernel * 2.0 * 0.01 / np.sqrt(6) + 0.01 * bias, abs=1e-5)
    assert 0.01 * bias == pytest.approx(np.ones(4))
    conv = EqualisedConv2D(4, 3, seed=1)
    image = array(1, 5, 5, 2)
    wanted = convolved(image[0].astype(np.float64), np.asarray(conv_kernel(conv, image), np.float64))
    assert np.asarray(conv(image))[0] == pytest.approx(np.sqrt(2 / 18) * wanted, abs=1e-5)


def conv_kernel(conv: EqualisedConv2D, image: np.ndarray) -> np.ndarray:
    conv.build(image.shape)
    return np.asarray(conv.kernel)


def test_stored_kernels_have_a_deviation_of_one_over_the_multiplier() -> None:
    dense, conv = EqualisedDense(200, seed=1, rate_multiplier=0.01), EqualisedConv2D(64, 3, seed=1)
    dense.build((None, 200))
    conv.build((None, 8, 8, 64))
    assert float(np.std(dense.kernel)) == pytest.approx(100, rel=0.02)
    assert float(np.std(conv.kernel)) == pytest.approx(1, rel=0.02)


def test_pixel_normalisation_leaves_a_mean_square_of_one() -> None:
    hidden = array(2, 3, 3, 5)
    wanted = hidden / np.sqrt(np.square(hidden.astype(np.float64)).mean(axis=-1, keepdims=True))
    assert np.asarray(unit_mean_square(hidden, "x")) == pytest.approx(wanted, abs=1e-5)


def test_minibatch_deviation_is_that_of_groups() -> None:
    layer, hidden = MinibatchDeviation(most=4), array(8, 3, 3, 5)
    got = np.asarray(layer(hidden, training=True))
    assert np.array_equal(got[..., :5], hidden)
    for place in range(8):  # groups are 0, 2, 4, 6 and 1, 3, 5, 7
        group = hidden[place % 2 :: 2].astype(np.float64)
        deviation = np.sqrt(group.var(axis=0) + 1e-8).mean()
        assert got[place, ..., 5] == pytest.approx(np.full((3, 3), deviation), rel=1e-5)


def test_in_inference_the_moving_mean_takes_its_place() -> None:
    layer, hidden = MinibatchDeviation(most=4), array(8, 3, 3, 5)
    seen = np.asarray(layer(hidden, training=True))[:, 0, 0, 5].mean()
    alone = np.asarray(layer(hidden[:1]))
    assert alone[..., 5] == pytest.approx(np.full((1, 3, 3), 0.01 * seen), rel=1e-4)
    assert np.array_equal(np.asarray(layer(hidden))[:1], alone)


@pytest.mark.parametrize(("count", "size"), [(32, 4), (6, 3), (5, 1), (2, 2), (7, 1)])
def test_groups_are_equal(count: int, size: int) -> None:
    assert group_size(count, 4) == size


def test_noise_is_drawn_in_training_and_fixed_in_inference() -> None:
    layer, hidden = Noise(seed=1), np.zeros((2, 64, 64, 3), np.float32)
    layer.build(hidden.shape)
    layer.strength.assign([0.5])
    first, second = (np.asarray(layer(hidden, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)
    assert first.std() == pytest.approx(0.5, rel=0.02)
    assert np.array_equal(first[..., 0], first[..., 2])
    assert not np.array_equal(first[0], first[1])
    fixed = np.asarray(layer(hidden))
    assert np.array_equal(fixed[0], fixed[1])
    assert np.array_equal(fixed, np.asarray(layer(hidden)))


def test_where_the_draws_are_is_a_variable_that_can_be_set_back() -> None:
    layer, hidden = Noise(seed=1), np.zeros((2, 4, 4, 3), np.float32)
    layer.build(hidden.shape)
    layer.strength.assign([1.0])
    layer(hidden, training=True)
    kept = [variable.numpy() for variable in layer.variables]
    wanted = np.asarray(layer(hidden, training=True))
    for variable, value in zip(layer.variables, kept, strict=True):
        variable.assign(value)
    assert np.array_equal(np.asarray(layer(hidden, training=True)), wanted)


def test_every_image_begins_with_the_same_features() -> None:
    layer = LearnedImage(4, 3, seed=1)
    made = np.asarray(layer(array(5, 2)))
    assert made.shape == (5, 4, 4, 3)
    assert all(np.array_equal(image, np.asarray(layer.image)[0]) for image in made)


def test_mean_styles_move_by_class() -> None:
    layer, styles, labels = MeanStyle(3), array(4, 2), np.array([0, 0, 2, 0], np.int32)
    assert np.array_equal(np.asarray(layer([styles, ops.convert_to_tensor(labels)], training=True)), styles)
    once = np.array([styles[[0, 1, 3]].mean(axis=0), [0, 0], styles[2]]) * 0.005
    assert np.asarray(layer.mean) == pytest.approx(once, abs=1e-7)
    layer([styles, ops.convert_to_tensor(labels)], training=True)
    assert np.asarray(layer.mean) == pytest.approx(once * 1.995, abs=1e-7)
    layer([styles, ops.convert_to_tensor(labels)], training=False)
    assert np.asarray(layer.mean) == pytest.approx(once * 1.995, abs=1e-7)


def spec(classes: int = 3) -> ModelSpec:
    return ModelSpec(
        family="stylegan2", resolution_px=16, channels=1, classes=classes, latent_size=5, width=2, max_width=4
    )


@pytest.mark.parametrize("classes", [0, 3], ids=["no classes", "classes"])
def test_truncation_moves_styles_towards_the_mean_of_their_class(classes: int) -> None:
    generator = build_generator(spec(classes), 1)
    mean = generator.get_layer("styles").mean
    mean.assign(array(*mean.shape))
    inputs = [ops.convert_to_tensor(array(2, 5))]
    labels = np.array([2, 0], np.int32)
    if classes:
        inputs.append(ops.convert_to_tensor(labels))
    mapping, synthesis = parts_of(generator)
    styles, truncated = np.asarray(mapping(inputs)), towards_mean_style(generator)
    centres = np.asarray(mean)[labels if classes else [0, 0]]
    for share in (0.0, 0.6, 1.0):
        wanted = np.asarray(synthesis(centres + np.float32(share) * (styles - centres)))
        assert np.asarray(truncated(inputs, np.float32(share))) == pytest.approx(wanted, abs=1e-5)
    assert np.asarray(truncated(inputs, np.float32(1.0))) == pytest.approx(np.asarray(generator(inputs)), abs=1e-5)
