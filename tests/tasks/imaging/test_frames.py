"""All frames of animations and pages: what each shows, what a broken one costs, and the limits."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tasks.imaging.decode import Decoded, DecodeLimits, Undecodable, decode_frames

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
ANIMATED = ["GIF", "PNG", "WEBP", "TIFF", "AVIF"]


def pictures(side_px=16):
    """Four frames of one colour each, uint8 [side, side, 3], with a corner that says which."""
    frames = [np.full((side_px, side_px, 3), colour, np.uint8) for colour in COLOURS]
    for number, frame in enumerate(frames):
        frame[: number + 1, : number + 1] = 255
    return frames


def animation(format_name, frames=None):
    images = [Image.fromarray(frame) for frame in frames or pictures()]
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(format_name, {})
    stream = io.BytesIO()
    images[0].save(stream, format_name, save_all=True, append_images=images[1:], **options)
    return stream.getvalue()


def verdicts(payload, **limits):
    return list(decode_frames(payload, DecodeLimits(**limits)))


def codes(found):
    return [verdict.code if isinstance(verdict, Undecodable) else "decoded" for verdict in found]


@pytest.mark.parametrize("format_name", ANIMATED)
def test_every_frame_is_shown_whole(format_name):
    found = verdicts(animation(format_name))
    assert codes(found) == ["decoded"] * 4
    for verdict, expected in zip(found, pictures(), strict=True):
        assert np.abs(verdict.image.astype(int) - expected).mean() <= (3 if format_name == "AVIF" else 0)
        assert "animated" not in [finding.code for finding in verdict.findings]


@pytest.mark.parametrize("format_name", [*ANIMATED, "JPEG", "BMP"])
def test_a_still_image_is_one_frame(format_name):
    stream = io.BytesIO()
    Image.fromarray(pictures()[0]).save(stream, format_name)
    assert codes(verdicts(stream.getvalue())) == ["decoded"]


def test_what_is_no_image_has_one_verdict():
    assert codes(verdicts(b"hello")) == ["not_an_image"]


def test_pages_may_differ_in_size():
    sides = [8, 30, 12]
    found = verdicts(animation("TIFF", [np.full((side, side), 8 * side, np.uint8) for side in sides]))
    assert [verdict.image.shape[0] for verdict in found] == sides


@pytest.mark.parametrize("format_name", ANIMATED)
def test_more_frames_than_allowed_reject_the_file(format_name):
    (verdict,) = verdicts(animation(format_name), max_frames=3)
    assert (verdict.code, verdict.detail) == ("too_large", "more than 3 frames, which is max_frames")


@pytest.mark.parametrize("format_name", ANIMATED)
def test_pixels_of_all_frames_together_are_limited(format_name):
    (verdict,) = verdicts(animation(format_name), max_pixels_in_frames=4 * 256 - 1)
    assert (verdict.code, verdict.detail) == (
        "too_large",
        "4 frames of 1024 px together; max_pixels_in_frames is 1023",
    )


def test_a_page_beyond_the_pixel_limit_costs_that_page():
    found = verdicts(animation("TIFF", [np.zeros((side, side), np.uint8) for side in (8, 30, 12)]), max_pixels=200)
    assert codes(found) == ["decoded", "too_large", "decoded"]


def noise(count, side_px=24):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (side_px, side_px, 3), dtype=np.uint8) for _ in range(count)]


def test_frames_behind_a_damaged_one_are_not_shown():
    payload = bytearray(animation("PNG", noise(4)))
    # The third frame's data begin with a number of four bytes; a broken stream with a good checksum follows.
    at = [place for place in range(len(payload)) if payload[place : place + 4] == b"fdAT"][1]
    length = struct.unpack_from(">I", payload, at - 4)[0]
    payload[at + 12 : at + 60] = bytes(48)
    payload[at + 4 + length : at + 8 + length] = struct.pack(">I", zlib.crc32(payload[at : at + 4 + length]))
    found = verdicts(bytes(payload))
    assert codes(found)[:2] == ["decoded", "decoded"]
    assert codes(found)[3] == "damaged"
    assert found[3].detail == "frame 2, over which it is drawn, cannot be decoded"


def test_a_damaged_page_leaves_the_others():
    pages = [Image.fromarray(page) for page in noise(3)]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    payload = bytearray(stream.getvalue())
    start, size = _strip_of_page(bytes(payload), 1)
    payload[start + 20 : start + size - 20] = b"\xff" * (size - 40)
    assert codes(verdicts(bytes(payload))) == ["decoded", "damaged", "decoded"]


def _strip_of_page(payload, page):
    with Image.open(io.BytesIO(payload)) as image:
        image.seek(page)
        return image.tag_v2[273][0], image.tag_v2[279][0]


def test_a_cut_gif_keeps_the_frames_before_the_cut():
    payload = animation("GIF", noise(4))
    found = verdicts(payload[: int(len(payload) * 0.6)])
    assert codes(found) == ["decoded", "decoded", "damaged"]
    assert all(
        "metadata_damaged" in [finding.code for finding in verdict.findings]
        for verdict in found
        if isinstance(verdict, Decoded)
    )
