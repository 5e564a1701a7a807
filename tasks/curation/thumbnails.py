"""The thumbnails of a manifest as one array, without a Python object for each."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from datasets.manifest import THUMBNAIL_SIDE_PX, read_in_pieces

_PIXELS = THUMBNAIL_SIDE_PX**2


def thumbnail_array(column: pa.ChunkedArray) -> np.ndarray:
    """The column `thumbnail` -> uint8 [N, 1024]; zeros where there is none."""
    thumbnails = np.zeros((len(column), _PIXELS), np.uint8)
    start = 0
    for chunk in column.chunks:
        thumbnails[start : start + len(chunk)] = _pixels(chunk)
        start += len(chunk)
    return thumbnails


def thumbnail_file(manifest: Path, path: Path) -> np.ndarray:
    """Copy the thumbnails of a manifest to a .npy file, a row group at a time -> uint8 [N, 1024], mapped, not read."""
    count = sum(len(piece) for piece in read_in_pieces(manifest, ["status"]))
    thumbnails = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, _PIXELS))
    start = 0
    for piece in read_in_pieces(manifest, ["thumbnail"]):
        thumbnails[start : start + len(piece)] = thumbnail_array(piece["thumbnail"])
        start += len(piece)
    thumbnails.flush()
    return np.load(path, mmap_mode="r")


def _pixels(chunk: pa.FixedSizeBinaryArray) -> np.ndarray:
    if chunk.null_count:
        chunk = chunk.fill_null(bytes(_PIXELS))
    data = chunk.buffers()[1]
    if data is None:
        return np.zeros((len(chunk), _PIXELS), np.uint8)
    return np.frombuffer(data, np.uint8, len(chunk) * _PIXELS, chunk.offset * _PIXELS).reshape(-1, _PIXELS)
