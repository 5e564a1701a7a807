"""Samples of generators with styles, and of those that grow: truncation, and no image depends on another."""

import numpy as np
import pytest

from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sampling import Generator

LABELS = np.arange(150) % 3


@pytest.fixture(scope="module", params=["stylegan2", "progressive"])
def sampled(request: pytest.FixtureRequest) -> Generator:
    """A generator whose mean styles have moved, as they do in training."""
    wanted = ModelSpec(
        family=request.param, resolution_px=16, channels=1, classes=3, latent_size=5, width=2, max_width=4
    )
    network = FAMILIES[request.param].build_generator(wanted, 1)
    if request.param == "stylegan2":
        mean = network.get_layer("styles").mean
        mean.assign(np.random.default_rng(3).normal(size=mean.shape))
    return Generator(network, wanted, ("a", "b", "c"))


def test_an_image_does_not_depend_on_those_sampled_with_it(sampled: Generator) -> None:
    whole = sampled.sample(LABELS, 5)
    np.testing.assert_array_equal(sampled.sample(LABELS[37:141], 5, first=37), whole[37:141])
    others = np.where(np.arange(150) == 40, LABELS, 0)
    np.testing.assert_array_equal(sampled.sample(others, 5)[40], whole[40])


def spread(images: np.ndarray) -> float:
    return float(images[LABELS == 1].astype(float).std(axis=0).mean())


@pytest.mark.parametrize("sampled", ["stylegan2"], indirect=True)
def test_styles_are_truncated_to_those_of_the_class(sampled: Generator) -> None:
    whole, truncated, none = (sampled.sample(LABELS, 5, truncation=share) for share in (1.0, 0.1, 0.0))
    assert all((none[label == LABELS] == none[label]).all() for label in range(3))
    assert (none[0] != none[1]).any()
    assert 0 == spread(none) < spread(truncated) < 0.5 * spread(whole)


@pytest.mark.parametrize("sampled", ["stylegan2"], indirect=True)
def test_a_truncated_image_does_not_depend_on_those_sampled_with_it(sampled: Generator) -> None:
    whole = sampled.sample(LABELS, 5, truncation=0.5)
    np.testing.assert_array_equal(sampled.sample(LABELS[37:50], 5, first=37, truncation=0.5), whole[37:50])
