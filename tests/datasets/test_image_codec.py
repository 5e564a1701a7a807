import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from datasets.errors import BadInput, FormatError
from datasets.image_codec import decode_image, encode_image, encoding_of, raw_pixels

IMAGES = st.sampled_from([1, 3]).flatmap(
    lambda channels: array_shapes(min_dims=2, max_dims=2, max_side=20).flatmap(
        lambda sides: arrays(np.uint8, (*sides, channels))
    )
)
GRADIENT = np.dstack([np.tile(np.arange(64, dtype=np.uint8) * step, (48, 1)) for step in (1, 2, 3)])


@given(IMAGES)
def test_png_keeps_every_pixel(image):
    decoded = decode_image(encode_image(image, "png"))
    assert decoded.shape == image.shape
    assert np.array_equal(decoded, image)


@given(IMAGES)
def test_raw_keeps_every_pixel(image):
    payload = encode_image(image, "raw")
    assert raw_pixels(payload) == image.tobytes()
    decoded = decode_image(payload)
    assert np.array_equal(decoded, image)
    decoded[:] = 0  # as writable as those of other encodings


@pytest.mark.parametrize("encoding", ["png", "jpeg", "raw"])
def test_a_payload_tells_its_encoding(encoding):
    assert encoding_of(encode_image(GRADIENT, encoding)) == encoding


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda payload: payload[:-1], "9231 bytes is damaged (its header says [48, 64, 3])"),
        (lambda payload: payload[:9], "9 bytes is damaged (its header says [0, 0, 0])"),
        (lambda payload: payload[:12] + b"\x04" + payload[13:], "9232 bytes is damaged (its header says [48, 64, 4])"),
    ],
    ids=["cut", "header", "channels"],
)
def test_a_damaged_raw_payload_is_refused(change, says):
    payload = change(encode_image(GRADIENT, "raw"))
    with pytest.raises(FormatError, match=re.escape(f"a raw payload of {says}; write it again")):
        decode_image(payload)


@given(IMAGES)
def test_jpeg_keeps_the_shape(image):
    assert decode_image(encode_image(image, "jpeg")).shape == image.shape


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_keeps_a_smooth_image_nearly(channels):
    image = GRADIENT[:, :, :channels]
    error = np.abs(decode_image(encode_image(image, "jpeg")).astype(int) - image)
    assert error.mean() < 1.5


def test_jpeg_keeps_colour_at_full_resolution():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, ::2] = (255, 0, 0)
    image[:, 1::2] = (0, 0, 255)
    error = np.abs(decode_image(encode_image(image, "jpeg")).astype(int) - image)
    assert error.mean() < 20


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_channels_are_red_green_blue(encoding):
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, :, 0] = 200
    payload = encode_image(image, encoding)
    blue, green, red = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)[4, 4]
    assert red > 190
    assert max(blue, green) < 10
    assert decode_image(payload)[4, 4, 0] > 190


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_a_view_that_is_not_contiguous(encoding):
    image = GRADIENT[::2, ::-1]
    assert encode_image(image, encoding) == encode_image(image.copy(), encoding)


def test_quality_costs_bytes():
    assert len(encode_image(GRADIENT, "jpeg", 50)) < len(encode_image(GRADIENT, "jpeg", 98))


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((4, 4), np.uint8), "uint8 [4, 4]"),
        (np.zeros((4, 4, 4), np.uint8), "uint8 [4, 4, 4]"),
        (np.zeros((4, 4, 3), np.float32), "float32 [4, 4, 3]"),
        (np.zeros((0, 4, 3), np.uint8), "uint8 [0, 4, 3]"),
    ],
    ids=["two axes", "alpha", "float", "empty"],
)
def test_other_arrays_are_refused(image, got):
    sentence = f"got an image {got}; uint8 [height, width, 1 or 3] can be encoded"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        encode_image(image, "png")


def test_an_unknown_encoding_is_refused():
    with pytest.raises(BadInput, match=r"^got encoding 'webp'; allowed are png, jpeg, raw$"):
        encode_image(GRADIENT, "webp")


def test_a_quality_out_of_range_is_refused():
    with pytest.raises(BadInput, match=r"^got jpeg_quality 0; allowed is 1 to 100$"):
        encode_image(GRADIENT, "jpeg", 0)


def test_bytes_that_are_no_image_are_refused():
    sentence = "a payload of 5 bytes is neither PNG, JPEG nor raw; write it again with encode_image"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        decode_image(b"GIF89")


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_a_cut_payload_is_refused(encoding, kept):
    payload = encode_image(GRADIENT, encoding)
    cut = payload[: int(len(payload) * kept)]
    with pytest.raises(FormatError, match=rf"^a {encoding.upper()} payload of {len(cut)} bytes is damaged.*; write it"):
        decode_image(cut)


def test_a_png_that_is_not_ours_is_refused():
    data = cv2.imencode(".png", np.zeros((2, 3), np.uint16))[1].tobytes()
    sentence = "a PNG payload holds uint16 [2, 3]; our packs and shards hold 8-bit gray or RGB"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        decode_image(data)
