import io
import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from datasets.sources.arrays.raw_pixels import pnm_bytes, pnm_size_bytes

SIDES = st.integers(1, 9)
SHAPES = st.one_of(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES, st.sampled_from([1, 3])))
IMAGES = arrays(np.uint8, SHAPES)


@given(IMAGES)
def test_pillow_reads_the_same_pixels(image):
    decoded = np.asarray(Image.open(io.BytesIO(pnm_bytes(image))))
    np.testing.assert_array_equal(decoded, image[..., 0] if image.shape[2:] == (1,) else image)


@given(IMAGES)
def test_opencv_reads_the_same_pixels(image):
    decoded = cv2.imdecode(np.frombuffer(pnm_bytes(image), np.uint8), cv2.IMREAD_UNCHANGED)
    expected = image[..., ::-1] if image.ndim == 3 else image
    np.testing.assert_array_equal(decoded.reshape(image.shape), expected)


@given(IMAGES)
def test_the_size_is_known_beforehand(image):
    assert pnm_size_bytes(*(*image.shape, 1)[:3]) == len(pnm_bytes(image))


def test_pixels_that_are_not_contiguous_are_written_in_reading_order():
    planar = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    assert pnm_bytes(planar.transpose(1, 2, 0)) == b"P6\n2 2\n255\n" + bytes([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((2, 2), "float32"), ((2, 2, 2), "uint8"), ((4,), "uint8"), ((0, 2), "uint8"), ((2, 2, 4), "uint8")],
)
def test_other_arrays_are_refused(shape, dtype):
    sentence = f"got an array of {dtype} with shape {shape}; PNM takes uint8 [H,W] or [H,W,C] with C of 1 or 3"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        pnm_bytes(np.zeros(shape, dtype))
