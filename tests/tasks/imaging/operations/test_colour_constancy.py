"""The colour of the light."""

import numpy as np
import pytest

from tasks.imaging.operations.colour_constancy import ColourConstancySettings, colour_constancy

METHODS = ["shades_of_grey", "grey_world", "white_patch"]


def scene() -> np.ndarray:
    """Grey on average, with a white patch."""
    picture = np.random.default_rng(0).integers(20, 180, (40, 40, 3), dtype=np.uint8)
    picture[:8, :8] = 200
    return picture


def under(light: tuple[float, float, float]) -> np.ndarray:
    return np.rint(scene() * np.array(light)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_the_light_is_taken_out(method: str) -> None:
    result = colour_constancy(under((1.2, 1.0, 0.7)), ColourConstancySettings(method=method))
    means = result.mean(axis=(0, 1))
    assert np.ptp(means) < 0.03 * means.mean()


@pytest.mark.parametrize("method", METHODS)
def test_grey_stays_grey(method: str) -> None:
    image = scene()[:, :, :1].repeat(3, axis=2)
    assert np.array_equal(colour_constancy(image, ColourConstancySettings(method=method)), image)


def test_grey_world_is_the_formula() -> None:
    image = under((1.2, 1.0, 0.7))
    means = image.mean(axis=(0, 1))
    expected = np.rint(image * (means.mean() / means)).clip(0, 255)
    assert np.array_equal(colour_constancy(image, ColourConstancySettings(method="grey_world")), expected)


def test_shades_of_grey_is_the_formula() -> None:
    image = under((1.2, 1.0, 0.7))
    light = ((image / 255.0) ** 6).mean(axis=(0, 1)) ** (1 / 6)
    expected = np.rint(image * (light.mean() / light)).clip(0, 255)
    assert np.array_equal(colour_constancy(image, ColourConstancySettings()), expected)


def test_norm_one_is_grey_world() -> None:
    image = under((1.1, 1.0, 0.8))
    of_norm = colour_constancy(image, ColourConstancySettings(norm=1))
    assert np.array_equal(of_norm, colour_constancy(image, ColourConstancySettings(method="grey_world")))


def test_gains_are_limited() -> None:
    image = np.full((4, 4, 3), (100, 100, 0), np.uint8)
    image[0, 0, 2] = 100
    result = colour_constancy(image, ColourConstancySettings(method="grey_world", max_gain=1.5))
    assert result[0, 0].tolist() == [69, 69, 150]
