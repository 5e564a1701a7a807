"""How far networks have grown, and what they show meanwhile."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from gan.growth import Growth, images_per_phase, level_at
from gan.models.growth_layers import as_grown, fades, set_level
from gan.models.portable import portable
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings

SPEC = ModelSpec(family="progressive", resolution_px=32, channels=1, classes=2, latent_size=4, width=2, max_width=4)
LATENTS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
LABELS = np.array([0, 1, 1], np.int32)
IMAGES = np.random.default_rng(1).uniform(-1, 1, size=(3, 32, 32, 1)).astype(np.float32)
Networks = tuple[keras.Model, keras.Model]


@pytest.fixture(scope="module")
def networks() -> Networks:
    family = FAMILIES["progressive"]
    return family.build_generator(SPEC, 1), family.build_partner(SPEC, 1)


@pytest.fixture
def at(networks: Networks) -> Callable[[float], Networks]:
    """The networks, grown to a level."""

    def grown(level: float) -> Networks:
        for network in networks:
            set_level(network, level)
        return networks

    return grown


def generated(generator: keras.Model) -> np.ndarray:
    return np.asarray(generator([LATENTS, LABELS]))


def halved(images: np.ndarray, times: int) -> np.ndarray:
    """Means of squares of pixels, at their full side again."""
    side = 2**times
    small = images.reshape(3, 32 // side, side, 32 // side, side, 1).mean(axis=(2, 4))
    return small.repeat(side, axis=1).repeat(side, axis=2)


LEVELS = {0: 0, 99: 0, 100: 0, 150: 0.5, 175: 0.75, 200: 1, 299: 1, 325: 1.25, 400: 2, 550: 2.5, 600: 3, 9999: 3}


@pytest.mark.parametrize(("images_seen", "level"), LEVELS.items())
def test_each_side_settles_for_a_phase_and_fades_in_for_one(images_seen: int, level: float) -> None:
    assert level_at(images_seen, 100, 3) == pytest.approx(level)


def test_growth_takes_a_third_of_the_budget_unless_it_is_set() -> None:
    assert images_per_phase(TrainingSettings(budget_images=36_000), 3) == 2_000
    assert images_per_phase(TrainingSettings(budget_images=36_000, growth={"images_per_phase": 7}), 3) == 7


def test_networks_follow_the_images_seen(networks: Networks) -> None:
    growth = Growth(networks, TrainingSettings(growth={"images_per_phase": 100}))
    growth.follow(325)
    for network in networks:
        assert [float(fade.share.numpy()) for fade in fades(network)] == [1.0, 0.25, 0.0]


def test_families_that_do_not_grow_are_left_alone() -> None:
    spec = SPEC.model_copy(update={"family": "conv"})
    network = FAMILIES["conv"].build_generator(spec, 0)
    before = network.get_weights()
    Growth([network], TrainingSettings()).follow(50)
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))
    assert as_grown(network, IMAGES) is IMAGES


@pytest.mark.parametrize("level", [0, 1, 2])
def test_settled_images_have_no_finer_detail(at: Callable[[float], Networks], level: int) -> None:
    images = generated(at(level)[0])
    assert images == pytest.approx(halved(images, 3 - level), abs=1e-6)
    assert not np.allclose(images, halved(images, 4 - level))


def test_a_fading_image_is_between_those_of_its_sides(at: Callable[[float], Networks]) -> None:
    coarse, fading, fine = (generated(at(level)[0]) for level in (1, 1.3, 2))
    assert fading == pytest.approx(0.7 * coarse + 0.3 * fine, abs=1e-6)


@pytest.mark.parametrize("level", [0, 1, 1.3, 2.5, 3])
def test_real_images_are_shown_with_the_detail_of_the_networks(at: Callable[[float], Networks], level: float) -> None:
    shown = np.asarray(as_grown(at(level)[1], IMAGES))
    settled = int(level)
    finer = halved(IMAGES, max(0, 2 - settled))
    wanted = (1 - (level - settled)) * halved(IMAGES, 3 - settled) + (level - settled) * finer
    assert shown == pytest.approx(wanted, abs=1e-6)


def test_scores_do_not_see_detail_that_has_not_grown(at: Callable[[float], Networks]) -> None:
    _, discriminator = at(1)
    blurred = halved(IMAGES, 2)
    scores, of_blurred = (np.asarray(discriminator([images, LABELS])) for images in (IMAGES, blurred))
    assert of_blurred == pytest.approx(scores, abs=1e-5)
    _, grown = at(3)
    assert np.abs(np.asarray(grown([blurred, LABELS])) - np.asarray(grown([IMAGES, LABELS]))).max() > 1e-3


@pytest.mark.parametrize("level", [0, 0.3, 2, 2.6, 3])
def test_an_export_has_what_shows_and_no_layers_of_this_project(at: Callable[[float], Networks], level: float) -> None:
    generator, _ = at(level)
    plain = portable(generator)
    assert {type(layer).__module__.split(".")[0] for layer in plain.layers} == {"keras"}
    assert np.asarray(plain([LATENTS, LABELS])) == pytest.approx(generated(generator), abs=1e-6)
    sides = {layer.output.shape[1] for layer in plain.layers if len(layer.output.shape) == 4}
    assert ("conv_32" in {layer.name for layer in plain.layers}) == (level > 2)
    assert max(sides) == 32
