"""Resizing to one shape."""

import hashlib
import re
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.imaging.operations.channels import to_channels
from tasks.imaging.operations.resize import ResizeMode, ResizeSettings, resize, whole_sides
from tasks.imaging.verdicts import MinSides

SIDES, TARGETS = st.integers(1, 70), st.integers(4, 70)
MODES = get_args(ResizeMode)
DIGEST = hashlib.sha256(b"an image").hexdigest()


def shape(width_px: int, height_px: int, mode: str = "pad", **more: object) -> ResizeSettings:
    return ResizeSettings(width_px=width_px, height_px=height_px, mode=mode, **more)


def texture(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


@settings(max_examples=150, deadline=None)
@given(
    SIDES,
    SIDES,
    TARGETS,
    TARGETS,
    st.sampled_from([1, 3]),
    st.sampled_from(MODES),
    st.sampled_from(["colour", "reflect", "edge"]),
    st.sampled_from(["cubic", "lanczos"]),
    st.sampled_from([0.1, 0.5, 1.0]),
)
def test_any_image_gets_the_asked_shape(
    height: int,
    width: int,
    to_height: int,
    to_width: int,
    channels: int,
    mode: str,
    border: str,
    enlarge: str,
    share: float,
) -> None:
    wanted = shape(to_width, to_height, mode, border=border, enlarge=enlarge, crop_share=share)
    result = resize(texture(height, width, channels), wanted, DIGEST)
    assert (result.shape, result.dtype) == ((to_height, to_width, channels), np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    SIDES, SIDES, TARGETS, TARGETS, st.sampled_from(MODES), st.sampled_from(["reflect", "edge"]), st.integers(0, 255)
)
def test_flat_images_stay_flat(
    height: int, width: int, to_height: int, to_width: int, mode: str, border: str, level: int
) -> None:
    flat = np.full((height, width, 3), level, np.uint8)
    assert np.unique(resize(flat, shape(to_width, to_height, mode, border=border), DIGEST)).tolist() == [level]


@pytest.mark.parametrize("mode", MODES)
def test_the_right_size_is_not_even_copied(mode: str) -> None:
    image = texture(13, 17, 3)
    result = resize(image, shape(17, 13, mode), DIGEST)
    assert np.shares_memory(result, image)
    np.testing.assert_array_equal(result, image)


def test_shrinking_averages_areas() -> None:
    image = np.array([[[0], [100]], [[100], [200]]], np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    quarter = image.reshape(4, 2, 4, 2).mean(axis=(1, 3))
    assert np.array_equal(resize(image, shape(4, 4, "stretch"))[:, :, 0], quarter)


@pytest.mark.parametrize(("enlarge", "interpolation"), [("cubic", cv2.INTER_CUBIC), ("lanczos", cv2.INTER_LANCZOS4)])
def test_enlarging_is_that_of_opencv(enlarge: str, interpolation: int) -> None:
    image = texture(9, 11, 3)
    expected = cv2.resize(image, (40, 30), interpolation=interpolation)
    np.testing.assert_array_equal(resize(image, shape(40, 30, "stretch", enlarge=enlarge)), expected)


def test_a_side_that_shrinks_is_averaged_though_the_other_grows() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), 50).reshape(1, 100, 1).repeat(4, axis=0)
    assert np.unique(resize(stripes, shape(10, 20, "stretch"))).tolist() in ([127], [128])


def test_pad_centres_and_fills_with_a_colour() -> None:
    result = resize(np.full((10, 20, 3), 200, np.uint8), shape(20, 20, border_levels=(7, 8, 9)))
    assert result[:, 0].tolist() == [[7, 8, 9]] * 5 + [[200] * 3] * 10 + [[7, 8, 9]] * 5


@pytest.mark.parametrize(("border", "above"), [("reflect", [3, 2, 1, 0]), ("edge", [0, 0, 0, 0])])
def test_pad_continues_the_image(border: str, above: list[int]) -> None:
    image = np.arange(4, dtype=np.uint8).reshape(4, 1, 1).repeat(10, axis=1)
    result = resize(image, shape(10, 10, border=border))
    assert result[:3, 0, 0].tolist() == above[-4:-1]
    assert result[3:7, 0, 0].tolist() == [0, 1, 2, 3]


