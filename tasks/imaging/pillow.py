"""Every format but JPEG, through Pillow, one plugin per format and never with LOAD_TRUNCATED_IMAGES."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, UnidentifiedImageError

from tasks.imaging.bmp_file import read_bmp_file
from tasks.imaging.declared_size import check_declared
from tasks.imaging.gif_file import read_gif_file
from tasks.imaging.libtiff_errors import libtiff_errors
from tasks.imaging.orientation import ORIENTATION_TAG, upright
from tasks.imaging.pillow_pixels import opaque, stored_bit_depth, stored_channels
from tasks.imaging.png_file import PngFile, check_data_length, first_rows, holds_all_rows, read_png_file
from tasks.imaging.quiet import quiet
from tasks.imaging.verdicts import Decoded, DecodeLimits, Finding, Rejected, check_frames, check_size, salvaged

_PLUGINS = {
    "png": ("PNG",),
    "gif": ("GIF",),
    "bmp": ("BMP",),
    "webp": ("WEBP",),
    "tiff": ("TIFF",),
    "jp2": ("JPEG2000",),
    "avif": ("AVIF",),
    "pnm": ("PPM",),
    "ico": ("ICO", "CUR"),
}
_WITH_FRAMES = ("png", "gif", "webp", "tiff", "avif")
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 322, 323
# Tiles reach beyond small images, so what is allowed for one does not shrink with max_pixels.
_TILE_PIXELS = 1 << 24
_UNSUPPORTED_WORDS = ("Unsupported", "unsupported", "not supported", "not configured", "unknown pixel mode")


@dataclass
class _File:
    """A file as it is handed to Pillow, and what has been found of it so far."""

    payload: bytes
    format: str
    limits: DecodeLimits
    png: PngFile | None = None
    findings: list[Finding] = field(default_factory=list)


def decode_with_pillow(payload: bytes, format_name: str, limits: DecodeLimits) -> Decoded:
    """Payload of a known format -> its first frame. Raises Rejected."""
    try:
        file = _checked(payload, format_name, limits, all_frames=False)
        return _first_frame(file)
    except Rejected as rejected:
        if rejected.code != "truncated" or format_name != "png" or limits.salvage_min_fraction is None:
            raise
        return _salvaged_png(payload, limits, rejected)


def frames_with_pillow(payload: bytes, format_name: str, limits: DecodeLimits) -> Iterator[Decoded | Rejected]:
    """Payload of a known format -> every frame as it is shown, or why there is none. Raises Rejected for the file.

    A frame of an animation is drawn over those before it, so nothing is shown of one behind a damaged one.
    """
    if format_name not in _WITH_FRAMES:
        yield decode_with_pillow(payload, format_name, limits)
        return
    try:
        file = _checked(payload, format_name, limits, all_frames=True)
    except Rejected as rejected:
        if rejected.code != "truncated":
            raise
        yield decode_with_pillow(payload, format_name, limits)  # which may be salvaged
        return
    with _listening() as warnings:
        image = _open(file)
        count, fault = _count_frames(image, file)
    file.findings.extend(_warned(warnings))
    if count == 1:
        yield _first_frame(file)
        return
    broken: int | None = None
    for frame in range(count):
        if broken is not None and format_name != "tiff":
            yield Rejected("damaged", f"frame {broken}, over which it is drawn, cannot be decoded")
            continue
        try:
            yield _frame(image, frame, file)
        except Rejected as rejected:
            broken = frame
            yield rejected
        except MemoryError:
            raise
        except Exception as error:
            broken = frame
            yield Rejected("damaged", f"the decoder failed ({type(error).__name__}: {error})")
    if fault is not None:
        yield fault


def _checked(payload: bytes, format_name: str, limits: DecodeLimits, all_frames: bool) -> _File:
    """A file whose header is within the limits. Raises Rejected."""
    file = _File(payload, format_name, limits)
    if format_name != "png":
        check_declared(payload, format_name, limits, file.findings)
        return file
    file.png = read_png_file(payload, file.findings, with_animation=all_frames)
    check_size(file.png.width_px, file.png.height_px, limits)
    check_data_length(file.png)
    file.payload = file.png.pixels
    return file


def _first_frame(file: _File) -> Decoded:
    with _listening() as warnings:
        image = _open(file)
        found = list(file.findings)
        if file.png is None and getattr(image, "is_animated", False):
            what = "pages" if file.format == "tiff" else "frames"
            found.append(Finding("animated", "note", f"several {what}; the first is used"))
        decoded = _decoded(image, file, found)
    return _with_findings(decoded, _warned(warnings))


def _frame(image: Image.Image, frame: int, file: _File) -> Decoded:
    """One frame of several. Raises Rejected, or whatever Pillow raises."""
    with _listening() as warnings:
        image.seek(frame)
        check_size(image.width, image.height, file.limits)
        decoded = _decoded(image, file, list(file.findings))
    return _with_findings(decoded, _warned(warnings))


def _decoded(image: Image.Image, file: _File, findings: list[Finding]) -> Decoded:
    """The frame at which an image stands."""
    _check_tiles(image, file.limits)
    orientation_while_loading = _tiff_orientation(image)
    stored = image.size if orientation_while_loading < 5 else (image.height, image.width)
    with libtiff_errors() as errors:
        _load(image)
    _check_libtiff(errors)
    pixels = np.asarray(image)
    _check_pixels(image, pixels, file)
    bit_depth = file.png.bit_depth if file.png is not None else stored_bit_depth(image)
    channels = stored_channels(image)
    colours = opaque(image, pixels, bit_depth, file.limits, findings)
    # Once loaded, the TIFF plugin has turned the pixels itself and removed the tag.
    orientation = image.getexif().get(ORIENTATION_TAG, 1)
    turned = max(orientation_while_loading, orientation if orientation in range(1, 9) else 1)
    if turned != 1:
        findings.append(Finding("exif_orientation", "repair", f"turned upright from EXIF orientation {turned}"))
    return Decoded(upright(colours, orientation), file.format, *stored, channels, bit_depth, tuple(findings))


@contextmanager
def _listening() -> Iterator[list[str]]:
    with quiet() as warnings, libtiff_errors():
        yield warnings


def _warned(warnings: list[str]) -> list[Finding]:
    texts = (text for text in dict.fromkeys(warnings) if "decompression bomb" not in text)
    return [Finding("metadata_damaged", "note", text) for text in texts]


def _with_findings(decoded: Decoded, more: list[Finding]) -> Decoded:
    """The same image with more findings, the notes of warnings in front of repairs as they were found."""
    return decoded if not more else decoded.with_findings((*decoded.findings, *more))


def _count_frames(image: Image.Image, file: _File) -> tuple[int, Rejected | None]:
    """Number of frames, and why there are no more where that is a fault. Raises Rejected for more than allowed."""
    if file.format == "tiff":
        return _count_pages(image, file.limits)
    if file.format == "gif":
        sizes = read_gif_file(file.payload, file.limits.max_frames).frames
        count = max(1, len(sizes))
    else:
        count = int(getattr(image, "n_frames", 1))
    check_frames(count, count * image.width * image.height, file.limits)
    return count, None


def _count_pages(image: Image.Image, limits: DecodeLimits) -> tuple[int, Rejected | None]:
    """Pages of a TIFF, each of its own size, by their headers."""
    count = pixels = 0
    fault = None
    while True:
        try:
            image.seek(count)
        except EOFError:
            break
        except Exception as error:
            fault = Rejected("damaged", f"the header of page {count} cannot be read ({error})")
            break
        count += 1
        pixels += image.width * image.height
        check_frames(count, pixels, limits)
    image.seek(0)
    return count, fault


def _open(file: _File) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(file.payload), formats=_PLUGINS[file.format])
    except UnidentifiedImageError as error:
        raise _rejection(_why_unidentified(file.payload, file.format) or error) from error
    except Image.DecompressionBombError as error:
        raise Rejected("too_large", str(error)) from error
    except (OSError, NotImplementedError) as error:
        raise _rejection(error) from error
    check_size(image.width, image.height, file.limits)
    if file.format == "pnm":
        _check_pnm_length(image, file.payload)
    return image


def _check_pnm_length(image: Image.Image, payload: bytes) -> None:
    """Raises Rejected where the file is shorter than any file of that size, before room for the pixels is made."""
    bands = len(image.getbands())
    least = image.height * (-(-image.width // 8) if payload[:2] == b"P4" else image.width * bands)
    if len(payload) < least:
        raise Rejected("truncated", f"the file has {len(payload)} bytes, its size needs at least {least}")


def _check_tiles(image: Image.Image, limits: DecodeLimits) -> None:
    """Raises Rejected for a TIFF whose tiles are far larger than what is allowed for the image."""
    if image.format != "TIFF":
        return
    width, height = (image.tag_v2.get(tag, 0) for tag in (_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT))  # type: ignore[attr-defined]
    if isinstance(width, int) and isinstance(height, int) and width * height > max(limits.max_pixels, _TILE_PIXELS):
        raise Rejected("too_large", f"tiles of {width}x{height} px; max_pixels is {limits.max_pixels}")


def _why_unidentified(payload: bytes, format_name: str) -> Exception | None:
    """What the plugin itself says of the header; `Image.open` keeps that to itself."""
    for plugin in _PLUGINS[format_name]:
        try:
            Image.OPEN[plugin][0](io.BytesIO(payload), "")
        except SyntaxError as error:
            return ValueError(f"{format_name} header: {error}")
    return None


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except (OSError, NotImplementedError, ValueError, EOFError, SyntaxError) as error:
        raise _rejection(error) from error


def _check_libtiff(errors: list[str]) -> None:
    """Raises Rejected for what libtiff found wrong with pixels and went on; errors of single tags are not of pixels."""
    of_pixels = [text for text in errors if "tag" not in text.lower()]
    if of_pixels:
        raise _rejection(ValueError(f"libtiff: {of_pixels[0]}"))


def _check_pixels(image: Image.Image, pixels: np.ndarray, file: _File) -> None:
    """Raises Rejected for rows that the data lack, and for colours that the palette lacks."""
    if file.png is not None and not _is_complete(pixels, file.png):
        raise Rejected("truncated", "the PNG data end before the last row")
    if file.format == "bmp" and image.mode == "P":
        header = read_bmp_file(file.payload)
        if header is not None and 0 < header.colours <= pixels.max():
            raise Rejected("damaged", f"a pixel of colour {pixels.max()}, the palette has {header.colours}")


def _rejection(error: Exception) -> Rejected:
    """The reject code for an error of Pillow, by its text."""
    text = str(error)
    if any(word in text for word in ("truncated", "Truncated", "not enough image data", "broken data stream")):
        return Rejected("truncated", f"the image data stop early ({text})")
    if isinstance(error, NotImplementedError) or any(word in text for word in _UNSUPPORTED_WORDS):
        return Rejected("unsupported", f"an image of a kind that is not decoded ({text})")
    return Rejected("damaged", f"the image data are damaged ({text})")


def _tiff_orientation(image: Image.Image) -> int:
    """Orientation that the TIFF plugin will apply while loading, 1 to 8; it has swapped the sides already."""
    orientation = image.tag_v2.get(ORIENTATION_TAG, 1) if image.format == "TIFF" else 1  # type: ignore[attr-defined]
    return orientation if orientation in range(1, 9) else 1


def _is_complete(pixels: np.ndarray, png: PngFile) -> bool:
    """Whether all rows came; Pillow leaves rows that the data lack at zero and says nothing."""
    return bool(pixels[-1].any() and not png.is_interlaced) or holds_all_rows(png)


def _salvaged_png(payload: bytes, limits: DecodeLimits, rejected: Rejected) -> Decoded:
    """The rows of a truncated PNG that are there. Raises the rejection where they are too few."""
    found = first_rows(payload, limits)
    if found is None:
        raise rejected
    whole_px, rows_px, shortened = found
    finding = salvaged(rows_px, whole_px, limits, rejected)
    decoded = _first_frame(_checked(shortened, "png", limits, all_frames=False))
    return decoded.with_findings((finding, *decoded.findings), height_px=whole_px)
