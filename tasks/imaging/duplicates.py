"""Near-duplicates: perceptual hashes propose pairs, thumbnails confirm them.

Hashes alone join different things on like backgrounds; thumbnails alone would need every pair of images.
"""

import hashlib
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.measures import THUMBNAIL_SIDE_PX

RADIUS_BITS = 8
MAX_MEAN_DIFFERENCE = 3.0
MIN_CORRELATION = 0.99

_HASH_BITS = 64
# A flat image resembles every other flat image; only equality of all pixels says anything of it.
_MIN_DEVIATION_LEVELS = 2.0
# Copies may differ in contrast by this factor; it is taken out before thumbnails are compared.
_MAX_GAIN = 1.25
_PAIRS_AT_ONCE = 4096
# Upper limit of proposals from one sort, so that a set of look-alikes ends in time as well.
_PROPOSALS_PER_KEY = 200_000_000
_MIN_NEIGHBOURS = 64
# And of proposals that the hashes themselves confirm.
_NEAR_PER_KEY = 1_000_000
_NEAR_PER_CODE = 32
_SKETCH_SIDE = 4


class DuplicateSettings(BaseModel):
    """How alike two images must be to count as copies of one another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    radius_bits: int = Field(
        RADIUS_BITS, description="Perceptual hashes may differ in so many of 63 bits.", ge=0, le=15
    )
    max_mean_difference: float = Field(
        MAX_MEAN_DIFFERENCE, description="Mean grey difference of 32x32 thumbnails, brightness aligned.", ge=0, le=255
    )
    min_correlation: float = Field(MIN_CORRELATION, description="Lowest correlation of the thumbnails.", ge=-1, le=1)


def near_pairs(
    phash: np.ndarray,
    phash_mirror: np.ndarray,
    thumbnails: np.ndarray,
    radius_bits: int = RADIUS_BITS,
    max_mean_difference: float = MAX_MEAN_DIFFERENCE,
    min_correlation: float = MIN_CORRELATION,
) -> np.ndarray:
    """phash, phash_mirror uint64 [N], thumbnails uint8 [N, 1024] -> int64 [P, 2], i < j, sorted, no pair twice.

    Mirror images are found too. Of images with equal thumbnails each is paired with the first of them, and with
    the first of every other such set that it resembles, so that a thousand copies do not give a million pairs.
    Flat images are in no pair. Memory grows with N plus a constant.
    """
    first_of = _first_with_equal_thumbnail(thumbnails)
    textured = _is_textured(thumbnails)
    copies = np.flatnonzero((first_of != np.arange(len(thumbnails))) & textured)
    distinct = np.flatnonzero((first_of == np.arange(len(thumbnails))) & textured)
    found = [np.empty((0, 2), np.int64), np.stack([first_of[copies], copies], axis=1)]
    sketches = _sketches(thumbnails, distinct)
    codes = np.concatenate([phash[distinct], phash_mirror[distinct]]).astype(np.uint64)
    masks = _masks(radius_bits, _agreeing_bands(len(codes)))
    for left, right in _close_codes(codes, radius_bits, masks):
        pairs, mirrored = _as_pairs(left, right, len(distinct))
        hopeful = _may_correlate(sketches, pairs, mirrored, min_correlation)
        pairs, mirrored = pairs[hopeful], mirrored[hopeful]
        matching = _matches(thumbnails, distinct[pairs], mirrored, max_mean_difference, min_correlation)
        found.append(distinct[pairs[matching]])
    pairs = np.concatenate(found)
    return np.unique(np.sort(np.concatenate([pairs, _pairs_of_copies(pairs, first_of, copies)]), axis=1), axis=0)


def groups(n: int, pairs: np.ndarray) -> np.ndarray:
    """Pairs int64 [P, 2] of n images -> int64 [N]: the lowest index in the image's group, its own where alone.

    The best connected image gathers all that it is paired with, then the next one of those left; so every member
    is paired with one and the same member, and a chain of small steps never joins what differs.
    """
    neighbours: dict[int, set[int]] = {}
    for left, right in pairs.tolist():
        neighbours.setdefault(left, set()).add(right)
        neighbours.setdefault(right, set()).add(left)
    group = np.arange(n, dtype=np.int64)
    done: set[int] = set()
    for index in sorted(neighbours, key=lambda index: (-len(neighbours[index]), index)):
        if index not in done:
            members = {index} | (neighbours[index] - done)
            group[list(members)] = min(members)
            done |= members
    return group


def _first_with_equal_thumbnail(thumbnails: np.ndarray) -> np.ndarray:
    """int64 [N]: index of the first image with the same thumbnail."""
    first: dict[bytes, int] = {}
    digests = (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in thumbnails)
    return np.fromiter((first.setdefault(digest, index) for index, digest in enumerate(digests)), np.int64)


def _is_textured(thumbnails: np.ndarray) -> np.ndarray:
    """Bool [N]: whether the grey levels differ enough for likeness to mean anything."""
    parts = [
        thumbnails[start : start + _PAIRS_AT_ONCE].std(axis=1, dtype=np.float32)
        for start in range(0, len(thumbnails), _PAIRS_AT_ONCE)
    ]
    return np.concatenate([np.empty(0, np.float32), *parts]) >= _MIN_DEVIATION_LEVELS


def _pairs_of_copies(pairs: np.ndarray, first_of: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """For each pair of firsts, the copies of one beside the other first."""
    members: dict[int, list[int]] = {}
    for copy in copies.tolist():
        members.setdefault(int(first_of[copy]), []).append(copy)
    extra = [
        (copy, other)
        for left, right in pairs.tolist()
        for first, other in ((left, right), (right, left))
        if first_of[other] == other
        for copy in members.get(first, ())
        if copy != other
    ]
    return np.array(extra, np.int64).reshape(-1, 2)


def _close_codes(
    codes: np.ndarray, radius_bits: int, masks: list[np.uint64]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of all pairs of codes within the radius, in portions, no pair twice.

    With `radius + k` bands of bits, two codes within the radius agree in at least k whole bands, so that sorting by
    each choice of k bands brings them together. More bands: more sorts, but ever fewer strangers side by side.
    Multi-index hashing, arXiv:1307.2982.
    """
    for number, mask in enumerate(masks):
        keys = codes & mask
        order = np.lexsort((codes, keys))
        budget = max(_NEAR_PER_KEY, _NEAR_PER_CODE * len(codes))
        for one, other in _neighbours(keys[order]):
            near = _within(codes, order[one], order[other], radius_bits)
            budget -= len(near[0])
            left, right = _unseen(codes, *near, masks[:number])
            if len(left):
                yield left, right
            if budget < 0:
                break


