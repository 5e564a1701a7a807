"""Grouped convolutions against loops in NumPy, and against Keras' own."""

import keras
import numpy as np
import pytest

from gan.models.grouped_convolution import GroupedConv2D, groups_of
from gan.models.portable import portable
from tests.gan.models.second_order import check_second_order


def network(groups: int, width: int = 6, side: int = 5) -> keras.Model:
    images = keras.Input((side, side, width))
    model = keras.Model(images, GroupedConv2D(3, groups, name="grouped")(images))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def given(width: int = 6, side: int = 5) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(2, side, side, width))


@pytest.mark.parametrize(
    ("width", "groups"), [(8, 1), (16, 1), (24, 1), (32, 2), (40, 2), (48, 3), (128, 8), (1536, 96), (37, 1), (51, 3)]
)
def test_groups_are_equal_and_of_sixteen_channels_or_a_few_more(width: int, groups: int) -> None:
    assert groups_of(width) == groups


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_each_group_sees_its_own_channels(groups: int) -> None:
    model, images = network(groups), given()
    kernel, bias = model.get_weights()
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    own = 6 // groups
    wanted = np.tile(bias.astype(float), (*images.shape[:3], 1))
    for group in range(groups):
        channels = slice(group * own, (group + 1) * own)
        for row in range(3):
            for column in range(3):
                shifted = padded[:, row : row + 5, column : column + 5, channels]
                wanted[..., channels] += shifted @ kernel[row, column, :, channels]
    np.testing.assert_allclose(np.asarray(model(images.astype(np.float32))), wanted, atol=1e-4)


def test_an_exported_generator_has_a_convolution_per_group() -> None:
    model = network(2)
    exported = portable(model)
    made = [layer for layer in exported.layers if layer.weights]
    assert [(type(layer), layer.count_params()) for layer in made] == [(keras.layers.Conv2D, 9 * 3 * 3 + 3)] * 2
    images = given().astype(np.float32)
    np.testing.assert_allclose(np.asarray(exported(images)), np.asarray(model(images)), atol=1e-5)


def test_slopes_of_slopes_are_right() -> None:
    check_second_order(network(3), 0.1 * given())


def test_it_is_made_again_from_its_configuration() -> None:
    layer = GroupedConv2D(3, 4, kernel_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=3), name="grouped")
    again = GroupedConv2D.from_config(layer.get_config())
    for made in (layer, again):
        made.build((None, 4, 4, 8))
    assert np.array_equal(layer.kernel.numpy(), again.kernel.numpy())
