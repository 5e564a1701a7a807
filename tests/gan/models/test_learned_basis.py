"""Learned images between vectors and features, against NumPy."""

import keras
import numpy as np
import pytest

from gan.models.learned_basis import BasisImage, BasisSum
from gan.models.portable import portable
from tests.gan.models.second_order import check_second_order

RNG = np.random.default_rng(0)


def test_an_image_is_each_channel_of_the_basis_times_its_share() -> None:
    vectors = keras.Input((5,))
    model = keras.Model(vectors, BasisImage(4, 3, seeds=(1, 2), name="base")(vectors))
    kernel, basis = model.get_weights()
    assert (kernel.shape, basis.shape) == ((5, 3), (4, 4, 3))
    given = RNG.normal(size=(2, 5))
    wanted = np.einsum("nk,kc,hwc->nhwc", given, kernel.astype(float), basis.astype(float))
    for network in (model, portable(model)):
        np.testing.assert_allclose(np.asarray(network(given.astype(np.float32))), wanted, atol=1e-5)


def test_a_sum_is_over_the_places_of_each_channel() -> None:
    images = keras.Input((4, 4, 3))
    model = keras.Model(images, BasisSum(seed=1)(images))
    (basis,) = model.get_weights()
    given = RNG.normal(size=(2, 4, 4, 3))
    wanted = np.einsum("nhwc,hwc->nc", given, basis.astype(float))
    np.testing.assert_allclose(np.asarray(model(given.astype(np.float32))), wanted, atol=1e-5)
    check_second_order(model, given)


@pytest.mark.parametrize("side", [4, 7])
def test_they_begin_with_the_size_of_what_they_read(side: int) -> None:
    """Vectors and features of deviation 1 give features and vectors of deviation 1."""
    image, total = BasisImage(side, 300, seeds=(1, 2)), BasisSum(seed=3)
    made = np.asarray(image(RNG.normal(size=(60, 50)).astype(np.float32)))
    assert made.std() == pytest.approx(1.0, rel=0.1)
    summed = np.asarray(total(RNG.normal(size=(60, side, side, 300)).astype(np.float32)))
    assert summed.std() == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("layer", [BasisImage(4, 3, seeds=(1, 2)), BasisSum(seed=5)], ids=["image", "sum"])
def test_they_are_made_again_from_their_configuration(layer: keras.layers.Layer) -> None:
    again = type(layer).from_config(layer.get_config())
    for made in (layer, again):
        made.build((None, 6) if isinstance(made, BasisImage) else (None, 4, 4, 3))
    assert all(map(np.array_equal, layer.get_weights(), again.get_weights()))