def _within(codes: np.ndarray, left: np.ndarray, right: np.ndarray, radius_bits: int) -> tuple[np.ndarray, np.ndarray]:
    near = np.bitwise_count(codes[left] ^ codes[right]) <= radius_bits
    return left[near], right[near]


def _unseen(
    codes: np.ndarray, left: np.ndarray, right: np.ndarray, earlier: list[np.uint64]
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that no earlier sort has brought together."""
    differing = codes[left] ^ codes[right]
    new = np.ones(len(left), bool)
    for mask in earlier:
        new &= (differing & mask) != 0
    return left[new], right[new]


def _agreeing_bands(count: int) -> int:
    """How many bands to sort by at a time: few sorts for few codes, small buckets for many."""
    return 1 if count < 20_000 else 2 if count < 300_000 else 3


def _masks(radius_bits: int, agreeing: int) -> list[np.uint64]:
    """One mask of bits per choice of bands. Bands take turns with the bits: slow waves vary least."""
    bands = radius_bits + agreeing
    values = [sum(1 << bit for bit in range(band, _HASH_BITS, bands)) for band in range(bands)]
    return [np.uint64(sum(choice)) for choice in combinations(values, agreeing)]


def _neighbours(keys: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sorted keys [N] -> positions of all pairs with equal keys, at most N at a time.

    In buckets above the limit, only codes that are near one another in the order of whole codes are paired.
    """
    limit = max(_MIN_NEIGHBOURS, _PROPOSALS_PER_KEY // max(len(keys), 1))
    ends = np.searchsorted(keys, keys, side="right")
    positions = np.arange(len(keys))
    for distance in range(1, limit + 1):
        positions = positions[ends[positions] - positions > distance]
        if not len(positions):
            return
        yield positions, positions + distance


def _as_pairs(left: np.ndarray, right: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions among codes followed by mirrored codes -> pairs [P, 2] i < j, and bool [P] which are mirrored.

    Each likeness shows twice: both mirrored says what neither says, and (i, mirrored j) what (j, mirrored i) says.
    """
    low, high = np.minimum(left, right), np.maximum(left, right)
    mirrored = high >= count
    wanted = (low < count) & (~mirrored | (low < high - count))
    low, high, mirrored = low[wanted], high[wanted], mirrored[wanted]
    return np.stack([low, np.where(mirrored, high - count, high)], axis=1), mirrored


def _sketches(thumbnails: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """float32 [M, 4, 4]: the chosen thumbnails, scaled to mean 0 and length 1, in an orthonormal basis of blocks."""
    block = THUMBNAIL_SIDE_PX // _SKETCH_SIDE
    parts = [np.empty((0, _SKETCH_SIDE, _SKETCH_SIDE), np.float32)]
    for start in range(0, len(chosen), _PAIRS_AT_ONCE):
        grey = thumbnails[chosen[start : start + _PAIRS_AT_ONCE]].astype(np.float32)
        grey -= grey.mean(axis=1, keepdims=True)
        grey /= np.sqrt((grey * grey).sum(axis=1, keepdims=True))
        blocks = grey.reshape(-1, _SKETCH_SIDE, block, _SKETCH_SIDE, block)
        parts.append(blocks.sum(axis=(2, 4)) / block)
    return np.concatenate(parts)


def _may_correlate(sketches: np.ndarray, pairs: np.ndarray, mirrored: np.ndarray, min_correlation: float) -> np.ndarray:
    """Bool [P]: False only where the thumbnails cannot correlate so much.

    Vectors of length 1 with correlation c lie sqrt(2 - 2c) apart, and no projection of them lies further.
    """
    left, right = sketches[pairs[:, 0]], sketches[pairs[:, 1]]
    right[mirrored] = right[mirrored, :, ::-1]
    squared = ((left - right) ** 2).sum(axis=(1, 2))
    return squared <= 2 * (1 - min_correlation) + 1e-5


def _matches(
    thumbnails: np.ndarray, pairs: np.ndarray, mirrored: np.ndarray, max_mean_difference: float, min_correlation: float
) -> np.ndarray:
    """Bool [P]: whether the thumbnails of each pair agree."""
    parts = [np.empty(0, bool)]
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        chunk = slice(start, start + _PAIRS_AT_ONCE)
        left = thumbnails[pairs[chunk, 0]]
        right = _mirrored_where(thumbnails[pairs[chunk, 1]], mirrored[chunk])
        difference, correlation = _compare(left, right)
        parts.append((difference <= max_mean_difference) & (correlation >= min_correlation))
    return np.concatenate(parts)


def _mirrored_where(thumbnails: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    squares = thumbnails.reshape(-1, THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX).copy()
    squares[mirrored] = squares[mirrored, :, ::-1]
    return squares.reshape(len(thumbnails), -1)


def _compare(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [P, 1024] twice -> mean grey difference after alignment of brightness, and correlation, float [P]."""
    left, right = (
        side - side.mean(axis=1, keepdims=True) for side in (left.astype(np.float32), right.astype(np.float32))
    )
    deviation_left, deviation_right = (np.sqrt((side * side).mean(axis=1)) for side in (left, right))
    product = np.maximum(deviation_left * deviation_right, 1e-6)
    correlation = (left * right).mean(axis=1) / product
    gain = np.clip(deviation_left / np.maximum(deviation_right, 1e-6), 1 / _MAX_GAIN, _MAX_GAIN)
    return np.abs(left - right * gain[:, np.newaxis]).mean(axis=1), correlation
