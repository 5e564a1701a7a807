"""Sizes that a file declares where Pillow would make room for them, or look elsewhere, before they can be checked."""

import struct
from collections.abc import Iterator

from tasks.imaging.bmp_file import check_bmp, read_bmp_file
from tasks.imaging.gif_file import read_gif_file
from tasks.imaging.verdicts import DecodeLimits, Finding, Rejected, check_size

_CODESTREAM = b"\xff\x4f\xff\x51"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ICON_DIRECTORY_BYTES, _ICON_ENTRY_BYTES = 6, 16


def check_declared(payload: bytes, format_name: str, limits: DecodeLimits, findings: list[Finding]) -> None:
    """Adds findings. Raises Rejected for sizes beyond the limits, and for files that end before their pixels."""
    if format_name == "webp":
        _check_webp(payload, limits, findings)
    elif format_name == "gif":
        _check_gif(payload, limits, findings)
    elif format_name == "bmp":
        _check_bmp(payload, limits, findings)
    elif format_name == "ico":
        _check_icons(payload, limits, findings)
    elif format_name == "jp2":
        _check_codestream(payload, limits)
    elif format_name == "avif":
        for width, height in _avif_sizes(payload):
            check_size(width, height, limits)


def _check_webp(payload: bytes, limits: DecodeLimits, findings: list[Finding]) -> None:
    behind = len(payload) - 8 - int.from_bytes(payload[4:8], "little")
    if behind < 0:
        raise Rejected("truncated", f"the WebP header announces {-behind} bytes more than there are")
    # One byte of padding belongs to a chunk of odd length.
    if behind > 1:
        findings.append(Finding("trailing_bytes", "note", f"{behind} bytes behind the end of the image"))
    size = _webp_size(payload)
    if size is not None:
        check_size(*size, limits)


def _webp_size(payload: bytes) -> tuple[int, int] | None:
    """Canvas of any of the three kinds of WebP, None where the header is none of them."""
    kind, body = payload[12:16], payload[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _check_gif(payload: bytes, limits: DecodeLimits, findings: list[Finding]) -> None:
    file = read_gif_file(payload, limits.max_frames)
    for width, height in file.frames:
        check_size(width, height, limits)
    if file.end is None and 0 < len(file.frames) <= limits.max_frames:
        findings.append(Finding("metadata_damaged", "note", "the GIF breaks off before its end"))
    elif file.end is not None and payload[file.end :].strip(b"\x00"):
        behind = len(payload) - file.end
        findings.append(Finding("trailing_bytes", "note", f"{behind} bytes behind the end of the image"))


def _check_bmp(payload: bytes, limits: DecodeLimits, findings: list[Finding]) -> None:
    file = read_bmp_file(payload)
    if file is not None and file.width_px > 0:
        check_size(file.width_px, file.height_px, limits)
        check_bmp(payload, file, findings)


def _check_icons(payload: bytes, limits: DecodeLimits, findings: list[Finding]) -> None:
    count = int.from_bytes(payload[4:6], "little")
    for number in range(count):
        at = _ICON_DIRECTORY_BYTES + _ICON_ENTRY_BYTES * number
        if at + _ICON_ENTRY_BYTES > len(payload):
            return
        size_bytes, offset = struct.unpack_from("<II", payload, at + 8)
        head = payload[offset : offset + 24]
        size = _icon_size(head)
        if size is not None:
            check_size(*size, limits)
        if offset + size_bytes > len(payload) or (size is not None and 0 < size_bytes < _least_bytes(head, *size)):
            detail = f"the folder of icons says {size_bytes} bytes at {offset}, which does not fit what is there"
            findings.append(Finding("metadata_damaged", "note", detail))
            return


def _icon_size(head: bytes) -> tuple[int, int] | None:
    """Size of an icon by the image itself; the folder may say something else."""
    if head.startswith(_PNG_SIGNATURE) and len(head) == 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if len(head) >= 12 and int.from_bytes(head[:4], "little") == 40:
        # Twice the height, as the mask lies below the picture.
        return int.from_bytes(head[4:8], "little"), int.from_bytes(head[8:12], "little") // 2
    return None


def _least_bytes(head: bytes, width_px: int, height_px: int) -> int:
    """What an uncompressed icon takes without palette and mask; 0 for a PNG."""
    is_plain = not head.startswith(_PNG_SIGNATURE) and not any(head[16:20])
    return 40 + width_px * height_px * int.from_bytes(head[14:16], "little") // 8 if is_plain else 0


def _check_codestream(payload: bytes, limits: DecodeLimits) -> None:
    """The size that the JPEG 2000 codestream says, which need not be that of the box around it."""
    at = payload.find(_CODESTREAM)
    if at >= 0 and len(payload) >= at + 24:
        right, bottom, left, top = struct.unpack_from(">IIII", payload, at + 8)
        check_size(right - left, bottom - top, limits)


def _avif_sizes(payload: bytes) -> Iterator[tuple[int, int]]:
    """Every image size (`ispe`) in the boxes before the pixels."""
    at = payload.find(b"ispe")
    end = payload.find(b"mdat") % (len(payload) + 1)
    while 0 <= at < end and at + 16 <= len(payload):
        yield struct.unpack_from(">II", payload, at + 8)
        at = payload.find(b"ispe", at + 4)
