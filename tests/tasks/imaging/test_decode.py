"""Decoding of odd, broken and hostile files that the tests make themselves."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from datasets.sources.arrays.raw_pixels import pnm_bytes
from tasks.imaging.decode import Decoded, DecodeLimits, MinSides, Undecodable, decode, sniff_format
from tasks.imaging.pillow import decode_with_pillow
from tasks.imaging.pnm_file import decode_plain_pnm

HEIGHT_PX, WIDTH_PX = 40, 56


def photo(height_px: int = HEIGHT_PX, width_px: int = WIDTH_PX) -> np.ndarray:
    """A smooth colour image, uint8 [H, W, 3], different in all four corners."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.float64)
    red, green = 255 * x / max(width_px - 1, 1), 255 * y / max(height_px - 1, 1)
    return np.stack([red, green, 128 + 100 * np.sin(x / 5)], axis=-1).round().astype(np.uint8)


def payload_of(image: Image.Image, format_name: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_name, **options)
    return stream.getvalue()


def photo_as(format_name: str, **options: object) -> bytes:
    return payload_of(Image.fromarray(photo()), format_name, **options)


def decoded(payload: bytes, limits: DecodeLimits | None = None, side_px: int | None = None) -> Decoded:
    verdict = decode(payload, limits, side_px)
    assert isinstance(verdict, Decoded), verdict
    return verdict


def reject_code(payload: bytes, limits: DecodeLimits | None = None) -> str:
    verdict = decode(payload, limits)
    assert isinstance(verdict, Undecodable), "was decoded"
    return verdict.code


