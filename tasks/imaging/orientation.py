"""EXIF orientation: which way is up."""

import struct

import numpy as np

ORIENTATION_TAG = 0x0112


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """[H, W, C] as stored -> [H, W, C] or [W, H, C] upright, contiguous; 1 and unknown values change nothing."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def orientation_in_exif(exif: bytes) -> int:
    """Orientation 1 to 8 from an EXIF block (with or without its `Exif` prefix); 1 where absent or unreadable."""
    tiff = exif[6:] if exif[:6] == b"Exif\x00\x00" else exif
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        return _find_orientation(tiff, order)
    except struct.error:
        return 1


def _find_orientation(tiff: bytes, order: str) -> int:
    (offset,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    for entry in range(min(count, 512)):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, offset + 2 + 12 * entry)
        if tag == ORIENTATION_TAG:
            return value if kind == 3 and 1 <= value <= 8 else 1
    return 1
