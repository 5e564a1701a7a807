"""EXIF orientation: which way is up."""

import struct

import numpy as np

ORIENTATION_TAG = 0x0112
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


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


def is_whole(exif: bytes) -> bool:
    """Whether all values of the first directory of an EXIF block lie inside it."""
    tiff = exif[6:] if exif[:6] == b"Exif\x00\x00" else exif
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return False
    try:
        (offset,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, offset)
        for entry in range(count):
            _, kind, values, place = struct.unpack_from(order + "HHII", tiff, offset + 2 + 12 * entry)
            size = _VALUE_BYTES.get(kind, 0) * values
            if size > 4 and place + size > len(tiff):
                return False
    except struct.error:
        return False
    return True


def _find_orientation(tiff: bytes, order: str) -> int:
    (offset,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    for entry in range(min(count, 512)):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, offset + 2 + 12 * entry)
        if tag == ORIENTATION_TAG:
            return value if kind == 3 and 1 <= value <= 8 else 1
    return 1
