"""Equalisation and gamma."""

import cv2
import numpy as np
import pytest
from skimage.exposure import adjust_gamma

from tasks.imaging.operations.contrast import (
    ClaheSettings,
    EqualiseSettings,
    GammaSettings,
    clahe,
    equalise,
    gamma,
)


def dull(channels: int) -> np.ndarray:
    """Levels of 100 to 140 only."""
    return np.random.default_rng(0).integers(100, 141, (40, 48, channels), dtype=np.uint8)


def test_grey_is_equalised_as_opencv_does() -> None:
    assert np.array_equal(equalise(dull(1), EqualiseSettings())[:, :, 0], cv2.equalizeHist(dull(1)))


def test_equalised_levels_reach_from_black_to_white() -> None:
    result = equalise(dull(1), EqualiseSettings())
    assert (result.min(), result.max()) == (0, 255)


def test_colour_keeps_its_hue() -> None:
    image = np.arange(60, 160, dtype=np.uint8).reshape(10, 10, 1) + np.array([24, 0, 0], np.uint8)
    before, after = (
        cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb) for picture in (image, equalise(image, EqualiseSettings()))
    )
    assert np.abs(after[:, :, 1:].astype(int) - before[:, :, 1:])[2:-2].max() <= 1
    assert np.ptp(after[:, :, 0]) > 2 * np.ptp(before[:, :, 0])


def test_clahe_is_that_of_opencv() -> None:
    expected = cv2.createCLAHE(3.0, (4, 4)).apply(dull(1)[:, :, 0])
    assert np.array_equal(clahe(dull(1), ClaheSettings(clip_limit=3.0, tiles=4))[:, :, 0], expected)


def test_clahe_gains_more_contrast_with_a_higher_limit() -> None:
    slope = np.linspace(100, 140, 64).astype(np.uint8).reshape(1, 64, 1).repeat(64, axis=0)
    low, high = (clahe(slope, ClaheSettings(clip_limit=limit, tiles=2)).std() for limit in (1.5, 6.0))
    assert slope.std() < low < high


@pytest.mark.parametrize("value", [0.5, 1.0, 2.2])
def test_gamma_is_that_of_scikit_image(value: float) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    difference = gamma(levels, GammaSettings(gamma=value)).astype(int) - adjust_gamma(levels, value)
    assert np.abs(difference).max() <= 1  # which cuts off where we round
    assert gamma(levels, GammaSettings(gamma=value))[[0, -1], [0, -1], 0].tolist() == [0, 255]


def test_gamma_of_one_changes_nothing() -> None:
    assert np.array_equal(gamma(dull(3), GammaSettings()), dull(3))
