"""The search for near copies: a thin loop over independent parts, here or in Dask workers, with one result.

A part is one choice of bands of the hash join. It takes the hashes whole and thumbnails as it needs them, so that
memory is the hashes (16 bytes an image, 13 times that where cuts are looked for) and what one portion holds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tasks.imaging.near_duplicates.edits import VIEWS, are_edits, view_hashes
from tasks.imaging.near_duplicates.hash_join import Counts, Join, close_pairs, plan, spread
from tasks.imaging.near_duplicates.likeness import (
    PAIRS_AT_ONCE,
    are_alike,
    brighter_in_the_middle,
    may_correlate,
    mirror,
    most_apart,
    sketches,
)

# Above so many images, cuts are proposed within a smaller radius: their views are 12 times as many hashes.
LARGE_IMAGES = 200_000
LARGE_RADIUS_BITS = 6
PROPOSALS_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How alike is alike; see `DuplicateSettings`."""

    radius_bits: int
    max_mean_difference: float
    min_correlation: float
    edit_radius_bits: int
    max_edited_difference: float
    max_marked_difference: float


@dataclass(frozen=True, slots=True)
class Images:
    """What is searched: `at` are rows of `thumbnails` uint8 [N, 1024], in order; the rest belongs to them, [M]."""

    at: np.ndarray
    phash: np.ndarray
    phash_mirror: np.ndarray
    thumbnails: np.ndarray

    def of(self, chosen: np.ndarray) -> "Images":
        """Some of them."""
        return Images(self.at[chosen], self.phash[chosen], self.phash_mirror[chosen], self.thumbnails)


@dataclass(frozen=True, slots=True)
class Found:
    """Pairs int64 [P, 2] of positions in `Images`, i < j, and what it took."""

    pairs: np.ndarray
    counts: Counts


Part = Callable[[Images, Limits, Join, np.ndarray, Sequence[int]], Found]
Spread = Callable[[Part, Images, Limits, Join, np.ndarray], list[Found]]


def here(part: Part, images: Images, limits: Limits, join: Join, known: np.ndarray) -> list[Found]:
    """All choices of bands, one after the other, in this process."""
    return [part(images, limits, join, known, range(len(join.choices)))]


def find_alike(images: Images, limits: Limits, run: Spread = here) -> Found:
    """Pairs of images that are the same as a whole."""
    join = plan(limits.radius_bits, len(images.at), len(images.at))  # each half of its own set and of the mirrored one
    return _together(run(alike_in_choices, images, limits, join, np.empty(0, np.int64)))


def find_edits(images: Images, limits: Limits, known: np.ndarray, run: Spread = here) -> Found:
    """Pairs of which one is a cut, turned or marked copy of the other, besides the known pairs int64 [K, 2]."""
    join = plan(limits.edit_radius_bits, len(VIEWS) * len(images.at), 2 * len(images.at))
    return _together(run(edits_in_choices, images, limits, join, _pair_keys(known, len(images.at))))


def alike_in_choices(images: Images, limits: Limits, join: Join, _known: np.ndarray, numbers: Sequence[int]) -> Found:
    """What these choices of bands bring together, confirmed.

    Images are laid out by a projection of their sketches: what lies too far apart in it is not even compared.
    """
    reduced = sketches(images.thumbnails, images.at)
    levels = brighter_in_the_middle(reduced)
    order = np.argsort(levels, kind="stable")
    reduced, levels = reduced[order], levels[order].astype(np.float64)
    reach = most_apart(limits.min_correlation)
    first, after = np.searchsorted(levels, levels - reach), np.searchsorted(levels, levels + reach, side="right")
    codes, mirrored_codes = spread(images.phash[order]), spread(images.phash_mirror[order])
    counts, found = Counts(), [np.empty((0, 2), np.int64)]

    def confirm(mirrored: bool, query: np.ndarray, target: np.ndarray) -> None:
        if mirrored:  # every pair comes from both sides
            once = order[query] < order[target]
            query, target = query[once], target[once]
        hopeful = [
            may_correlate(reduced[query[some]], reduced[target[some]], mirrored, limits.min_correlation)
            for some in _parts(len(query))
        ]
        pairs = np.stack([query, target], axis=1)[np.concatenate([np.empty(0, bool), *hopeful])]
        pairs = np.sort(order[pairs], axis=1)
        for some in _parts(len(pairs)):
            one, other = (images.thumbnails[images.at[side]] for side in pairs[some].T)
            other = mirror(other) if mirrored else other
            found.append(pairs[some][are_alike(one, other, limits.max_mean_difference, limits.min_correlation)])

    following = np.arange(1, len(order) + 1)
    for number in numbers:
        close_pairs(join, number, codes, codes, partial(confirm, False), counts, (following, after))
        close_pairs(join, number, codes, mirrored_codes, partial(confirm, True), counts, (first, after))
    return Found(_unique(found), counts)


