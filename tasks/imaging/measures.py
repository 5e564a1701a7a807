"""Numbers that describe one image: what curation decides on, without pixels."""

import hashlib
from typing import Any

import cv2
import numpy as np

THUMBNAIL_SIDE_PX = 32
_HASH_SIDE = 8
_MEASURE_SIDE_PX = 256
_LEVELS = np.arange(256, dtype=np.float64)
_MIRRORED_SIGNS = np.where(np.arange(_HASH_SIDE) % 2 == 0, 1.0, -1.0)
_BIT_VALUES = np.uint64(1) << np.arange(_HASH_SIDE * _HASH_SIDE, dtype=np.uint64)
# Waves weaker than this are rounding noise: their sign would differ between copies of a flat image.
_SILENT_AMPLITUDE = 1.0
# OpenCV counts in 32-bit floats.
_EXACT_COUNT = 1 << 24


def measure(image: np.ndarray) -> dict[str, Any]:
    """Upright uint8 [H, W, C], C in {1, 3} -> the manifest's measure columns by name.

    mean, std, brightness_p05, brightness_p95: grey levels in [0, 255]; entropy_bits in [0, 8]; sharpness:
    variance of the Laplacian on a copy of at most 256 px a side; clipped_fraction: share of grey levels 0 and 255;
    phash, phash_mirror: int in [0, 2**64); pixel_sha256: hex; thumbnail: 1024 bytes, grey 32x32.
    """
    grey = _grey(image)
    reduced = _reduced(grey)
    thumbnail = _thumbnail(reduced)
    phash, phash_mirror = _perceptual_hashes(thumbnail)
    return {
        **_histogram_measures(grey),
        "sharpness": _sharpness(reduced),
        "phash": phash,
        "phash_mirror": phash_mirror,
        "pixel_sha256": pixel_sha256(image),
        "thumbnail": thumbnail.tobytes(),
    }


def pixel_sha256(image: np.ndarray) -> str:
    """uint8 [H, W, C] -> sha256 in hex of the shape and the pixels, so that equal bytes of other shape differ."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def channel_sums(image: np.ndarray) -> tuple[list[int], list[int]]:
    """uint8 [H, W, C] -> exact integer sums and sums of squares per channel."""
    sums, squares = [], []
    levels = np.arange(256, dtype=np.int64)
    for channel in range(image.shape[2]):
        counts = _histogram(image, channel)
        sums.append(int(counts @ levels))
        squares.append(int(counts @ (levels * levels)))
    return sums, squares


def _grey(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W] by ITU-R BT.601 luma."""
    if image.shape[2] == 1:
        return np.ascontiguousarray(image[:, :, 0])
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _histogram(image: np.ndarray, channel: int = 0) -> np.ndarray:
    """uint8 [H, W] or [H, W, C] -> pixels per level, int64 [256]."""
    pixels = np.ascontiguousarray(image).reshape(1, -1, image.shape[2] if image.ndim == 3 else 1)
    counts = np.zeros(256, np.int64)
    for start in range(0, pixels.shape[1], _EXACT_COUNT):
        strip = pixels[:, start : start + _EXACT_COUNT]
        counts += cv2.calcHist([strip], [channel], None, [256], [0, 256])[:, 0].astype(np.int64)
    return counts


def _histogram_measures(grey: np.ndarray) -> dict[str, float]:
    counts = _histogram(grey)
    shares = counts / grey.size
    mean = float(shares @ _LEVELS)
    cumulative = np.cumsum(counts)
    used = shares[shares > 0]
    return {
        "mean": mean,
        "std": float(np.sqrt(shares @ (_LEVELS - mean) ** 2)),
        "entropy_bits": abs(float(used @ np.log2(used))),
        "brightness_p05": float(np.searchsorted(cumulative, 0.05 * grey.size)),
        "brightness_p95": float(np.searchsorted(cumulative, 0.95 * grey.size)),
        "clipped_fraction": float(shares[0] + shares[255]),
    }


def _reduced(grey: np.ndarray) -> np.ndarray:
    """The image itself, or a copy with a longer side of 256 px: halved by area, then linear.

    Halving is some ten times faster than shrinking by area in one step. It may drop the last row or column.
    """
    while max(grey.shape) >= 2 * _MEASURE_SIDE_PX and min(grey.shape) >= 2:
        size = (grey.shape[1] // 2, grey.shape[0] // 2)
        grey = cv2.resize(grey[: 2 * size[1], : 2 * size[0]], size, interpolation=cv2.INTER_AREA)
    height, width = grey.shape
    scale = _MEASURE_SIDE_PX / max(height, width)
    if scale >= 1:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)


def _sharpness(grey: np.ndarray) -> float:
    """Variance of the Laplacian, from exact sums."""
    edges = cv2.Laplacian(grey, cv2.CV_16S)
    mean = cv2.sumElems(edges)[0] / edges.size
    return cv2.norm(edges, cv2.NORM_L2SQR) / edges.size - mean * mean


def _thumbnail(grey: np.ndarray) -> np.ndarray:
    """uint8 [H, W] -> uint8 [32, 32], stretched; by area where a side shrinks, linear where both grow."""
    grows = max(grey.shape) <= THUMBNAIL_SIDE_PX
    interpolation = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    return cv2.resize(grey, (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX), interpolation=interpolation)


def _perceptual_hashes(thumbnail: np.ndarray) -> tuple[int, int]:
    """Signs of the 63 slowest waves of the thumbnail, and of its mirror image.

    Mirroring negates the waves with an odd horizontal count, so that one transform gives both. Bit 0, the mean
    brightness, is always 0.
    """
    waves = cv2.dct(thumbnail.astype(np.float32))[:_HASH_SIDE, :_HASH_SIDE].copy()
    waves[0, 0] = 0
    return _signs(waves), _signs(waves * _MIRRORED_SIGNS)


def _signs(waves: np.ndarray) -> int:
    return int(_BIT_VALUES[waves.ravel() > _SILENT_AMPLITUDE].sum(dtype=np.uint64))
