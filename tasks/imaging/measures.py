"""Numbers that describe one image: what curation decides on, without pixels.

All but the pixel hash are taken from one grey copy, at most 255 px long, so that they do not depend on how large the
image was decoded. A `sample` takes of an image what is left to work out, and `measures_of` works it out for many.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from xxhash import xxh3_128_digest

from tasks.imaging.verdicts import MinSides

THUMBNAIL_SIDE_PX = 32
SHARPNESS_SIDE_PX = 128
# What has to be left of an image that is measured.
MEASURED_SIDES = MinSides(longer_px=SHARPNESS_SIDE_PX)
_HASH_SIDE = 8
_LEVELS = np.arange(256)
_BIT_VALUES = np.uint64(1) << np.arange(_HASH_SIDE * _HASH_SIDE, dtype=np.uint64)
# Waves weaker than this are rounding noise: their sign would differ between copies of a flat image.
_SILENT_AMPLITUDE = 1.0
_WAVE_SCALE = 1 << 19
_QUICKER_IN_NUMPY = 2048


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one image: pixels per grey level [256], the Laplacian's sum, sum of squares and size, uint8 [32, 32], hex."""

    level_counts: np.ndarray
    edges: tuple[int, int, int]
    thumbnail: np.ndarray
    pixel_sha256: str


def measure(image: np.ndarray) -> dict[str, Any]:
    """Upright uint8 [H, W, C], C in {1, 3} -> the manifest's measure columns by name; see `measures_of`."""
    columns = measures_of([sample(image)])
    return {name: values[0].item() if isinstance(values, np.ndarray) else values[0] for name, values in columns.items()}


def sample(image: np.ndarray) -> Sample:
    """Upright uint8 [H, W, C], C in {1, 3} -> all that has to be taken from its pixels."""
    grey = _halved(_grey(image))
    return Sample(
        level_counts=_histogram(grey),
        edges=_edges(grey),
        thumbnail=thumbnail(grey),
        pixel_sha256=pixel_sha256(image),
    )


def measures_of(samples: Sequence[Sample]) -> Mapping[str, np.ndarray | list]:
    """N samples -> the manifest's measure columns by name, each of N values.

    mean, std, brightness_p05, brightness_p95: grey levels in [0, 255]; entropy_bits in [0, 8]; sharpness:
    variance of the Laplacian on a copy of at most 128 px a side; clipped_fraction: share of grey levels 0 and 255;
    phash, phash_mirror: uint64; pixel_sha256: hex; thumbnail: 1024 bytes, grey 32x32.
    """
    return finished_measures(
        level_counts=np.array([one.level_counts for one in samples]).reshape(-1, 256),
        edges=np.array([one.edges for one in samples], np.float64).reshape(-1, 3),
        thumbnails=np.array([one.thumbnail for one in samples], np.uint8),
        pixel_sha256s=[one.pixel_sha256 for one in samples],
    )


def finished_measures(
    level_counts: np.ndarray, edges: np.ndarray, thumbnails: np.ndarray, pixel_sha256s: list[str]
) -> Mapping[str, np.ndarray | list]:
    """What N samples hold, as int64 [N, 256], float64 [N, 3], uint8 [N, 32, 32] and N texts -> see `measures_of`."""
    thumbnails = thumbnails.reshape(-1, THUMBNAIL_SIDE_PX**2)
    phash, phash_mirror = perceptual_hashes(thumbnails)
    return {
        **_level_measures(level_counts),
        "sharpness": _variance(edges),
        "phash": phash,
        "phash_mirror": phash_mirror,
        "pixel_sha256": pixel_sha256s,
        "thumbnail": [one.tobytes() for one in thumbnails],
    }


def pixel_sha256(image: np.ndarray) -> str:
    """uint8 [H, W, C] -> sha256 in hex of the shape and of the XXH3-128 of the pixels, so that other shapes differ.

    Two images are told apart by 128 bits, at thirty times the speed of a sha256 of all pixels.
    """
    pixels = xxh3_128_digest(np.ascontiguousarray(image).data)
    return hashlib.sha256(repr(image.shape).encode() + pixels).hexdigest()


def channel_sums(image: np.ndarray) -> tuple[list[int], list[int]]:
    """uint8 [H, W, C] -> exact integer sums and sums of squares per channel."""
    planes = cv2.split(image) if image.shape[2] > 1 else (image,)
    squares = [round(cv2.norm(plane, cv2.NORM_L2SQR)) for plane in planes]
    return [int(value) for value in cv2.sumElems(image)[: len(planes)]], squares