def edits_in_choices(images: Images, limits: Limits, join: Join, known: np.ndarray, numbers: Sequence[int]) -> Found:
    """What these choices of bands bring together in any of the views, confirmed; `known`: sorted keys of pairs."""
    views = spread(view_hashes(images.thumbnails, images.at).ravel())
    targets = spread(np.concatenate([images.phash, images.phash_mirror]))
    counts, edits = Counts(), _Edits(images, limits, known)
    for number in numbers:
        close_pairs(join, number, views, targets, edits.propose, counts)
    edits.confirm()
    keys = edits.keys[~_is_in(edits.keys, known)]
    return Found(np.stack(np.divmod(keys, max(1, len(images.at))), axis=1), counts)


class _Edits:
    """Collects proposals of any view, and confirms them view by view, many at a time."""

    def __init__(self, images: Images, limits: Limits, known: np.ndarray) -> None:
        self.keys = known  # of the pairs that need no more looking at, sorted
        self._images = images
        self._limits = limits
        self._waiting: list[np.ndarray] = []
        self._waiting_count = 0

    def propose(self, query: np.ndarray, target: np.ndarray) -> None:
        """Take positions among the hashes of all views, and among hashes followed by mirror hashes."""
        count = len(self._images.at)
        view, left = np.divmod(query, count)
        mirrored, right = np.divmod(target, count)
        differ = left != right
        self._waiting.append(np.stack([2 * view + mirrored, left, right])[:, differ])
        self._waiting_count += int(differ.sum())
        if self._waiting_count >= PROPOSALS_AT_ONCE:
            self.confirm()

    def confirm(self) -> None:
        """Look at the thumbnails of what waits."""
        if not self._waiting:
            return
        proposals = np.concatenate(self._waiting, axis=1)
        self._waiting, self._waiting_count = [], 0
        for way in np.unique(proposals[0]).tolist():
            self._confirm_way(*divmod(way, 2), *proposals[1:, proposals[0] == way])

    def _confirm_way(self, view: int, mirrored: int, left: np.ndarray, right: np.ndarray) -> None:
        """One view, mirrored or not."""
        keys = np.minimum(left, right).astype(np.int64) * len(self._images.at) + np.maximum(left, right)
        new = ~_is_in(keys, self.keys)
        left, right, keys = left[new], right[new], keys[new]
        confirmed = [self.keys]
        for start in range(0, len(left), PAIRS_AT_ONCE):
            chunk = slice(start, start + PAIRS_AT_ONCE)
            one, other = (self._images.thumbnails[self._images.at[side[chunk]]] for side in (left, right))
            limits = (self._limits.max_edited_difference, self._limits.max_marked_difference)
            confirmed.append(keys[chunk][are_edits(one, other, view, bool(mirrored), *limits)])
        if any(map(len, confirmed[1:])):
            self.keys = np.unique(np.concatenate(confirmed))


def _parts(count: int) -> Iterator[slice]:
    """So many pairs, as many at a time as fit into a processor's cache."""
    return (slice(start, start + PAIRS_AT_ONCE) for start in range(0, count, PAIRS_AT_ONCE))


def _together(parts: list[Found]) -> Found:
    counts = Counts()
    for part in parts:
        counts.add(part.counts)
    return Found(_unique([part.pairs for part in parts]), counts)


def _unique(pairs: list[np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([np.empty((0, 2), np.int64), *pairs]), axis=0)


def _pair_keys(pairs: np.ndarray, count: int) -> np.ndarray:
    """One number per pair i < j, sorted."""
    return np.sort(pairs[:, 0] * count + pairs[:, 1])


def _is_in(keys: np.ndarray, known: np.ndarray) -> np.ndarray:
    if not len(known):
        return np.zeros(len(keys), bool)
    return known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys
