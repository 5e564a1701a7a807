"""Removal of backgrounds."""

import numpy as np
import pytest

from tasks.imaging.operations.background import RemoveBackgroundSettings, remove_background


def ring(background: tuple[int, int, int], noise_sd: float, slope: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A coloured ring on a plain background, and where it is with its hole: only the outside is background."""
    rows, columns = np.mgrid[:96, :96]
    squares = (rows - 48) ** 2 + (columns - 48) ** 2
    image = np.full((96, 96, 3), background, np.float64) + slope * (rows - 48)[:, :, np.newaxis]
    image[(squares < 1000) & (squares > 200)] = (170, 60, 50)
    noise = np.random.default_rng(0).normal(0, noise_sd, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), squares < 1000


def overlap(result: np.ndarray, wanted: np.ndarray) -> float:
    """Intersection over union of what was kept."""
    kept = (result != (0, 255, 0)).any(axis=2)
    return float((kept & wanted).sum() / (kept | wanted).sum())


@pytest.mark.parametrize("background", [(255, 255, 255), (230, 225, 215), (20, 20, 24)])
@pytest.mark.parametrize(("method", "noise_sd"), [("plain", 0), ("plain", 5), ("grabcut", 5)])
def test_a_plain_background_is_found(background: tuple[int, int, int], method: str, noise_sd: float) -> None:
    image, wanted = ring(background, noise_sd)
    result = remove_background(image, RemoveBackgroundSettings(method=method, fill_levels=(0, 255, 0)))
    assert overlap(result, wanted) > (0.97 if method == "plain" else 0.75)  # grabcut also finds the hole


def test_what_is_enclosed_stays_though_it_looks_like_background() -> None:
    image, _ = ring((255, 255, 255), 0)
    result = remove_background(image, RemoveBackgroundSettings(fill_levels=(0, 255, 0)))
    assert result[48, 48].tolist() == [255, 255, 255]
    assert result[0, 0].tolist() == [0, 255, 0]


def test_an_image_of_nothing_but_background_is_left_alone() -> None:
    image, _ = ring((255, 255, 255), 0)
    alone = image[:10]
    assert remove_background(alone, RemoveBackgroundSettings()) is alone


def test_grey_images_have_backgrounds_too() -> None:
    image, wanted = ring((230, 230, 230), 3)
    result = remove_background(image[:, :, 1:2].copy(), RemoveBackgroundSettings())
    assert (result[:, :, 0] > 0)[wanted].mean() > 0.97
    assert (result[:, :, 0] > 0)[~wanted].mean() < 0.03


def test_a_wider_tolerance_takes_uneven_light_along() -> None:
    image, wanted = ring((200, 200, 200), 2, slope=0.6)
    narrow, wide = (
        overlap(
            remove_background(image, RemoveBackgroundSettings(tolerance_levels=levels, fill_levels=(0, 255, 0))), wanted
        )
        for levels in (10, 40)
    )
    assert narrow < 0.9 < 0.97 < wide
