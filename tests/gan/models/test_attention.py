"""Self-attention against numbers in float64, and where networks have it."""

from typing import Any

import keras
import numpy as np
import pytest

from gan.models.attention import attended
from gan.models.parts import Seeds
from gan.models.portable import portable
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.models.spectral import SpectralConv2D
from tests.gan.models.second_order import check_second_order

SIDE, WIDTH, NARROW = 4, 16, 2
GIVEN = np.random.default_rng(0).normal(size=(2, SIDE, SIDE, WIDTH))


def spec(**changes: Any) -> ModelSpec:
    usual = {"resolution_px": 16, "channels": 1, "classes": 0, "latent_size": 4, "width": 4, "max_width": 16}
    return ModelSpec(**(usual | {"attention_px": SIDE} | changes))


def network(gain: float | None = None) -> keras.Model:
    images = keras.Input(GIVEN.shape[1:])
    model = keras.Model(images, attended(images, spec(), Seeds(0)))
    if gain is not None:
        model.get_layer("attention_gain").gain.assign(gain)
    return model


def test_it_is_a_weighted_sum_over_all_places() -> None:
    model = network(gain=0.7)
    kernels = [
        model.get_layer(f"attention_{name}").kernel.numpy()[0, 0].astype(float)
        for name in ("queries", "keys", "values", "out")
    ]
    assert [kernel.shape for kernel in kernels] == [(WIDTH, NARROW)] * 3 + [(NARROW, WIDTH)]
    flat = GIVEN.reshape(2, SIDE * SIDE, WIDTH)
    queries, keys, values = (flat @ kernel for kernel in kernels[:3])
    products = np.exp(queries @ keys.transpose(0, 2, 1))
    seen = products / products.sum(axis=-1, keepdims=True) @ values
    wanted = GIVEN + 0.7 * (seen @ kernels[3]).reshape(GIVEN.shape)
    for run in (model, portable(model)):
        np.testing.assert_allclose(np.asarray(run(GIVEN.astype(np.float32))), wanted, atol=1e-5)


def test_it_begins_without_effect() -> None:
    np.testing.assert_array_equal(np.asarray(network()(GIVEN.astype(np.float32))), GIVEN.astype(np.float32))


def test_slopes_of_slopes_are_right() -> None:
    check_second_order(network(gain=0.5), GIVEN)


def test_parameters_are_four_small_matrices_and_a_gain() -> None:
    assert network().count_params() == 4 * WIDTH * NARROW + 1


@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("family", ["conv", "dcgan"])
@pytest.mark.parametrize(("resolution_px", "side"), [(32, 4), (32, 8), (32, 16), (28, 14)])
def test_both_networks_attend_once_at_the_side_that_is_asked_for(
    family: str, resolution_px: int, side: int, spectral: bool
) -> None:
    wanted = spec(
        family=family, resolution_px=resolution_px, attention_px=side, spectral_normalisation=spectral, classes=2
    )
    for build in (FAMILIES[family].build_generator, FAMILIES[family].build_partner):
        made = build(wanted, 0)
        (layer,) = (layer for layer in made.layers if isinstance(layer, keras.layers.Attention))
        assert layer.output.shape[1] == side**2
    assert isinstance(made.get_layer("attention_out"), SpectralConv2D) is spectral
