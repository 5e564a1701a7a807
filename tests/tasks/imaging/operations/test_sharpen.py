"""Sharpening."""

import numpy as np
import pytest
from skimage.filters import unsharp_mask

from tasks.imaging.operations.sharpen import SharpenSettings, sharpen


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("amount", "radius_px"), [(0.5, 1.0), (2.0, 1.5), (1.0, 3.0)])
def test_it_is_the_unsharp_mask_of_scikit_image(amount: float, radius_px: float, channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, channels), dtype=np.uint8)
    exact = [unsharp_mask(image[:, :, n] / 255, radius=radius_px, amount=amount) for n in range(channels)]
    expected = 255 * np.stack(exact, axis=-1)
    result = sharpen(image, SharpenSettings(amount=amount, radius_px=radius_px))
    assert np.abs(result - expected).max() < 1.5


def test_an_edge_becomes_steeper() -> None:
    image = np.repeat(np.array([50, 50, 90, 130, 130], np.uint8)[np.newaxis, :, np.newaxis], 5, axis=0)
    row = sharpen(image, SharpenSettings())[2, :, 0].astype(int)
    assert row[1] < 50
    assert row[3] > 130
