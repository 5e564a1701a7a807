import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from datasets.errors import BadInput
from datasets.normalise import (
    METHODS,
    PER_IMAGE,
    Normalise,
    constants_of,
    denormalise,
    normalise,
    pixel_ranges,
    range_constants,
)

LEVELS = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
UNIT = st.floats(0, 1)
IMAGES = st.tuples(array_shapes(min_dims=3, max_dims=3, max_side=6), st.sampled_from([1, 3])).flatmap(
    lambda sides: arrays(np.uint8, (*sides[0], sides[1]))
)
HOW = Normalise(mean=(0.5,), std=(0.25,))


def used(method: str, **values) -> Normalise:
    return replace(HOW, method=method, **values)


@given(st.sampled_from([method for method in METHODS if method not in PER_IMAGE]), UNIT, UNIT)
def test_all_levels_come_back_exactly_whatever_the_constants(method, mean, std):
    constants = constants_of(Normalise((mean,), (std,), method))
    values = normalise(LEVELS, constants)
    assert values.dtype == np.float32
    assert np.array_equal(denormalise(values, constants), LEVELS)


@given(st.integers(0, 255), st.integers(1, 256))
def test_levels_within_any_range_come_back_exactly(low, width):
    constants = range_constants(np.array([[low, low + width]]), used("percentile_clip"))
    inside = np.clip(LEVELS, low, min(low + width, 255))
    assert np.array_equal(denormalise(normalise(LEVELS, constants), constants), inside)


@given(IMAGES)
def test_min_max_comes_back_exactly(images):
    constants = constants_of(used("min_max"), images)
    assert np.array_equal(denormalise(normalise(images, constants), constants), images)


@given(IMAGES, st.floats(0, 49), st.floats(51, 100))
def test_percentile_clip_loses_only_what_lies_outside(images, low, high):
    how = used("percentile_clip", low_percentile=low, high_percentile=high)
    constants = constants_of(how, images)
    values = normalise(images, constants)
    assert 0 <= values.min() <= values.max() <= 1
    ends = pixel_ranges(images, how).astype(np.int64)[:, :, None, None, None]
    assert np.array_equal(denormalise(values, constants), images.clip(ends[:, 0], ends[:, 1]))


@given(IMAGES)
def test_constants_from_a_record_are_those_of_the_image(images):
    how = used("min_max")
    again = range_constants(pixel_ranges(images, how), how)
    assert np.array_equal(normalise(images, again), normalise(images, constants_of(how, images)))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("none", [0, 51, 255]),
        ("unit", [0, 0.2, 1]),
        ("symmetric", [-1, -0.6, 1]),
        ("centre", [-0.5, -0.3, 0.5]),
        ("standardise", [-2, -1.2, 2]),
        ("min_max", [0, 0.2, 1]),
    ],
)
def test_golden_values(method, expected):
    images = np.array([0, 51, 255], dtype=np.uint8).reshape(1, 1, 3, 1)
    values = normalise(images, constants_of(used(method), images))
    np.testing.assert_allclose(values.ravel(), expected, rtol=0, atol=1e-7)


def test_percentiles_by_hand():
    image = np.arange(100, dtype=np.uint8).reshape(1, 10, 10, 1)
    how = used("percentile_clip", low_percentile=7, high_percentile=98)
    assert pixel_ranges(image, how).tolist() == [[6, 97]]  # 7 values are at most 6, 98 at most 97
    values = normalise(image, constants_of(how, image)).ravel()
    assert (values[0], values[6], values[97], values[99]) == (0, 0, 1, 1)


def test_every_channel_has_its_own_mean():
    images = np.full((1, 1, 1, 3), 51, np.uint8)
    how = Normalise((0.2, 0.0, 1.0), (1.0, 1.0, 1.0), "centre")
    np.testing.assert_allclose(normalise(images, constants_of(how)).ravel(), [0, 0.2, -0.8], atol=1e-7)


def test_an_image_of_one_level_becomes_nothing_and_comes_back():
    images = np.full((2, 3, 3, 1), 255, np.uint8)
    for method in PER_IMAGE:
        constants = constants_of(used(method), images)
        values = normalise(images, constants)
        assert not values.any()
        assert np.array_equal(denormalise(values, constants), images)


def test_values_that_no_level_gives_become_the_nearest():
    constants = constants_of(used("unit"))
    assert denormalise(np.array([-0.5, 0.501, 7.0], np.float32), constants).tolist() == [0, 128, 255]


@pytest.mark.parametrize("method", PER_IMAGE)
def test_constants_of_each_image_need_images(method):
    sentence = f"got no images for {method}, whose constants are those of each image; give images"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        constants_of(used(method))


def test_an_unknown_method_is_refused():
    sentence = "got method 'log'; allowed are none, unit, symmetric, centre, standardise, min_max, percentile_clip"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        constants_of(used("log"))
