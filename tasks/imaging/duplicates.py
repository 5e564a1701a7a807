"""Near-duplicates: perceptual hashes propose pairs, thumbnails confirm them.

Hashes alone join different things on like backgrounds; thumbnails alone would need every pair of images.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.near_duplicates.hash_join import Counts
from tasks.imaging.near_duplicates.likeness import first_with_equal_thumbnail, is_textured
from tasks.imaging.near_duplicates.search import (
    LARGE_IMAGES,
    LARGE_RADIUS_BITS,
    Images,
    Limits,
    Spread,
    find_alike,
    find_edits,
    here,
)

RADIUS_BITS = 8
MAX_MEAN_DIFFERENCE = 3.0
MIN_CORRELATION = 0.99


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
    find_edited: bool = Field(True, description="Look for cut, slightly turned and marked copies too.")
    min_edited_side_px: int = Field(
        64, ge=32, description="Edited copies are looked for among images with at least such a shorter side."
    )
    max_edited_difference: float = Field(
        2.0,
        ge=0,
        le=255,
        description="Mean grey difference of smoothed thumbnails after alignment of cut or turned copies.",
    )
    max_marked_difference: float = Field(
        3.0, ge=0, le=255, description="Grey difference that 70 % of textured thumbnail pixels of a marked copy keep."
    )

    def limits(self, images: int) -> Limits:
        """What the search goes by among so many images."""
        edit_radius_bits = self.radius_bits if images <= LARGE_IMAGES else min(self.radius_bits, LARGE_RADIUS_BITS)
        return Limits(
            self.radius_bits,
            self.max_mean_difference,
            self.min_correlation,
            edit_radius_bits,
            self.max_edited_difference,
            self.max_marked_difference,
        )


@dataclass(frozen=True, slots=True)
class NearCopies:
    """Pairs int64 [P, 2] of rows, i < j, sorted, no pair twice, and numbers that say what the search did."""

    pairs: np.ndarray
    numbers: dict[str, int]


def near_pairs(
    phash: np.ndarray,
    phash_mirror: np.ndarray,
    thumbnails: np.ndarray,
    radius_bits: int = RADIUS_BITS,
    max_mean_difference: float = MAX_MEAN_DIFFERENCE,
    min_correlation: float = MIN_CORRELATION,
) -> np.ndarray:
    """Pairs of `near_copies`, without a search for edited copies."""
    settings = DuplicateSettings(
        radius_bits=radius_bits,
        max_mean_difference=max_mean_difference,
        min_correlation=min_correlation,
        find_edited=False,
    )
    rows = np.arange(len(phash))
    return near_copies(rows, phash, phash_mirror, thumbnails, np.zeros(len(rows), np.int64), settings).pairs


def near_copies(
    at: np.ndarray,
    phash: np.ndarray,
    phash_mirror: np.ndarray,
    thumbnails: np.ndarray,
    short_side_px: np.ndarray,
    settings: DuplicateSettings,
    run: Spread = here,
) -> NearCopies:
    """`at` int64 [M]: rows of thumbnails uint8 [N, 1024], an array or a file map; the others uint64 and int64 [M].

    Pairs are of positions in `at`. Mirror images are found too. Of images with equal thumbnails each is paired with the
    first of them, and with the first of every other such set that it resembles, so that a thousand copies do not give
    a million pairs. Flat images are in no pair. `run` spreads the parts of the search; the result is the same.
    """
    images = Images(at, phash.astype(np.uint64), phash_mirror.astype(np.uint64), thumbnails)
    first_of = first_with_equal_thumbnail(thumbnails, at)
    textured = is_textured(thumbnails, at)
    is_first = first_of == np.arange(len(at))
    copies = np.flatnonzero(~is_first & textured)
    distinct = np.flatnonzero(is_first & textured)
    limits = settings.limits(len(distinct))
    alike = find_alike(images.of(distinct), limits, run)
    pairs = distinct[alike.pairs]
    counts = alike.counts
    large = distinct[short_side_px[distinct] >= settings.min_edited_side_px]
    if settings.find_edited and len(large) > 1:
        known = np.searchsorted(large, pairs[np.isin(pairs, large).all(axis=1)])
        edits = find_edits(images.of(large), limits, known, run)
        pairs = np.concatenate([pairs, large[edits.pairs]])
        counts.add(edits.counts)
    pairs = np.concatenate([pairs, np.stack([first_of[copies], copies], axis=1)])
    pairs = np.concatenate([pairs, _pairs_of_copies(pairs, first_of, copies)])
    return NearCopies(np.unique(np.sort(pairs, axis=1), axis=0), _numbers(counts, limits, len(large)))


def _numbers(counts: Counts, limits: Limits, large: int) -> dict[str, int]:
    """For the summary: what was left out, if anything was."""
    return {
        "edit_radius_bits": limits.edit_radius_bits,
        "searched_for_edits": large,
        "hashes_compared": counts.compared,
        "comparisons_cut": counts.comparisons_cut,
        "proposals_cut": counts.close_cut,
    }


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
