"""The measures of `measures`, of many small images of one shape at once: the same numbers in a tenth of the time."""

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from tasks.imaging.measures import (
    SHARPNESS_SIDE_PX,
    THUMBNAIL_SIDE_PX,
    finished_measures,
    pixel_sha256,
    thumbnail,
)

MAX_SIDE_PX = SHARPNESS_SIDE_PX
"""Up to here an image is measured as it is: neither halved nor shrunk."""
_MAX_OPENCV_CHANNELS = 512
_LEVELS = 256


def measure_block(images: np.ndarray) -> Mapping[str, Any]:
    """Upright uint8 [N, H, W, C], C in {1, 3}, sides up to MAX_SIDE_PX -> what `measures_of` gives of their samples."""
    grey = grey_block(images)
    return finished_measures(
        level_counts=_level_counts(grey),
        edges=_edges(grey),
        thumbnails=_thumbnails(grey),
        pixel_sha256s=[pixel_sha256(image) for image in images],
    )


def grey_block(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C], C in {1, 3} -> uint8 [N, H, W] by ITU-R BT.601 luma, which looks at single pixels only."""
    count, height, width, channels = images.shape
    if channels == 1:
        return images[:, :, :, 0]
    tall = cv2.cvtColor(images.reshape(count * height, width, channels), cv2.COLOR_RGB2GRAY)
    return tall.reshape(count, height, width)


def channel_sums_of_block(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, H, W, C] -> exact integer sums and sums of squares per image and channel, int64 [N, C] each.

    Sides up to MAX_SIDE_PX: so floats of 64 bits hold the squares' sums, and integers of 32 bits the others.
    """
    values = images.reshape(len(images), -1, images.shape[3]).astype(np.float64)
    return values.sum(axis=1).astype(np.int64), np.einsum("npc,npc->nc", values, values).astype(np.int64)


def _level_counts(grey: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W] -> pixels per level, int64 [N, 256]: one count of levels that differ from image to image."""
    count = len(grey)
    begins = np.arange(count, dtype=np.intp)[:, np.newaxis] * _LEVELS
    levels = grey.reshape(count, -1) + begins
    return np.bincount(levels.ravel(), minlength=count * _LEVELS).reshape(count, _LEVELS)


def _thumbnails(grey: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W] -> uint8 [N, 32, 32]; images that grow in both sides as the channels of one."""
    if max(grey.shape[1:]) > THUMBNAIL_SIDE_PX:
        return np.array([thumbnail(image) for image in grey], np.uint8)
    parts = [_turned_back(thumbnail(together)) for together in _as_channels(grey)]
    return np.concatenate(parts)


def _edges(grey: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W] -> exact sum, sum of squares and number of the Laplacian's values, float64 [N, 3]."""
    parts = []
    for together in _as_channels(grey):
        edges = cv2.Laplacian(together, cv2.CV_16S).reshape(-1, together.shape[2]).astype(np.float64)
        sizes = np.full(edges.shape[1], float(len(edges)))
        parts.append(np.stack([edges.sum(axis=0), np.einsum("pn,pn->n", edges, edges), sizes], axis=1))
    return np.concatenate(parts)


def _as_channels(grey: np.ndarray) -> Iterator[np.ndarray]:
    """uint8 [N, H, W] -> uint8 [H, W, n]: OpenCV does the same to every channel, and takes so many at once."""
    for first in range(0, len(grey), _MAX_OPENCV_CHANNELS):
        yield np.ascontiguousarray(grey[first : first + _MAX_OPENCV_CHANNELS].transpose(1, 2, 0))


def _turned_back(together: np.ndarray) -> np.ndarray:
    """[H, W, n], or [H, W] of one -> [n, H, W]."""
    return together.reshape(*together.shape[:2], -1).transpose(2, 0, 1)