def test_an_image_that_was_decoded_smaller_gets_the_place_of_the_whole() -> None:
    half = np.full((200, 205, 1), 200, np.uint8)  # of 409 x 400 pixels, whose place is 64 x 63, not 64 x 62
    rows = resize(half, shape(64, 64), whole_px=whole_sides(half, 409, 400))[:, 0, 0]
    assert np.count_nonzero(rows) == 63


@pytest.mark.parametrize(
    ("shape_px", "file_px", "whole_px"),
    [
        ((400, 409), (409, 400), None),
        ((409, 400), (409, 400), None),
        ((200, 205), (409, 400), (409, 400)),
        ((205, 200), (409, 400), (400, 409)),
        ((50, 52), (409, 400), (409, 400)),
        ((300, 409), (409, 400), None),
    ],
    ids=["as it is", "turned", "half", "half and turned", "eighth", "salvaged"],
)
def test_what_an_image_is_a_part_of(
    shape_px: tuple[int, int], file_px: tuple[int, int], whole_px: tuple[int, int] | None
) -> None:
    assert whole_sides(np.zeros((*shape_px, 1), np.uint8), *file_px) == whole_px


def test_crop_keeps_the_middle() -> None:
    image = np.repeat(np.arange(30, dtype=np.uint8)[np.newaxis, :, np.newaxis], 10, axis=0)
    assert resize(image, shape(10, 10, "crop"))[0, :, 0].tolist() == list(range(10, 20))


def test_crop_share_cuts_more_off() -> None:
    image = np.repeat(np.arange(30, dtype=np.uint8)[np.newaxis, :, np.newaxis], 10, axis=0)
    assert resize(image, shape(5, 5, "crop", crop_share=0.5))[0, :, 0].tolist() == [12, 13, 14, 15, 16]


def window_of(number: int, seed: int = 0) -> int:
    """Where a random crop begins, by the content of an image that is 40 times as wide as high."""
    image = np.repeat(np.arange(160, dtype=np.uint8)[np.newaxis, :, np.newaxis], 4, axis=0)
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return int(resize(image, shape(4, 4, "random_crop", seed=seed), digest)[0, 0, 0])


def test_a_random_crop_follows_from_content_and_seed_alone() -> None:
    assert [window_of(number) for number in range(5)] == [window_of(number) for number in reversed(range(5))][::-1]
    assert [window_of(number) for number in range(5)] != [window_of(number, seed=1) for number in range(5)]


def test_random_crops_are_spread_over_all_places() -> None:
    places = [window_of(number) for number in range(400)]
    assert min(places) < 5
    assert max(places) > 151
    assert abs(np.mean(places) - 78) < 8


@pytest.mark.parametrize(
    ("wanted", "longer_px", "shorter_px"),
    [
        (shape(64, 48, "pad"), 128, 0),
        (shape(64, 48, "crop"), 128, 128),
        (shape(64, 64, "random_crop", crop_share=0.5), 128, 256),
        (shape(64, 64, "stretch", crop_share=0.5), 128, 128),
    ],
)
def test_a_decoder_leaves_twice_what_is_needed(wanted: ResizeSettings, longer_px: int, shorter_px: int) -> None:
    assert wanted.min_sides == MinSides(longer_px=longer_px, shorter_px=shorter_px)


def test_two_levels_are_no_colour() -> None:
    sentence = "got 2 levels; give one for all channels, e.g. [0], or three, e.g. [255, 0, 0]"
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        ResizeSettings(border_levels=(1, 2))


def test_grey_by_luma() -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert to_channels(pixels, 1).ravel().tolist() == [76, 150, 29, 255]


def test_grey_to_colour_repeats() -> None:
    assert to_channels(np.array([[[9]]], np.uint8), 3).tolist() == [[[9, 9, 9]]]
