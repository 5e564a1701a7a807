"""Shrinking by area, against OpenCV's own and against exact means."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.imaging.operations.area import shrink_by_area


def noise(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng([height, width, channels]).integers(0, 256, (height, width, channels), np.uint8)


sides = st.tuples(st.integers(1, 150), st.integers(1, 150))


@given(sides, sides, st.sampled_from([1, 3]))
@settings(max_examples=60, deadline=None)
def test_is_opencvs_area_to_a_level(first: tuple[int, int], second: tuple[int, int], channels: int) -> None:
    (height, height_px), (width, width_px) = (sorted(pair, reverse=True) for pair in zip(first, second, strict=True))
    image = noise(height, width, channels)
    result = shrink_by_area(image, width_px, height_px)
    expected = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA).reshape(result.shape)
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("count", "wanted"), [(53, 40), (100, 64), (131, 37)])
def test_a_row_is_the_exact_mean_of_what_its_pixels_cover(count: int, wanted: int) -> None:
    levels = noise(1, count, 1)[0, :, 0].tolist()
    image = np.repeat(noise(1, count, 1), 64, axis=0)
    for place, level in enumerate(shrink_by_area(image, wanted, 40)[7, :, 0].tolist()):
        start, end = Fraction(place * count, wanted), Fraction((place + 1) * count, wanted)
        covered = [max(Fraction(0), min(end, Fraction(at + 1)) - max(start, Fraction(at))) for at in range(count)]
        mean = sum((share * value for share, value in zip(covered, levels, strict=True)), Fraction(0)) / (end - start)
        assert abs(mean - level) <= Fraction(1, 2) + Fraction(1, 1000)


def test_a_part_of_an_image_gives_what_its_copy_gives() -> None:
    part = noise(200, 300, 3)[20:180, 41:240]
    assert (shrink_by_area(part, 96, 80) == shrink_by_area(part.copy(), 96, 80)).all()


def test_a_flat_image_stays_flat() -> None:
    assert (shrink_by_area(np.full((211, 173, 3), 254, np.uint8), 128, 128) == 254).all()


def test_large_images_are_shrunk_alike() -> None:
    image = noise(900, 1000, 3)  # more numbers than go through matrices
    expected = cv2.resize(image, (129, 117), interpolation=cv2.INTER_AREA)
    assert (shrink_by_area(image, 129, 117) == expected).all()
