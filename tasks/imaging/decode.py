"""One payload in, one upright uint8 image or one reason out; nothing that is in the bytes raises."""

from collections.abc import Iterator

from tasks.imaging.formats import SUPPORTED, sniff_format
from tasks.imaging.jpeg import decode_jpeg
from tasks.imaging.pillow import decode_with_pillow, frames_with_pillow
from tasks.imaging.pnm_file import decode_plain_pnm
from tasks.imaging.verdicts import Decoded, DecodeLimits, Finding, MinSides, Rejected, Undecodable

__all__ = ["DecodeLimits", "Decoded", "Finding", "MinSides", "Undecodable", "decode", "decode_frames", "sniff_format"]

_DEFAULT_LIMITS = DecodeLimits()


def decode(
    payload: bytes, limits: DecodeLimits | None = None, min_sides: MinSides | None = None
) -> Decoded | Undecodable:
    """Payload of any bytes -> upright uint8 [H, W, C] with C in {1, 3}, or why not. Never raises.

    With `min_sides`, a JPEG is decoded at 1/2, 1/4 or 1/8 as long as its sides stay at least that long; `width_px`
    and `height_px` stay those of the file.
    """
    format_name = sniff_format(payload[:32])
    try:
        limits = limits or _DEFAULT_LIMITS
        known = _known_format(payload, format_name, limits)
        if known == "jpeg":
            return decode_jpeg(payload, limits, min_sides)
        if known == "pnm" and (plain := decode_plain_pnm(payload, limits)) is not None:
            return plain
        return decode_with_pillow(payload, known, limits)
    except Exception as error:
        # Decoders raise nearly anything on hostile bytes; each costs one row, never the run.
        return _undecodable(error, format_name)


def decode_frames(
    payload: bytes, limits: DecodeLimits | None = None, min_sides: MinSides | None = None
) -> Iterator[Decoded | Undecodable]:
    """As `decode`, for every frame or page in turn: one or more. Raises nothing; one at a time is in memory.

    Frames of GIF, APNG, WebP and AVIF are the whole canvas as it is shown. Where the file as a whole is unfit, e.g.
    for too many frames, that is the only verdict.
    """
    format_name = sniff_format(payload[:32])
    if format_name is None or format_name == "jpeg":
        yield decode(payload, limits, min_sides)
        return
    try:
        limits = limits or _DEFAULT_LIMITS
        for frame in frames_with_pillow(payload, _known_format(payload, format_name, limits), limits):
            yield frame if isinstance(frame, Decoded) else _undecodable(frame, format_name)
    except Exception as error:
        yield _undecodable(error, format_name)


def _undecodable(error: Exception, format_name: str | None) -> Undecodable:
    if isinstance(error, Rejected):
        return Undecodable(error.code, error.detail, format_name)
    if isinstance(error, MemoryError):
        return Undecodable("too_large", "does not fit into memory; lower max_pixels", format_name)
    return Undecodable("damaged", f"the decoder failed ({type(error).__name__}: {error})", format_name)


def _known_format(payload: bytes, format_name: str | None, limits: DecodeLimits) -> str:
    """The format's name where it can be decoded. Raises Rejected."""
    if not payload:
        raise Rejected("empty_file", "the file holds no bytes")
    if len(payload) > limits.max_bytes:
        raise Rejected("too_large", f"{len(payload)} bytes; max_bytes is {limits.max_bytes}")
    if format_name is None:
        raise Rejected("not_an_image", f"begins like no known image format; decoded are {', '.join(SUPPORTED)}")
    if format_name not in SUPPORTED:
        raise Rejected("unsupported", f"{format_name} is not decoded; decoded are {', '.join(SUPPORTED)}")
    return format_name
