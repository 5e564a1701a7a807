"""The structure of a PNG file: every chunk's checksum, without inflating pixels."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.imaging.verdicts import DecodeLimits, Finding, Rejected, check_size

_SIGNATURE_BYTES = 8
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
# What decides how the pixels look. All other chunks are metadata or animation, and are not handed to the decoder.
_WANTED = _CRITICAL | {b"tRNS", b"iCCP", b"eXIf", b"iTXt"}
_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
# Deflate never makes more than this of a byte.
_MAX_INFLATION = 1032
_MAX_METADATA_BYTES = 1 << 20
_INFLATE_BYTES = 1 << 20
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column, first row, column step and row step of the seven passes of an interlaced file.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class PngFile:
    """`pixels` is the file without animation and unneeded or damaged metadata; the rest is from the header."""

    width_px: int
    height_px: int
    bit_depth: int
    samples: int
    is_interlaced: bool
    pixels: bytes


def read_png_file(payload: bytes, findings: list[Finding], with_animation: bool = False) -> PngFile:
    """Check all chunks; adds findings for what can be done without. `pixels` has later frames if they are wanted.

    Raises Rejected for a damaged critical chunk, a file that stops early, and Apple's PNG dialect.
    """
    wanted: list[bytes] = []
    position, kind = _SIGNATURE_BYTES, b""
    while kind != b"IEND":
        kind, chunk = _chunk(payload, position)
        _check_order(kind, position)
        if with_animation and kind in _ANIMATION:
            _check_animation(kind, chunk)
            wanted.append(chunk)
        elif _is_usable(kind, chunk, findings):
            wanted.append(chunk)
        position += len(chunk)
    if position < len(payload):
        behind = len(payload) - position
        findings.append(Finding("trailing_bytes", "note", f"{behind} bytes behind the end of the image"))
    header = wanted[0][8:]
    if len(header) < 17:
        raise Rejected("damaged", "the PNG header chunk is too short")
    return PngFile(
        width_px=int.from_bytes(header[:4], "big"),
        height_px=int.from_bytes(header[4:8], "big"),
        bit_depth=header[8],
        samples=_SAMPLES.get(header[9], 1),
        is_interlaced=header[12] != 0,
        pixels=payload[:_SIGNATURE_BYTES] + b"".join(wanted),
    )


def _chunk(payload: bytes, position: int) -> tuple[bytes, bytes]:
    """Kind and whole bytes (length, kind, data, checksum) of the chunk at the position."""
    length = int.from_bytes(payload[position : position + 4], "big")
    chunk = payload[position : position + 12 + length]
    kind = chunk[4:8]
    if len(chunk) < 12 + length:
        raise Rejected("truncated", f"the PNG stops inside or before the chunk at byte {position}")
    return kind, chunk


def _check_order(kind: bytes, position: int) -> None:
    if kind == b"CgBI":
        raise Rejected("unsupported", "a PNG in Apple's CgBI dialect, which PNG readers cannot decode")
    if (position == _SIGNATURE_BYTES) != (kind == b"IHDR"):
        raise Rejected("damaged", f"a PNG chunk {kind!r} at byte {position}; the header chunk comes first, and once")


def _is_usable(kind: bytes, chunk: bytes, findings: list[Finding]) -> bool:
    """Whether the chunk goes to the decoder. Raises Rejected for a damaged or unknown critical chunk."""
    is_critical = not kind[0] & 0x20
    intact = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
    if is_critical and not intact:
        raise Rejected("damaged", f"the checksum of the PNG chunk {kind!r} is wrong")
    if is_critical and kind not in _CRITICAL:
        raise Rejected("damaged", f"the PNG needs a chunk {kind!r}, which no reader knows")
    if not intact:
        findings.append(Finding("metadata_damaged", "note", f"the checksum of the PNG chunk {kind!r} is wrong"))
    if kind == b"acTL" and intact:
        findings.append(Finding("animated", "note", "an animated PNG; its still image is used"))
    return intact and kind in _WANTED and (is_critical or len(chunk) <= _MAX_METADATA_BYTES)


def _check_animation(kind: bytes, chunk: bytes) -> None:
    if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
        raise Rejected("damaged", f"the checksum of the PNG chunk {kind!r} is wrong, and all frames are wanted")


def check_data_length(file: PngFile) -> None:
    """Raises Rejected where the compressed data cannot hold all rows, before room for them is made."""
    held = sum(len(data) for data in _image_data(file.pixels))
    needed = _pixel_bytes(file)
    if held * _MAX_INFLATION < needed:
        raise Rejected("truncated", f"the PNG has {held} bytes of data, from which {needed} cannot come")


def first_rows(payload: bytes, limits: DecodeLimits) -> tuple[int, int, bytes] | None:
    """A truncated PNG -> its height, how many rows are whole, and a PNG of these; None where that cannot be.

    Rows of the last chunk count although its checksum is missing. An interlaced file has no rows before its end.
    """
    kept, data, position = [], [], _SIGNATURE_BYTES
    while len(payload) - position >= 8:
        length = int.from_bytes(payload[position : position + 4], "big")
        chunk, kind = payload[position : position + 12 + length], payload[position + 4 : position + 8]
        if kind == b"IDAT":
            data.append(chunk[8 : 8 + length])
        elif len(chunk) == 12 + length and kind in _WANTED and kind not in (b"IHDR", b"IEND"):
            kept.append(chunk)
        position += 12 + length
    header = payload[_SIGNATURE_BYTES + 8 : _SIGNATURE_BYTES + 21]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    if len(header) < 13 or header[12] or not data:
        return None
    check_size(width, height, limits)
    row_bytes = 1 + -(-width * _SAMPLES.get(header[9], 1) * header[8] // 8)
    rows = _inflated(data, row_bytes * height)
    count = len(rows) // row_bytes
    if not count:
        return None
    start = _made_chunk(b"IHDR", header[:4] + count.to_bytes(4, "big") + header[8:])
    end = _made_chunk(b"IDAT", zlib.compress(rows[: count * row_bytes], 1)) + _made_chunk(b"IEND", b"")
    return height, count, payload[:_SIGNATURE_BYTES] + start + b"".join(kept) + end


def _inflated(data: list[bytes], most: int) -> bytes:
    """What comes out of a deflate stream that may stop anywhere, at most so many bytes."""
    inflater, parts, left = zlib.decompressobj(), [], most
    for compressed in data:
        try:
            parts.append(inflater.decompress(inflater.unconsumed_tail + compressed, left))
        except zlib.error:
            break
        left -= len(parts[-1])
        if left <= 0:
            break
    return b"".join(parts)


def _made_chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def holds_all_rows(file: PngFile) -> bool:
    """Whether the compressed data inflate to as many bytes as the header's size needs."""
    inflater = zlib.decompressobj()
    missing = _pixel_bytes(file)
    for compressed in _image_data(file.pixels):
        rest = compressed
        while rest and missing > 0:
            missing -= len(inflater.decompress(rest, _INFLATE_BYTES))
            rest = inflater.unconsumed_tail
    return missing - len(inflater.flush()) <= 0


def _image_data(payload: bytes) -> Iterator[bytes]:
    position = _SIGNATURE_BYTES
    while position < len(payload):
        kind, chunk = _chunk(payload, position)
        if kind == b"IDAT":
            yield chunk[8:-4]
        position += len(chunk)


def _pixel_bytes(file: PngFile) -> int:
    """Bytes of all rows, each with its filter byte."""
    passes = _PASSES if file.is_interlaced else ((0, 0, 1, 1),)
    total = 0
    for first_column, first_row, column_step, row_step in passes:
        columns = -(-(file.width_px - first_column) // column_step)
        rows = -(-(file.height_px - first_row) // row_step)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * file.samples * file.bit_depth // 8))
    return total