def perceptual_hashes(thumbnails: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [N, 1024] -> uint64 [N] twice: signs of the 63 slowest waves of each, and of its mirror image.

    Mirroring negates the waves with an odd horizontal count, so that one transform gives both. Bit 0, the mean
    brightness, is always 0. The transform is of integers, held in floats that have room for them: so the same bits
    come out on every machine and for every N.
    """
    by_column = thumbnails.reshape(-1, THUMBNAIL_SIDE_PX).astype(np.float64) @ _WAVES.T
    by_column = by_column.reshape(-1, THUMBNAIL_SIDE_PX, _HASH_SIDE).transpose(0, 2, 1)
    by_both = (by_column.reshape(-1, THUMBNAIL_SIDE_PX) @ _WAVES.T).reshape(-1, _HASH_SIDE, _HASH_SIDE)
    waves = np.ascontiguousarray(by_both.transpose(0, 2, 1))
    waves[:, 0, 0] = 0
    hashes = _signs(waves)
    waves[:, :, 1::2] *= -1
    return hashes, _signs(waves)


def _slow_waves() -> np.ndarray:
    """Integers in float64 [8, 32]: the slowest waves of the cosine transform, orthonormal but for their scale."""
    wave, place = np.arange(_HASH_SIDE)[:, np.newaxis], np.arange(THUMBNAIL_SIDE_PX)
    waves = np.cos(np.pi * (2 * place + 1) * wave / (2 * THUMBNAIL_SIDE_PX)) * np.sqrt(2 / THUMBNAIL_SIDE_PX)
    waves[0] *= np.sqrt(0.5)
    return np.rint(waves * _WAVE_SCALE)


_WAVES = _slow_waves()


def _signs(waves: np.ndarray) -> np.ndarray:
    """float64 [N, 8, 8] -> uint64 [N]."""
    is_set = waves.reshape(-1, _HASH_SIDE * _HASH_SIDE) > _SILENT_AMPLITUDE * _WAVE_SCALE**2
    return np.where(is_set, _BIT_VALUES, np.uint64(0)).sum(axis=1, dtype=np.uint64)


def _grey(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W] by ITU-R BT.601 luma."""
    if image.shape[2] == 1:
        return np.ascontiguousarray(image[:, :, 0])
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _halved(grey: np.ndarray) -> np.ndarray:
    """The image, halved by area as often as leaves the longer side 128 px or more.

    This is what decoding a JPEG at 1/2, 1/4 or 1/8 makes of it, too. What does not fill a pixel is cut from both edges
    alike, so that an image and its mirror image stay such.
    """
    times = min((max(grey.shape) // SHARPNESS_SIDE_PX).bit_length(), min(grey.shape).bit_length()) - 1
    if times < 1:
        return grey
    height, width = (side >> times << times for side in grey.shape)
    top, left = (grey.shape[0] - height) // 2, (grey.shape[1] - width) // 2
    grey = grey[top : top + height, left : left + width]
    for _ in range(times):
        grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return grey


def _histogram(grey: np.ndarray) -> np.ndarray:
    """uint8 [H, W] of at most 2**24 pixels, which OpenCV counts in 32-bit floats -> pixels per level, int64 [256]."""
    if grey.size <= _QUICKER_IN_NUMPY:
        return np.bincount(grey.ravel(), minlength=256)
    return cv2.calcHist([grey], [0], None, [256], [0, 256])[:, 0].astype(np.int64)


def _level_measures(counts: np.ndarray) -> dict[str, np.ndarray]:
    """int64 [N, 256] -> what follows from the numbers of pixels per level."""
    sizes = counts.sum(axis=1)
    sums, squares = counts @ _LEVELS, counts @ (_LEVELS * _LEVELS)
    cumulative = counts.cumsum(axis=1)
    shares = counts / sizes[:, np.newaxis]
    bits = np.log2(shares, out=np.zeros_like(shares), where=counts > 0)
    return {
        "mean": sums / sizes,
        # Of integers, and one of them large: in floats, the difference would lose its digits.
        "std": np.sqrt(squares * sizes - sums * sums) / sizes,
        "entropy_bits": np.abs((shares * bits).sum(axis=1)),
        "brightness_p05": _level_of_rank(cumulative, 0.05 * sizes),
        "brightness_p95": _level_of_rank(cumulative, 0.95 * sizes),
        "clipped_fraction": shares[:, 0] + shares[:, 255],
    }


def _level_of_rank(cumulative: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The lowest level up to which there are so many pixels, float64 [N]."""
    return (cumulative < ranks[:, np.newaxis]).sum(axis=1).astype(np.float64)


def _edges(grey: np.ndarray) -> tuple[int, int, int]:
    """Exact sum, sum of squares and number of the Laplacian's values, on a copy of at most 128 px a side."""
    edges = cv2.Laplacian(_of_sharpness_size(grey), cv2.CV_16S)
    return int(cv2.sumElems(edges)[0]), round(cv2.norm(edges, cv2.NORM_L2SQR)), edges.size


def _of_sharpness_size(grey: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    scale = SHARPNESS_SIDE_PX / max(height, width)
    if scale >= 1:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR)


def _variance(edges: np.ndarray) -> np.ndarray:
    sums, squares, sizes = edges.T
    return squares / sizes - (sums / sizes) ** 2


def thumbnail(grey: np.ndarray) -> np.ndarray:
    """uint8 [H, W] -> uint8 [32, 32], stretched; by area where a side shrinks, linear where both grow."""
    grows = max(grey.shape[:2]) <= THUMBNAIL_SIDE_PX
    interpolation = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    return cv2.resize(grey, (THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX), interpolation=interpolation)
