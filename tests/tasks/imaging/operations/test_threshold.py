"""Segmentation by brightness."""

import numpy as np
import pytest
from skimage.filters import threshold_otsu, threshold_triangle

from tasks.imaging.operations.threshold import ThresholdSettings, threshold


def disc(inside: int, outside: int, noise_sd: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """An image uint8 [60, 60, 1], and where its foreground is, bool [60, 60]."""
    rows, columns = np.mgrid[:60, :60]
    is_inside = (rows - 30) ** 2 + (columns - 30) ** 2 < 300
    clean = np.where(is_inside, inside, outside)
    image = clean + np.random.default_rng(0).normal(0, noise_sd, clean.shape)
    return np.clip(image, 0, 255).astype(np.uint8)[:, :, np.newaxis], is_inside


@pytest.mark.parametrize(("inside", "outside"), [(180, 60), (60, 180)], ids=["bright", "dark"])
@pytest.mark.parametrize("method", ["otsu", "triangle", "fixed"])
def test_auto_keeps_what_is_not_at_the_border(method: str, inside: int, outside: int) -> None:
    image, is_inside = disc(inside, outside)
    result = threshold(image, ThresholdSettings(method=method, level=120))
    right = (result[:, :, 0] == np.where(is_inside, image[:, :, 0], 0)).mean()
    assert right > 0.97


@pytest.mark.parametrize(("method", "reference"), [("otsu", threshold_otsu), ("triangle", threshold_triangle)])
def test_levels_are_those_of_scikit_image(method: str, reference: object) -> None:
    image, _ = disc(150, 70, noise_sd=15)
    kept = threshold(image, ThresholdSettings(method=method, foreground="bright"))
    lowest = int(kept[kept > 0].min())
    assert abs(lowest - 1 - reference(image[:, :, 0])) <= 2


def test_a_fixed_level_is_the_last_dark_one() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    kept = threshold(image, ThresholdSettings(method="fixed", level=99, foreground="bright", fill_levels=(1,)))
    assert kept.ravel().tolist() == [1] * 100 + list(range(100, 256))
    dark = threshold(image, ThresholdSettings(method="fixed", level=99, foreground="dark", fill_levels=(255,)))
    assert dark.ravel().tolist() == [*range(100), *[255] * 156]


def test_adaptive_sees_writing_under_uneven_light() -> None:
    light = np.linspace(60, 220, 80).reshape(1, 80).repeat(40, axis=0)
    is_ink = np.zeros((40, 80), bool)
    is_ink[10:12, 5:75] = is_ink[20:22, 5:75] = True
    image = np.where(is_ink, light * 0.6, light).astype(np.uint8)[:, :, np.newaxis]
    adaptive, otsu = (
        threshold(image, ThresholdSettings(method=method, foreground="dark", fill_levels=(255,)))[:, :, 0] != 255
        for method in ("adaptive", "otsu")
    )
    assert (adaptive == is_ink).mean() > 0.95
    assert (otsu == is_ink).mean() < 0.7


def test_a_mask_of_colours_is_filled_with_a_colour() -> None:
    image = np.full((20, 20, 3), (200, 210, 220), np.uint8)
    image[5:15, 5:15] = (50, 40, 30)
    result = threshold(image, ThresholdSettings(fill_levels=(1, 2, 3)))
    assert result[0, 0].tolist() == [1, 2, 3]
    assert result[10, 10].tolist() == [50, 40, 30]
