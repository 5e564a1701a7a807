"""Loaded Pillow images of any mode to uint8 grey or RGB."""

import numpy as np
from PIL import Image

from tasks.imaging.colour import to_srgb
from tasks.imaging.grey_range import from_16_bit, from_numbers, note_narrow_range
from tasks.imaging.verdicts import DecodeLimits, Finding

_TIFF_BITS, _TIFF_FORMAT, _TIFF_MIN, _TIFF_MAX = 258, 339, 340, 341
_SIGNED = 2
_BIT_DEPTHS = {"1": 1, "I": 32, "F": 32}
_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def stored_channels(image: Image.Image) -> int:
    """Colour samples of a pixel as stored; a palette counts as its colours."""
    bands = 3 if image.mode in ("P", "PA") else len(image.getbands())
    has_alpha_beside = "transparency" in image.info and image.mode in ("1", "L", "I;16", "RGB", "P")
    return bands + (1 if has_alpha_beside or image.mode == "PA" else 0)


def stored_bit_depth(image: Image.Image) -> int:
    """Bits of one sample as stored."""
    if image.format == "TIFF":
        bits = image.tag_v2.get(_TIFF_BITS, 1)  # type: ignore[attr-defined]
        return int(bits[0] if isinstance(bits, tuple) else bits)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return 16
    return _BIT_DEPTHS.get(image.mode, 8)


def opaque(
    image: Image.Image, pixels: np.ndarray, bit_depth: int, limits: DecodeLimits, findings: list[Finding]
) -> np.ndarray:
    """A loaded image and its stored values -> uint8 [H, W, 1 | 3], sRGB, over the background; adds findings."""
    if image.mode.startswith("I") or image.mode == "F" or (image.mode == "L" and _is_signed(image)):
        grey = _numbers(image, pixels, bit_depth, findings)[:, :, np.newaxis]
        return _keyed(grey, pixels, image.info.get("transparency"), limits, findings)
    if bit_depth > 8:
        findings.append(Finding("bit_depth", "repair", f"{bit_depth} bits a sample cut to 8"))
        note_narrow_range(int(pixels[..., :3].max()), 255, findings)
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


def _is_signed(image: Image.Image) -> bool:
    """Whether a TIFF says that its integers are signed: Pillow tells so of 16 and 32 bits, but not of 8."""
    return image.format == "TIFF" and image.tag_v2.get(_TIFF_FORMAT, (1,))[0] == _SIGNED  # type: ignore[attr-defined]


def _numbers(image: Image.Image, pixels: np.ndarray, bit_depth: int, findings: list[Finding]) -> np.ndarray:
    """Grey of more than 8 bits, or signed -> uint8 [H, W]."""
    tags = image.tag_v2 if image.format == "TIFF" else {}  # type: ignore[attr-defined]
    is_signed = _is_signed(image)
    if bit_depth <= 16 and not is_signed and image.mode != "F":
        return from_16_bit(pixels, (1 << bit_depth) - 1, findings)
    if image.mode == "L":
        pixels = pixels.view(np.int8)
    elif image.mode == "I" and image.format == "TIFF" and bit_depth == 32 and not is_signed:
        pixels = pixels.view(np.uint32)  # Pillow gives both kinds as signed
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
