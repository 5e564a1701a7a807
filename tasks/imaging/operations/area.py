"""Shrinking by area: each pixel of the result is the mean of what it covers."""

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Above it, the float copy of the image costs more memory, and in the end more time, than OpenCV's pass over its rows.
_MOST_NUMBERS = 2_000_000
_SMALL_RESULT = 1_024


def shrink_by_area(image: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [height_px, width_px, C]; neither side may grow.

    What OpenCV's INTER_AREA gives, but for a level where a mean lies between two. As two products with sparse matrices
    it takes a third of the time: OpenCV goes over each row number by number where the ratio is no whole number.
    """
    height, width, channels = image.shape
    whole_ratio = height % height_px == 0 and width % width_px == 0
    if whole_ratio or image.size > _MOST_NUMBERS or width_px * height_px <= _SMALL_RESULT:
        result = cv2.resize(np.ascontiguousarray(image), (width_px, height_px), interpolation=cv2.INTER_AREA)
        return result.reshape(height_px, width_px, channels)
    rows = _means(height, height_px) @ image.astype(np.float32, order="C").reshape(height, width * channels)
    columns = _turned(rows.reshape(height_px, width, channels)).reshape(width, height_px * channels)
    levels = cv2.convertScaleAbs(_means(width, width_px) @ columns)
    return _turned(levels.reshape(width_px, height_px, channels))


def _turned(image: np.ndarray) -> np.ndarray:
    """[H, W, C] -> [W, H, C]."""
    return cv2.transpose(image).reshape(image.shape[1], image.shape[0], image.shape[2])


@lru_cache(maxsize=256)
def _means(count: int, wanted: int) -> "csr_array":
    """float32 [wanted, count], sparse: each row takes the mean of an equal share of `count` places."""
    from scipy.sparse import csr_array  # takes longer to import than small images to shrink

    edges = np.arange(wanted + 1) * count / wanted
    places = np.arange(count)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return csr_array((np.clip(overlap, 0, None) * (wanted / count)).astype(np.float32))
