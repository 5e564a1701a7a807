"""One payload in, one upright uint8 image or one reason out; nothing that is in the bytes raises."""

from tasks.imaging.formats import SUPPORTED, sniff_format
from tasks.imaging.jpeg import decode_jpeg
from tasks.imaging.pillow import decode_with_pillow
from tasks.imaging.verdicts import Decoded, DecodeLimits, Finding, Rejected, Undecodable

__all__ = ["DecodeLimits", "Decoded", "Finding", "Undecodable", "decode", "sniff_format"]

_DEFAULT_LIMITS = DecodeLimits()


def decode(
    payload: bytes, limits: DecodeLimits | None = None, scale_to_side_px: int | None = None
) -> Decoded | Undecodable:
    """Payload of any bytes -> upright uint8 [H, W, C] with C in {1, 3}, or why not. Never raises.

    With `scale_to_side_px`, a JPEG is decoded at 1/2, 1/4 or 1/8 as long as its shorter side stays at least
    that long; `width_px` and `height_px` stay those of the file.
    """
    format_name = sniff_format(payload[:32])
    try:
        return _decode(payload, format_name, limits or _DEFAULT_LIMITS, scale_to_side_px)
    except Rejected as rejected:
        return Undecodable(rejected.code, rejected.detail, format_name)
    except MemoryError:
        return Undecodable("too_large", "does not fit into memory; lower max_pixels", format_name)
    except Exception as error:
        # Decoders raise nearly anything on hostile bytes; each costs one row, never the run.
        return Undecodable("damaged", f"the decoder failed ({type(error).__name__}: {error})", format_name)


def _decode(payload: bytes, format_name: str | None, limits: DecodeLimits, scale_to_side_px: int | None) -> Decoded:
    if not payload:
        raise Rejected("empty_file", "the file holds no bytes")
    if len(payload) > limits.max_bytes:
        raise Rejected("too_large", f"{len(payload)} bytes; max_bytes is {limits.max_bytes}")
    if format_name is None:
        raise Rejected("not_an_image", f"begins like no known image format; decoded are {', '.join(SUPPORTED)}")
    if format_name == "jpeg":
        return decode_jpeg(payload, limits, scale_to_side_px)
    if format_name not in SUPPORTED:
        raise Rejected("unsupported", f"{format_name} is not decoded; decoded are {', '.join(SUPPORTED)}")
    return decode_with_pillow(payload, format_name, limits)