def codes(verdict: Decoded) -> list[str]:
    return [finding.code for finding in verdict.findings]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width_px: int, height_px: int, rows: int, depth: int = 8, colour: int = 0, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width_px, height_px, depth, colour, 0, 0, 0)
    data = zlib.compress((b"\x00" + b"\x80" * width_px) * rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


LOSSLESS = [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("PPM", {}), ("WEBP", {"lossless": True}), ("JPEG2000", {})]


@pytest.mark.parametrize(("format_name", "options"), LOSSLESS, ids=[name for name, _ in LOSSLESS])
def test_lossless_formats_keep_every_pixel(format_name: str, options: dict) -> None:
    np.testing.assert_array_equal(decoded(photo_as(format_name, **options)).image, photo())


def test_jpeg_tells_the_stored_properties() -> None:
    verdict = decoded(photo_as("JPEG"))
    assert (verdict.format, verdict.width_px, verdict.height_px, verdict.channels, verdict.bit_depth) == (
        "jpeg",
        WIDTH_PX,
        HEIGHT_PX,
        3,
        8,
    )


def test_progressive_jpeg_decodes_without_findings() -> None:
    assert decoded(photo_as("JPEG", progressive=True)).findings == ()


def test_grey_jpeg_has_one_channel() -> None:
    assert decoded(payload_of(Image.fromarray(photo()[:, :, 0]), "JPEG")).image.shape == (HEIGHT_PX, WIDTH_PX, 1)


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


UPRIGHT = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image.transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF"])
def test_every_exif_orientation_is_turned_upright(format_name: str, orientation: int) -> None:
    options = {"quality": 98, "subsampling": 0} if format_name == "JPEG" else {}
    verdict = decoded(photo_as(format_name, exif=oriented(orientation), **options))
    difference = verdict.image.astype(int) - UPRIGHT[orientation](photo())
    assert np.abs(difference).mean() < 2


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_turning_is_a_repair_and_the_stored_size_stays(format_name: str) -> None:
    verdict = decoded(photo_as(format_name, exif=oriented(6)))
    assert (verdict.width_px, verdict.height_px) == (WIDTH_PX, HEIGHT_PX)
    assert [(found.code, found.severity) for found in verdict.findings] == [("exif_orientation", "repair")]


def test_unreadable_exif_means_upright_and_is_noted() -> None:
    payload = photo_as("JPEG")
    exif = b"Exif\x00\x00MM\x00*\xff\xff\xff\xff"
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    assert codes(decoded(payload[:2] + segment + payload[2:])) == ["metadata_damaged"]


def test_16_bit_png_is_scaled_by_its_full_range() -> None:
    levels = np.linspace(0, 65535, HEIGHT_PX * WIDTH_PX).astype(np.uint16).reshape(HEIGHT_PX, WIDTH_PX)
    verdict = decoded(payload_of(Image.fromarray(levels), "PNG"))
    np.testing.assert_array_equal(verdict.image[:, :, 0], np.rint(levels / 257).astype(np.uint8))
    assert (verdict.bit_depth, codes(verdict)) == (16, ["bit_depth"])


def test_16_bit_colour_png_is_a_repair() -> None:
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    data = zlib.compress(b"\x00" + struct.pack(">6H", 0, 32768, 65535, 65535, 0, 256))
    verdict = decoded(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    np.testing.assert_array_equal(verdict.image, [[[0, 128, 255], [255, 0, 1]]])
    assert (verdict.bit_depth, codes(verdict)) == (16, ["bit_depth"])


def test_dark_16_bit_image_is_not_stretched_but_noted() -> None:
    levels = np.full((4, 4), 3000, np.uint16)
    verdict = decoded(payload_of(Image.fromarray(levels), "TIFF"))
    assert (int(verdict.image.max()), codes(verdict)) == (12, ["bit_depth", "narrow_range"])


def test_dark_16_bit_colours_are_noted_too() -> None:
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    data = zlib.compress(b"\x00" + struct.pack(">3H", 0, 4095, 15))
    verdict = decoded(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    assert [(finding.code, finding.detail) for finding in verdict.findings] == [
        ("bit_depth", "16 bits a sample cut to 8"),
        ("narrow_range", "brightest level 15 of 255: nearly all black"),
    ]


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [(np.int8, -128, 127), (np.int16, -30000, 30000), (np.int32, -(2**31), 2**31 - 1), (np.uint32, 0, 2**32 - 1)],
)
def test_integers_of_a_tiff_are_scaled_in_their_order(dtype: type, low: int, high: int) -> None:
    values = np.linspace(low, high, 9).round().astype(dtype)[np.newaxis]
    written = io.BytesIO()
    tifffile.imwrite(written, values)
    verdict = decoded(written.getvalue())
    assert verdict.image.ravel().tolist() == [0, 32, 64, 96, 128, 159, 191, 223, 255]
    assert [finding.detail for finding in verdict.findings] == [f"values {low:g}..{high:g} scaled to 0..255"]


FLOAT_RANGES = [(0.0, 1.0, (0, 255)), (0.0, 255.0, (0, 255)), (0.0, 0.5, (0, 128)), (-3.0, 5.0, (0, 255))]


@pytest.mark.parametrize(("low", "high", "expected"), FLOAT_RANGES)
def test_float_tiff_is_scaled_by_its_range(low: float, high: float, expected: tuple[int, int]) -> None:
    values = np.linspace(low, high, 64, dtype=np.float32).reshape(8, 8)
    image = decoded(payload_of(Image.fromarray(values), "TIFF")).image
    assert (int(image.min()), int(image.max())) == expected


def test_float_pixels_that_are_no_numbers_become_black() -> None:
    values = np.full((4, 4), 1.0, np.float32)
    values[0, 0] = np.nan
    verdict = decoded(payload_of(Image.fromarray(values), "TIFF"))
    assert (verdict.image[0, 0, 0], verdict.image[1, 1, 0]) == (0, 255)
    assert codes(verdict) == ["bit_depth", "not_a_number"]


def test_float_image_without_any_number_is_damaged() -> None:
    assert reject_code(payload_of(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF")) == "damaged"


def test_alpha_is_laid_over_the_background() -> None:
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, :3], rgba[0, :, 3] = (200, 100, 0), (0, 128, 255)
    verdict = decoded(payload_of(Image.fromarray(rgba), "PNG"), DecodeLimits(background=(0, 0, 255)))
    np.testing.assert_array_equal(verdict.image, [[[0, 0, 255], [100, 50, 127], [200, 100, 0]]])
    assert (verdict.channels, codes(verdict)) == (4, ["alpha_composited"])


def test_opaque_alpha_channel_is_no_repair() -> None:
    rgba = np.dstack([photo(), np.full((HEIGHT_PX, WIDTH_PX), 255, np.uint8)])
    verdict = decoded(payload_of(Image.fromarray(rgba), "PNG"))
    np.testing.assert_array_equal(verdict.image, photo())
    assert verdict.findings == ()


def test_grey_with_alpha_stays_grey() -> None:
    grey_alpha = np.array([[[50, 0], [50, 255]]], np.uint8)
    verdict = decoded(payload_of(Image.fromarray(grey_alpha, "LA"), "PNG"))
    np.testing.assert_array_equal(verdict.image, [[[255], [50]]])


def test_palette_with_transparency_gets_colours_and_background() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    verdict = decoded(payload_of(image, "PNG", transparency=0))
    np.testing.assert_array_equal(verdict.image, [[[255, 255, 255], [40, 50, 60]]])
    assert (verdict.channels, codes(verdict)) == (4, ["palette", "alpha_composited"])


def test_transparent_level_of_a_16_bit_image() -> None:
    levels = np.array([[1000, 60000]], np.uint16)
    verdict = decoded(payload_of(Image.fromarray(levels), "PNG", transparency=1000))
    assert verdict.image.ravel().tolist() == [255, 233]


def test_bilevel_image_is_black_and_white() -> None:
    verdict = decoded(payload_of(Image.fromarray(photo()[:, :, 0] > 127), "PNG"))
    assert (set(np.unique(verdict.image)), verdict.bit_depth, verdict.findings) == ({0, 255}, 1, ())


@pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
def test_cmyk_becomes_the_colours_that_were_meant(format_name: str) -> None:
    options = {"quality": 98} if format_name == "JPEG" else {}
    verdict = decoded(payload_of(Image.fromarray(photo()).convert("CMYK"), format_name, **options))
    assert np.abs(verdict.image.astype(int) - photo()).mean() < 2
    assert (verdict.channels, codes(verdict)) == (4, ["colour_space"])


def profile_bytes(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def test_srgb_profile_changes_nothing() -> None:
    assert decoded(photo_as("PNG", icc_profile=profile_bytes("sRGB"))).findings == ()


def gamma_one_profile() -> bytes:
    """An sRGB profile whose three tone curves are replaced by straight lines."""
    profile = bytearray(profile_bytes("sRGB"))
    count = struct.unpack_from(">I", profile, 128)[0]
    for entry in range(count):
        tag, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + 12] = b"curv" + bytes(4) + struct.pack(">I", 0)
    return bytes(profile)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG"])
def test_other_profile_is_converted_to_srgb(format_name: str) -> None:
    grey = Image.new("RGB", (16, 16), (128, 128, 128))
    verdict = decoded(payload_of(grey, format_name, icc_profile=gamma_one_profile()))
    assert abs(int(verdict.image.mean()) - 188) <= 2
    assert codes(verdict) == ["colour_space"]


def test_unusable_profile_is_noted_and_ignored() -> None:
    verdict = decoded(photo_as("PNG", icc_profile=b"no profile at all"))
    np.testing.assert_array_equal(verdict.image, photo())
    assert codes(verdict) == ["colour_profile_ignored"]


def test_animated_gif_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    verdict = decoded(payload_of(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert verdict.image[0, 0].tolist() == [255, 0, 0]
    assert "animated" in codes(verdict)


def test_animated_png_gives_its_still_image() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    verdict = decoded(payload_of(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    assert (verdict.image[0, 0].tolist(), codes(verdict)) == ([255, 0, 0], ["animated"])


TRUNCATED = ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000"]


@pytest.mark.parametrize("share", [0.55, 0.8, 0.97])
@pytest.mark.parametrize("format_name", TRUNCATED)
def test_truncated_files_are_named_so(format_name: str, share: float) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    payload = payload_of(noise, format_name)
    assert reject_code(payload[: int(len(payload) * share)]) == "truncated"


def test_jpeg_without_its_last_two_bytes_is_truncated() -> None:
    assert reject_code(photo_as("JPEG")[:-2]) == "truncated"


def test_png_whose_data_end_before_the_last_row_is_truncated() -> None:
    assert reject_code(png(32, 32, rows=20)) == "truncated"


def test_png_with_black_last_row_is_whole() -> None:
    assert decoded(payload_of(Image.new("L", (9, 9), 0), "PNG")).image.max() == 0


def test_interlaced_png_is_counted_by_its_passes() -> None:
    # 3x3 grey, Adam7: the passes hold 1x1, (none), (none), 1x2 and 2x1, 1x2 and 3x1 pixels with a filter byte a row.
    header = struct.pack(">IIBBBBB", 3, 3, 8, 0, 0, 0, 1)
    passes = [(1, 1), (1, 1), (2, 1), (1, 2), (3, 1)]
    data = b"".join((b"\x00" + b"\x07" * width) * height for width, height in passes)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decoded(file).image, np.full((3, 3, 1), 7))


def test_png_with_a_wrong_checksum_is_damaged() -> None:
    payload = bytearray(photo_as("PNG"))
    payload[payload.index(b"IDAT") + 10] ^= 1
    assert reject_code(bytes(payload)) == "damaged"


def test_png_metadata_with_a_wrong_checksum_are_left_out() -> None:
    text = bytearray(chunk(b"tEXt", b"Comment\x00hello"))
    text[-1] ^= 1
    verdict = decoded(png(8, 8, rows=8, extra=bytes(text)))
    assert (verdict.image.mean(), codes(verdict)) == (128, ["metadata_damaged"])


def test_png_metadata_that_inflate_without_end_are_never_inflated() -> None:
    bomb = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(80_000_000)))
    assert decoded(png(8, 8, rows=8, extra=bomb)).findings == ()


def test_apple_png_is_unsupported() -> None:
    payload = png(8, 8, rows=8)
    assert reject_code(payload[:8] + chunk(b"CgBI", bytes(4)) + payload[8:]) == "unsupported"


def test_jpeg_with_zeroed_scan_data_is_damaged() -> None:
    rng = np.random.default_rng(0)
    payload = bytearray(payload_of(Image.fromarray(rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)), "JPEG"))
    payload[len(payload) // 2 : len(payload) // 2 + 512] = bytes(512)
    assert reject_code(bytes(payload)) == "damaged"


def test_bytes_between_jpeg_header_segments_are_only_noted() -> None:
    payload = photo_as("JPEG")
    verdict = decoded(payload[:2] + payload[2:20] + b"stray" + payload[20:])
    np.testing.assert_array_equal(verdict.image, decoded(payload).image)
    assert codes(verdict) == ["metadata_damaged"]


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
def test_bytes_behind_the_image_are_noted(format_name: str) -> None:
    verdict = decoded(photo_as(format_name) + b"garbage" * 5)
    assert [(found.code, found.severity, found.detail) for found in verdict.findings] == [
        ("trailing_bytes", "note", "35 bytes behind the end of the image")
    ]


def test_png_bomb_is_refused_by_its_header() -> None:
    verdict = decode(png(60_000, 60_000, rows=1))
    assert verdict == Undecodable("too_large", "60000x60000 px are 3600000000; max_pixels is 178000000", "png")


@pytest.mark.parametrize("format_name", ["JPEG", "GIF", "BMP", "TIFF", "PPM"])
def test_pixel_limit_holds_for_every_format(format_name: str) -> None:
    assert reject_code(photo_as(format_name), DecodeLimits(max_pixels=HEIGHT_PX * WIDTH_PX - 1)) == "too_large"


def test_bomb_header_of_a_bmp_is_refused() -> None:
    header = (
        b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, *[0] * 6)
    )
    assert reject_code(header + bytes(46)) == "too_large"


def test_side_limit() -> None:
    verdict = decode(photo_as("PNG"), DecodeLimits(max_side_px=WIDTH_PX - 1))
    assert verdict == Undecodable("too_large", "56x40 px; max_side_px is 55", "png")


def test_byte_limit() -> None:
    assert decode(b"\x89PNG\r\n\x1a\n" + bytes(92), DecodeLimits(max_bytes=99)) == Undecodable(
        "too_large", "100 bytes; max_bytes is 99", "png"
    )


def test_empty_file() -> None:
    assert decode(b"") == Undecodable("empty_file", "the file holds no bytes")


@pytest.mark.parametrize("payload", [b"hello, world", b"BMW is a car maker", b"P5 is a string", b"\x00\x00\x01\x00"])
def test_other_files_are_not_images(payload: bytes) -> None:
    assert reject_code(payload) == "not_an_image"


def test_known_but_unsupported_format_is_named() -> None:
    verdict = decode(b"8BPS" + bytes(60))
    assert isinstance(verdict, Undecodable)
    assert (verdict.code, verdict.format) == ("unsupported", "psd")


def test_warnings_of_decoders_never_escape() -> None:
    # Large enough for Pillow's DecompressionBombWarning (from 89 million pixels), small enough for the limits.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filters = list(warnings.filters)
        assert reject_code(png(10_000, 10_000, rows=1)) == "truncated"
        assert warnings.filters == filters


def test_scaled_decoding_keeps_the_side_and_the_stored_size() -> None:
    payload = payload_of(Image.fromarray(photo(600, 400)), "JPEG")
    shorter = (50, 51, 100, 101, 200, 201, 999)
    sides = {px: decoded(payload, None, MinSides(0, px)).image.shape[:2] for px in shorter}
    assert sides == {
        50: (75, 50),
        51: (150, 100),
        100: (150, 100),
        101: (300, 200),
        200: (300, 200),
        201: (600, 400),
        999: (600, 400),
    }
    verdict = decoded(payload, None, MinSides(0, 50))
    assert (verdict.width_px, verdict.height_px) == (400, 600)


def test_scaled_decoding_keeps_the_longer_side_too() -> None:
    payload = payload_of(Image.fromarray(photo(600, 400)), "JPEG")
    longer = (75, 76, 150, 151, 300, 301)
    sides = {px: max(decoded(payload, None, MinSides(px)).image.shape) for px in longer}
    assert sides == {75: 75, 76: 150, 150: 150, 151: 300, 300: 300, 301: 600}
    assert max(decoded(payload, None, MinSides(75) | MinSides(0, 100)).image.shape) == 150


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.randoms(use_true_random=False))
def test_plain_pnm_is_taken_as_it_lies(height_px: int, width_px: int, channels: int, random) -> None:
    image = np.frombuffer(random.randbytes(height_px * width_px * channels), np.uint8)
    image = image.reshape(height_px, width_px, channels)
    payload = pnm_bytes(image)
    verdict = decoded(payload)
    assert (verdict.image == image).all()
    through_pillow = decode_with_pillow(payload, "pnm", DecodeLimits())
    assert (through_pillow.image == image).all()
    assert (verdict.channels, verdict.bit_depth, verdict.width_px, verdict.height_px, verdict.findings) == (
        *(through_pillow.channels, through_pillow.bit_depth, width_px, height_px),
        (),
    )


@pytest.mark.parametrize("change", [lambda pnm: pnm[:-1], lambda pnm: pnm + b"x"], ids=["too short", "too long"])
def test_pnm_of_another_length_is_no_plain_one(change) -> None:
    assert decode_plain_pnm(change(pnm_bytes(np.zeros((4, 5, 3), np.uint8))), DecodeLimits()) is None


def test_the_size_of_plain_pnm_is_limited() -> None:
    verdict = decode(pnm_bytes(np.zeros((4, 5, 3), np.uint8)), DecodeLimits(max_pixels=19))
    assert verdict == Undecodable("too_large", "5x4 px are 20; max_pixels is 19", "pnm")


MAGIC = [("JPEG", "jpeg"), ("PNG", "png"), ("GIF", "gif"), ("BMP", "bmp"), ("WEBP", "webp"), ("TIFF", "tiff")]


@pytest.mark.parametrize(("format_name", "expected"), [*MAGIC, ("JPEG2000", "jp2"), ("PPM", "pnm"), ("ICO", "ico")])
def test_formats_are_known_by_their_first_bytes(format_name: str, expected: str) -> None:
    assert sniff_format(photo_as(format_name)[:32]) == expected


SEEDS = [photo_as(name) for name in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO")]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_bytes_make_decode_raise(data: st.DataObject) -> None:
    payload = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 6))):
        payload[data.draw(st.integers(0, min(len(payload) - 1, 400)))] = data.draw(st.integers(0, 255))
    payload = payload[: data.draw(st.integers(0, len(payload)))]
    verdict = decode(bytes(payload), DecodeLimits(max_pixels=1_000_000))
    if isinstance(verdict, Decoded):
        assert verdict.image.dtype == np.uint8
        assert verdict.image.ndim == 3
        assert verdict.image.shape[2] in (1, 3)
        assert verdict.image.flags["C_CONTIGUOUS"]
