"""Image files written by hand, bit by bit, of the kinds that common writers do not make."""

import struct
import zlib

import numpy as np

# First column, first row, column step and row step of the seven passes of an interlaced PNG.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6


def packed_row(values: np.ndarray, bits: int) -> bytes:
    """One row of whole numbers, the first in the highest bits; of 16 bits big-endian."""
    if bits == 16:
        return values.astype(">u2").tobytes()
    if bits == 8:
        return values.astype(np.uint8).tobytes()
    spread = (values.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.ravel().astype(np.uint8)).tobytes()


def png(values: np.ndarray, bits: int, kind: int, interlaced: bool = False, palette: np.ndarray | None = None) -> bytes:
    """Whole numbers [H, W] or [H, W, samples] -> PNG; `kind` is the colour type of its header."""
    height, width = values.shape[:2]
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    rows = [
        b"\x00" + packed_row(row, bits)
        for first_column, first_row, column_step, row_step in passes
        for row in values[first_row::row_step, first_column::column_step]
        if row.size
    ]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced)))]
    if palette is not None:
        chunks.append((b"PLTE", palette.astype(np.uint8).tobytes()))
    chunks += [(b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def bmp(rows: list[bytes], width: int, bits: int, palette: np.ndarray | None = None, top_down: bool = False) -> bytes:
    """Rows from the top, of samples as they are stored -> BMP without compression."""
    padded = [row + bytes(-len(row) % 4) for row in (rows if top_down else rows[::-1])]
    return _bmp(b"".join(padded), width, -len(rows) if top_down else len(rows), bits, palette, compression=0)


def bmp_of_runs(values: np.ndarray, palette: np.ndarray) -> bytes:
    """Whole numbers [H, W] below 256 -> BMP of 8 bits, compressed as runs of one pixel each."""
    rows = [b"".join(bytes([1, value]) for value in row) + b"\x00\x00" for row in values[::-1]]
    return _bmp(b"".join(rows) + b"\x00\x01", values.shape[1], values.shape[0], 8, palette, compression=1)


def _bmp(data: bytes, width: int, height: int, bits: int, palette: np.ndarray | None, compression: int) -> bytes:
    colours = b"" if palette is None else np.pad(palette[:, ::-1], ((0, 0), (0, 1))).astype(np.uint8).tobytes()
    start = 54 + len(colours)
    count = 0 if palette is None else len(palette)
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start)
    return (
        head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, count, 0) + colours + data
    )


def pnm(magic: str, values: np.ndarray, white: int | None) -> bytes:
    """Whole numbers [H, W] or [H, W, 3] -> portable anymap, as text (P1 to P3) or binary (P4 to P6), with a comment."""
    height, width = values.shape[:2]
    header = f"{magic}\n# made by hand\n{width} {height}\n" + ("" if white is None else f"{white}\n")
    if magic in ("P1", "P2", "P3"):
        return header.encode() + b"\n".join(b" ".join(b"%d" % value for value in row.ravel()) for row in values)
    bits = 1 if white is None else 16 if white > 255 else 8
    return header.encode() + b"".join(packed_row(row.ravel(), bits) for row in values)
