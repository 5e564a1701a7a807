"""Whether two thumbnails show the same picture as a whole: same frame, at most another size, quality or brightness."""

from functools import cache

import numpy as np

from tasks.imaging.measures import THUMBNAIL_SIDE_PX

PAIRS_AT_ONCE = 4096
# A flat image resembles every other flat image; only equality of all pixels says anything of it.
_MIN_DEVIATION_LEVELS = 2.0
# Copies may differ in contrast by this factor; it is taken out before thumbnails are compared.
MAX_GAIN = 1.25
_SKETCH_SIDE = 8
# Of sketches in 16-bit floats; two that differ by less may be of thumbnails that correlate as they must.
_SKETCH_ERROR = 2e-3


def is_textured(thumbnails: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Bool [M], for thumbnails at the rows `at`: whether grey levels differ enough for likeness to mean anything."""
    parts = [
        thumbnails[at[start : start + PAIRS_AT_ONCE]].std(axis=1, dtype=np.float32)
        for start in range(0, len(at), PAIRS_AT_ONCE)
    ]
    return np.concatenate([np.empty(0, np.float32), *parts]) >= _MIN_DEVIATION_LEVELS


def first_with_equal_thumbnail(thumbnails: np.ndarray, at: np.ndarray) -> np.ndarray:
    """int64 [M]: position in `at` of the first image with the same thumbnail."""
    keys = np.concatenate([np.empty(0, np.uint64), *_thumbnail_keys(thumbnails, at)])
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    same_key = first[which]
    for start in range(0, len(at), PAIRS_AT_ONCE):
        chunk = slice(start, start + PAIRS_AT_ONCE)
        equal = (thumbnails[at[chunk]] == thumbnails[at[same_key[chunk]]]).all(axis=1)
        same_key[chunk][~equal] = np.arange(start, start + len(equal))[~equal]  # another picture with the same key
    return same_key


def _thumbnail_keys(thumbnails: np.ndarray, at: np.ndarray) -> list[np.ndarray]:
    """Multiply-add hashes of whole thumbnails, uint64 [M] in parts."""
    factors = np.random.default_rng(0).integers(1, 2**64, THUMBNAIL_SIDE_PX**2 // 8, dtype=np.uint64) | np.uint64(1)
    parts = []
    for start in range(0, len(at), PAIRS_AT_ONCE):
        words = np.ascontiguousarray(thumbnails[at[start : start + PAIRS_AT_ONCE]]).view(np.uint64)
        parts.append((((words ^ (words >> np.uint64(31))) * factors) ^ (words >> np.uint64(17))).sum(axis=1))
    return parts


def sketches(thumbnails: np.ndarray, at: np.ndarray) -> np.ndarray:
    """float16 [M, 8, 8]: the thumbnails, scaled to mean 0 and length 1, in an orthonormal basis of blocks."""
    parts = [np.empty((0, _SKETCH_SIDE**2), np.float16)]
    for start in range(0, len(at), PAIRS_AT_ONCE):
        grey = thumbnails[at[start : start + PAIRS_AT_ONCE]].astype(np.float32)
        grey -= grey.mean(axis=1, keepdims=True)
        lengths = np.sqrt(np.einsum("mp,mp->m", grey, grey))
        parts.append((grey @ _blocks() / lengths[:, np.newaxis]).astype(np.float16))
    return np.concatenate(parts).reshape(-1, _SKETCH_SIDE, _SKETCH_SIDE)


@cache
def _blocks() -> np.ndarray:
    """float32 [1024, 64]: an orthonormal basis of pictures that are of one level in each of 8x8 blocks."""
    block = THUMBNAIL_SIDE_PX // _SKETCH_SIDE
    of_block = np.repeat(np.eye(_SKETCH_SIDE, dtype=np.float32), block, axis=0)
    return np.kron(of_block, of_block) / np.float32(block)


def may_correlate(left: np.ndarray, right: np.ndarray, mirrored: bool, min_correlation: float) -> np.ndarray:
    """Sketches [P, 8, 8] twice -> bool [P]: False only where the thumbnails cannot correlate so much."""
    if mirrored:
        right = right[:, :, ::-1]
    apart = left.astype(np.float32) - right
    return np.einsum("pij,pij->p", apart, apart) <= most_apart(min_correlation) ** 2


def most_apart(min_correlation: float) -> float:
    """How far apart the sketches, or any projection of them, of thumbnails may lie that correlate so much.

    Vectors of length 1 with correlation c lie sqrt(2 - 2c) apart, and no projection of them lies further.
    """
    return float(np.sqrt(2 * (1 - min_correlation))) + _SKETCH_ERROR


def brighter_in_the_middle(reduced: np.ndarray) -> np.ndarray:
    """Sketches [M, 8, 8] -> float32 [M]: a projection of them that is the same of an image and of its mirror image."""
    outer, middle = reduced[:, :, [0, 1, 6, 7]], reduced[:, :, 2:6]
    levels = middle.sum(axis=(1, 2), dtype=np.float32) - outer.sum(axis=(1, 2), dtype=np.float32)
    return levels / np.float32(_SKETCH_SIDE)


def are_alike(left: np.ndarray, right: np.ndarray, max_mean_difference: float, min_correlation: float) -> np.ndarray:
    """Thumbnails uint8 [P, 1024] twice -> bool [P]: whether they agree in all of the picture."""
    difference, correlation = compare(left, right)
    return (difference <= max_mean_difference) & (correlation >= min_correlation)


def compare(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[P, K] twice -> mean grey difference after alignment of brightness, and correlation, float [P]."""
    left, right = (
        side - side.mean(axis=1, keepdims=True) for side in (left.astype(np.float32), right.astype(np.float32))
    )
    deviation_left, deviation_right = (np.sqrt((side * side).mean(axis=1)) for side in (left, right))
    product = np.maximum(deviation_left * deviation_right, 1e-6)
    correlation = (left * right).mean(axis=1) / product
    gain = np.clip(deviation_left / np.maximum(deviation_right, 1e-6), 1 / MAX_GAIN, MAX_GAIN)
    return np.abs(left - right * gain[:, np.newaxis]).mean(axis=1), correlation


def mirror(thumbnails: np.ndarray) -> np.ndarray:
    """uint8 [P, 1024] -> the same, each mirrored left to right."""
    squares = thumbnails.reshape(-1, THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX)
    return np.ascontiguousarray(squares[:, :, ::-1]).reshape(len(thumbnails), -1)
