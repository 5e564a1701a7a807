"""Every format but JPEG, through Pillow, one plugin per format and never with LOAD_TRUNCATED_IMAGES."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from tasks.imaging.colour import to_srgb
from tasks.imaging.grey_range import from_16_bit, from_numbers
from tasks.imaging.orientation import ORIENTATION_TAG, upright
from tasks.imaging.png_file import PngFile, holds_all_rows, read_png_file
from tasks.imaging.quiet import quiet
from tasks.imaging.verdicts import Decoded, DecodeLimits, Finding, Rejected, check_size

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
_TIFF_BITS, _TIFF_FORMAT, _TIFF_MIN, _TIFF_MAX = 258, 339, 340, 341
_SIGNED = 2
_BIT_DEPTHS = {"1": 1, "I": 32, "F": 32}
_UNSUPPORTED_WORDS = ("Unsupported", "unsupported", "not supported", "unknown pixel mode")
_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def decode_with_pillow(payload: bytes, format_name: str, limits: DecodeLimits) -> Decoded:
    """Payload of a known format -> Decoded. Raises Rejected."""
    findings: list[Finding] = []
    png = None
    if format_name == "png":
        png = read_png_file(payload, findings)
        check_size(png.width_px, png.height_px, limits)
        payload = png.pixels
    elif format_name == "webp":
        _check_webp_length(payload, findings)
    with quiet() as warnings:
        image = _open(payload, format_name, limits)
        tiff_orientation = _tiff_orientation(image)
        stored = image.size if tiff_orientation < 5 else (image.height, image.width)
        _load(image)
        pixels = np.asarray(image)
        if png is not None and not _is_complete(pixels, png):
            raise Rejected("truncated", "the PNG data end before the last row")
        bit_depth = png.bit_depth if png is not None else _bit_depth(image)
        channels = _stored_channels(image)
        _note_frames(image, format_name, findings)
        opaque = _opaque(image, pixels, bit_depth, limits, findings)
        # Once loaded, the TIFF plugin has turned the pixels itself and removed the tag.
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    texts = (text for text in dict.fromkeys(warnings) if "decompression bomb" not in text)
    findings.extend(Finding("metadata_damaged", "note", text) for text in texts)
    turned = max(tiff_orientation, orientation if orientation in range(1, 9) else 1)
    if turned != 1:
        findings.append(Finding("exif_orientation", "repair", f"turned upright from EXIF orientation {turned}"))
    return Decoded(upright(opaque, orientation), format_name, *stored, channels, bit_depth, tuple(findings))


def _open(payload: bytes, format_name: str, limits: DecodeLimits) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(payload), formats=_PLUGINS[format_name])
    except UnidentifiedImageError as error:
        raise _rejection(_why_unidentified(payload, format_name) or error) from error
    except Image.DecompressionBombError as error:
        raise Rejected("too_large", str(error)) from error
    except (OSError, NotImplementedError) as error:
        raise _rejection(error) from error
    check_size(image.width, image.height, limits)
    return image


def _check_webp_length(payload: bytes, findings: list[Finding]) -> None:
    """Raises Rejected where the file is shorter than its header says."""
    behind = len(payload) - 8 - int.from_bytes(payload[4:8], "little")
    if behind < 0:
        raise Rejected("truncated", f"the WebP header announces {-behind} bytes more than there are")
    # One byte of padding belongs to a chunk of odd length.
    if behind > 1:
        findings.append(Finding("trailing_bytes", "note", f"{behind} bytes behind the end of the image"))


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


def _stored_channels(image: Image.Image) -> int:
    """Colour samples of a pixel as stored; a palette counts as its colours."""
    bands = 3 if image.mode in ("P", "PA") else len(image.getbands())
    has_alpha_beside = "transparency" in image.info and image.mode in ("1", "L", "I;16", "RGB", "P")
    return bands + (1 if has_alpha_beside or image.mode == "PA" else 0)


def _bit_depth(image: Image.Image) -> int:
    """Bits of one sample as stored."""
    if image.format == "TIFF":
        bits = image.tag_v2.get(_TIFF_BITS, 1)  # type: ignore[attr-defined]
        return int(bits[0] if isinstance(bits, tuple) else bits)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return 16
    return _BIT_DEPTHS.get(image.mode, 8)


def _note_frames(image: Image.Image, format_name: str, findings: list[Finding]) -> None:
    if getattr(image, "is_animated", False):
        what = "pages" if format_name == "tiff" else "frames"
        findings.append(Finding("animated", "note", f"several {what}; the first is used"))


def _opaque(
    image: Image.Image, pixels: np.ndarray, bit_depth: int, limits: DecodeLimits, findings: list[Finding]
) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        grey = _deep(image, pixels, bit_depth, findings)[:, :, np.newaxis]
        return _keyed(grey, pixels, image.info.get("transparency"), limits, findings)
    if bit_depth > 8:
        findings.append(Finding("bit_depth", "repair", f"{bit_depth} bits a sample cut to 8"))
    if image.mode in ("P", "PA"):
        findings.append(Finding("palette", "note", "palette colours written out"))
    profile = image.info.get("icc_profile")
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        return _composited(image, profile, limits, findings)
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))[:, :, np.newaxis]
    if image.mode == "CMYK":
        return to_srgb(255 - pixels, profile, findings)
    if image.mode not in ("RGB", "P", "RGBX"):
        findings.append(Finding("colour_space", "repair", f"{image.mode} converted to RGB"))
        profile = None
    return to_srgb(np.asarray(image.convert("RGB")), profile, findings)


def _deep(image: Image.Image, pixels: np.ndarray, bit_depth: int, findings: list[Finding]) -> np.ndarray:
    """Grey of more than 8 bits -> uint8 [H, W]."""
    tags = image.tag_v2 if image.format == "TIFF" else {}  # type: ignore[attr-defined]
    is_signed = tags.get(_TIFF_FORMAT, (1,))[0] == _SIGNED
    if bit_depth <= 16 and not is_signed and image.mode != "F":
        return from_16_bit(pixels, (1 << bit_depth) - 1, findings)
    declared = None
    if _TIFF_MIN in tags and _TIFF_MAX in tags:
        low, high = float(tags[_TIFF_MIN][0]), float(tags[_TIFF_MAX][0])
        declared = (low, high) if high > low else None
    return from_numbers(pixels, declared, findings)


def _keyed(
    grey: np.ndarray, pixels: np.ndarray, key: object, limits: DecodeLimits, findings: list[Finding]
) -> np.ndarray:
    """Grey uint8 [H, W, 1] with the background where the stored value is the transparent one."""
    transparent = pixels == key if isinstance(key, int) else np.zeros(pixels.shape, bool)
    if not transparent.any():
        return grey
    findings.append(Finding("alpha_composited", "repair", f"transparent pixels laid over {limits.background}"))
    red, green, blue = limits.background
    return np.where(transparent[:, :, np.newaxis], np.uint8(round(0.299 * red + 0.587 * green + 0.114 * blue)), grey)


def _composited(image: Image.Image, profile: bytes | None, limits: DecodeLimits, findings: list[Finding]) -> np.ndarray:
    """Image with transparency -> uint8 [H, W, 1 | 3] over the background; grey stays grey over a grey background."""
    rgba = np.asarray(image.convert("RGBA"))
    alpha = rgba[:, :, 3:].astype(np.uint16)
    background = np.array(limits.background, np.uint16)
    is_grey = image.mode in ("1", "L", "LA", "La") and len(set(limits.background)) == 1
    colours = rgba[:, :, :1] if is_grey else to_srgb(np.ascontiguousarray(rgba[:, :, :3]), profile, findings)
    if alpha.min() == 255:
        return colours
    findings.append(Finding("alpha_composited", "repair", f"transparent pixels laid over {limits.background}"))
    mixed = colours * alpha + background[: colours.shape[2]] * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def _is_complete(pixels: np.ndarray, png: PngFile) -> bool:
    """Whether all rows came; Pillow leaves rows that the data lack at zero and says nothing."""
    return bool(pixels[-1].any() and not png.is_interlaced) or holds_all_rows(png)
