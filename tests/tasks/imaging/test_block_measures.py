import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.imaging.block_measures import channel_sums_of_block, grey_block, measure_block
from tasks.imaging.measures import channel_sums, measures_of, sample
from tasks.imaging.operations.channels import grey_of

BLOCKS = st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 255), fill=st.sampled_from([0, 7, 255]))
)


@settings(max_examples=60, deadline=None)
@given(images=BLOCKS)
def test_measures_are_those_of_each_image(images):
    expected = measures_of([sample(image) for image in images])
    measured = measure_block(images)
    assert list(measured) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(measured[name], values)


@pytest.mark.parametrize("side_px", [1, 28, 32, 33, 128])
def test_more_images_than_opencv_has_channels(side_px):
    images = np.random.default_rng(side_px).integers(0, 256, (600, side_px, 2, 1), dtype=np.uint8)
    expected = measures_of([sample(image) for image in images])
    for name, values in measure_block(images).items():
        np.testing.assert_array_equal(values, expected[name])


@settings(max_examples=30, deadline=None)
@given(images=BLOCKS)
def test_channel_sums_are_exact(images):
    sums, squares = channel_sums_of_block(images)
    assert [(list(one), list(other)) for one, other in zip(sums.tolist(), squares.tolist(), strict=True)] == [
        channel_sums(image) for image in images
    ]


def test_channel_sums_of_the_largest_values():
    sums, squares = channel_sums_of_block(np.full((1, 128, 128, 3), 255, np.uint8))
    assert (sums.tolist(), squares.tolist()) == ([[255 * 2**14] * 3], [[255**2 * 2**14] * 3])


@settings(max_examples=30, deadline=None)
@given(images=BLOCKS)
def test_grey_is_that_of_each_image(images):
    np.testing.assert_array_equal(grey_block(images), [grey_of(image) for image in images])
