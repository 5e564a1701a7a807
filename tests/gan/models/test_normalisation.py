"""Normalisation by name: against numbers in float64, through slopes of slopes, and in the family that has it."""

from typing import Any

import keras
import numpy as np
import pytest

from gan.models.families import dcgan
from gan.models.normalisation import normalised
from gan.models.parts import uses_batch_statistics
from gan.models.spec import ModelSpec
from tests.gan.models.second_order import check_second_order

AXES = {"batch": (0, 1, 2), "instance": (1, 2), "layer": (1, 2, 3)}
GIVEN = np.random.default_rng(0).normal(2.0, 3.0, size=(3, 4, 5, 6))


def network(kind: Any) -> keras.Model:
    images = keras.Input(GIVEN.shape[1:])
    model = keras.Model(images, normalised(images, kind, "image"))
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


@pytest.mark.parametrize("kind", AXES)
def test_it_is_over_the_axes_of_its_kind(kind: str) -> None:
    model = network(kind)
    gain, bias = (variable.numpy().astype(float) for variable in model.trainable_variables)
    assert gain.shape == bias.shape == (6,)
    mean = GIVEN.mean(axis=AXES[kind], keepdims=True)
    variance = GIVEN.var(axis=AXES[kind], keepdims=True)
    wanted = gain * (GIVEN - mean) / np.sqrt(variance + 1e-5) + bias
    np.testing.assert_allclose(np.asarray(model(GIVEN.astype(np.float32), training=True)), wanted, atol=1e-5)


def test_none_changes_nothing() -> None:
    images = keras.Input((4, 4, 2))
    assert normalised(images, "none", "image") is images


@pytest.mark.parametrize("kind", AXES)
def test_slopes_of_slopes_are_right(kind: str) -> None:
    check_second_order(network(kind), GIVEN)


def spec(**changes: Any) -> ModelSpec:
    return ModelSpec(
        family="dcgan", resolution_px=32, channels=3, classes=3, latent_size=4, width=4, max_width=8, **changes
    )


BUILDERS = (dcgan.build_generator, dcgan.build_discriminator)


@pytest.mark.parametrize("kind", ["instance", "layer"])
def test_it_takes_the_place_of_batch_normalisation(kind: str) -> None:
    for build in BUILDERS:
        usual, other = ({layer.name: layer for layer in build(spec(**asked), 0).layers} for asked in _asked(kind))
        places = [name for name, layer in usual.items() if isinstance(layer, keras.layers.BatchNormalization)]
        assert list(usual) == list(other)
        assert places == [n for n, layer in other.items() if isinstance(layer, keras.layers.GroupNormalization)] != []


def _asked(kind: str) -> tuple[dict[str, str], dict[str, str]]:
    return {}, {"normalisation": kind}


@pytest.mark.parametrize(("kind", "depends"), [("auto", True), ("batch", True), ("instance", False), ("none", False)])
def test_scores_depend_on_the_batch_with_batch_normalisation_alone(kind: str, depends: bool) -> None:
    assert [uses_batch_statistics(build(spec(normalisation=kind), 0)) for build in BUILDERS] == [depends] * 2


def test_without_any_layers_have_biases_instead() -> None:
    for build in BUILDERS:
        layers = [layer for layer in build(spec(normalisation="none"), 0).layers if hasattr(layer, "kernel")]
        assert all(layer.use_bias for layer in layers)


def test_spectral_normalisation_takes_its_place_in_the_discriminator_alone() -> None:
    both = {"normalisation": "layer", "spectral_normalisation": True}
    found = [
        any(isinstance(layer, keras.layers.GroupNormalization) for layer in build(spec(**both), 0).layers)
        for build in BUILDERS
    ]
    assert found == [True, False]
