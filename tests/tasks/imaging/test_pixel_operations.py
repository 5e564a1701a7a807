"""Resizing, channels and denoising."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.imaging.pixel_operations import DenoiseMethod, DenoiseSettings, ResizeMode, denoise, resize, to_channels

SIDES = st.integers(1, 70)


@settings(max_examples=120, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from([1, 3]), st.sampled_from(get_args(ResizeMode)))
def test_resize_gives_the_asked_shape(
    height: int, width: int, to_height: int, to_width: int, channels: int, mode: str
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    result = resize(image, to_width, to_height, mode)
    assert (result.shape, result.dtype) == ((to_height, to_width, channels), np.uint8)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["crop", "stretch"]), st.integers(0, 255))
def test_flat_images_stay_flat(height: int, width: int, to_height: int, to_width: int, mode: str, level: int) -> None:
    assert np.unique(resize(np.full((height, width, 3), level, np.uint8), to_width, to_height, mode)).tolist() == [
        level
    ]


@pytest.mark.parametrize("mode", get_args(ResizeMode))
def test_same_size_changes_no_pixel(mode: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize(image, 17, 13, mode), image)


def test_shrinking_averages_areas() -> None:
    image = np.array([[[0], [100]], [[100], [200]]], np.uint8)
    assert resize(image, 1, 1, "stretch").ravel().tolist() == [100]


def test_pad_centres_and_fills() -> None:
    result = resize(np.full((10, 20, 1), 200, np.uint8), 20, 20, "pad", pad_level=7)
    assert result[:, 0, 0].tolist() == [7] * 5 + [200] * 10 + [7] * 5


def test_crop_keeps_the_middle() -> None:
    image = np.repeat(np.arange(30, dtype=np.uint8)[np.newaxis, :, np.newaxis], 10, axis=0)
    assert resize(image, 10, 10, "crop")[0, :, 0].tolist() == list(range(10, 20))


def test_grey_by_luma() -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert to_channels(pixels, 1).ravel().tolist() == [76, 150, 29, 255]


def test_grey_to_colour_repeats() -> None:
    assert to_channels(np.array([[[9]]], np.uint8), 3).tolist() == [[[9, 9, 9]]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [1, 2, 3])
@pytest.mark.parametrize("method", [method for method in get_args(DenoiseMethod) if method != "none"])
def test_denoising_brings_the_image_nearer_to_the_clean_one(method: str, strength: int, channels: int) -> None:
    rng = np.random.default_rng(1)
    clean = np.full((32, 32, channels), 120.0)
    noisy = np.clip(clean + rng.normal(0, 6, clean.shape), 0, 255).astype(np.uint8)
    result = denoise(noisy, DenoiseSettings(method=method, strength=strength))
    assert result.shape == noisy.shape
    assert np.abs(result - clean).mean() < np.abs(noisy - clean).mean()


def test_no_denoising_is_the_same_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(denoise(image, DenoiseSettings()), image)
