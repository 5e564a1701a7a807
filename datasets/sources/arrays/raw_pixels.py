"""Raw pixel arrays as image files: binary PNM, lossless, and readable by every decoder the pipeline uses."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_IMAGES = 512
"""What sources are asked for at once: so many images of 28x28 fit into a processor's cache several times over."""
MAX_BLOCK_IMAGE_BYTES = 1 << 16
"""Larger images gain nothing from being handed over many at once, and would take much memory."""


def pnm_bytes(array: NDArray[np.uint8]) -> bytes:
    """uint8 [H,W], [H,W,1] (grey) or [H,W,3] (RGB order) as one binary PNM file: P5 for grey, P6 for RGB.

    Raises ValueError for another dtype or shape and for an image without pixels.
    Format: Netpbm, pgm(5) and ppm(5), maxval 255.
    """
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != "uint8" or array.ndim not in (2, 3) or channels not in (1, 3) or array.size == 0:
        raise ValueError(
            f"got an array of {array.dtype} with shape {array.shape}; PNM takes uint8 [H,W] or [H,W,C] with C of 1 or 3"
        )
    return pnm_header(array.shape[0], array.shape[1], channels) + array.tobytes()


def pnm_size_bytes(height_px: int, width_px: int, channels: int) -> int:
    """How long the result of `pnm_bytes` is."""
    return len(pnm_header(height_px, width_px, channels)) + height_px * width_px * channels


@lru_cache(maxsize=64)
def pnm_header(height_px: int, width_px: int, channels: int) -> bytes:
    """What stands before the pixels, row by row, in a binary PNM file."""
    return b"%s\n%d %d\n255\n" % (b"P5" if channels == 1 else b"P6", width_px, height_px)


def block_digests(images: NDArray[np.uint8]) -> list[str]:
    """uint8 [N, H, W, C], C in {1, 3} -> sha256 in hex of the PNM file of each, none of which is put together."""
    begun = hashlib.sha256(pnm_header(*images.shape[1:]))
    digests = []
    for pixels in images.reshape(len(images), -1):
        digest = begun.copy()
        digest.update(pixels.data)
        digests.append(digest.hexdigest())
    return digests
