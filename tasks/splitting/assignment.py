"""Where each image goes: as published, as its source says, else by rank of a hash; blocks whole.

A set of splits is an integer whose bit n stands for the n-th name, in the order in which splits win over one another.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datasets.splits import is_fold
from tasks.splitting.blocks import blocks, codes_of
from tasks.splitting.grouping import Grouping, commonest, drawn_order
from tasks.splitting.ledger import published_splits
from tasks.splitting.source_splits import open_splits, said_splits
from tasks.splitting.targets import targets

NOWHERE = -1
BRIDGES = "bridges_splits"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where rows go: `placed` int8 [N] are places in `names`; NOWHERE for rows that are not used.

    `left_out` says why, by row number as (reason code, sentence), of those that could have been used.
    """

    names: tuple[str, ...]
    placed: np.ndarray
    left_out: Mapping[int, tuple[str, str]]

    @property
    def splits(self) -> list[str | None]:
        """Names instead of numbers."""
        return [None if place == NOWHERE else self.names[place] for place in self.placed.tolist()]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the rows say: int32 [N] sets of splits."""

    published: np.ndarray
    said: np.ndarray
    left_open: np.ndarray


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks with images in use: class code, images in use, and the sets of splits of all their rows. [B] each."""

    label: np.ndarray
    size: np.ndarray
    home: np.ndarray  # int8: where it has to go, NOWHERE where it is free
    left_open: np.ndarray


def assign_splits(
    images: pa.Table,
    used: np.ndarray,
    shares: Mapping[str, float],
    seed: int,
    ledger: Mapping[str, str],
    pairs: Iterable[tuple[str, str]] = (),
) -> Assignment:
    """Rows with hashes, label, ties, source and source_split; bool [N] whether each is in use -> where each goes.

    Rows that are not used are rejected copies: they only say where their block has been published, or what their
    source says of it. Whole groups, copies and both images of a pair (by sha256) are one block and stay together:

    1. A block with an image that the ledger knows goes where that image is, whatever a source says.
    2. Otherwise one with an image that its source calls test or validation goes there.
    3. The others fill up test, then validation, then train, class by class, by rank of a hash; those with an image that
       its source calls train only where that leaves them, see `open_splits`. Folds take turns after test: each block
       goes to the fold with the fewest images of its class.

    Where 1 or 2 name several splits, the first in `shares` wins. Images of the block that were published elsewhere, or
    new ones whose source says otherwise, are then not used: so nothing leaks, and no image ever moves.
    """
    names = tuple(shares)
    facts = _Facts(
        published_splits(images, ledger, names), said_splits(images, names), open_splits(images, used, names)
    )
    number = _numbered_by_use(blocks(images, pairs), used)
    groups = Grouping.of(number)
    used_rows = np.flatnonzero(used)
    used_groups = Grouping.of(number[used])
    labels, label_names = codes_of(images["label"]), images["label"].unique().drop_null().to_pylist()
    count = len(used_groups.sizes)  # blocks that nothing is used of have the highest numbers
    found = _Blocks(
        label=commonest(used_groups, labels[used], label_names),
        size=used_groups.sizes,
        home=_homes(groups, facts)[:count],
        left_open=groups.reduced(np.bitwise_and, facts.left_open)[:count],
    )
    placed, left_out = _placed_in_homes(images, used_rows, found.home[number[used]], facts, names)
    counts = np.zeros((len(label_names) + 1, len(names)), np.int64)  # the last row is for images without a label
    kept = placed[used] != NOWHERE
    np.add.at(counts, (found.label[number[used][kept]], placed[used][kept]), 1)
    free = drawn_order(seed, groups, np.flatnonzero(found.home == NOWHERE), images["sha256"])
    homes = _filled(found, free, counts, shares, label_names)
    waited = found.home[number[used]] == NOWHERE
    placed[used_rows[waited]] = homes[number[used][waited]]
    return Assignment(names, placed, left_out)


def _numbered_by_use(block: np.ndarray, used: np.ndarray) -> np.ndarray:
    """The same blocks numbered from 0, first those with rows in use."""
    has_use = np.zeros(block.max(initial=-1) + 1, bool)
    has_use[block[used]] = True
    is_there = np.zeros_like(has_use)
    is_there[block] = True
    numbers = np.where(has_use, np.cumsum(has_use) - 1, has_use.sum() + np.cumsum(is_there & ~has_use) - 1)
    return np.asarray(numbers[block])


def _homes(groups: Grouping, facts: _Facts) -> np.ndarray:
    """int8 [B]: where each block has to go: as published, else as its source says; NOWHERE where it is free."""
    published = groups.reduced(np.bitwise_or, facts.published)
    splits = np.where(published > 0, published, groups.reduced(np.bitwise_or, facts.said))
    return np.where(splits > 0, np.log2(np.maximum(splits & -splits, 1)), NOWHERE).astype(np.int8)


def _placed_in_homes(
    images: pa.Table, rows: np.ndarray, home: np.ndarray, facts: _Facts, names: tuple[str, ...]
) -> tuple[np.ndarray, dict[int, tuple[str, str]]]:
    """Rows in use whose block has to go somewhere: where each row goes, and why some do not."""
    rows, home = rows[home != NOWHERE], home[home != NOWHERE].astype(np.int32)
    own = np.left_shift(1, home)
    published = facts.published[rows]
    elsewhere = published & ~own
    unwanted = (published == 0) & (facts.left_open[rows] & own == 0)
    placed = np.full(len(images), NOWHERE, np.int8)
    stays = (elsewhere == 0) & ~unwanted
    placed[rows[stays]] = home[stays]
    left_out = {}
    for row, to, before in zip(rows[~stays], home[~stays], elsewhere[~stays], strict=True):
        copies = f"a copy of it, or an image of its group, belongs to {names[to]}"
        if before:
            was = min(name for place, name in enumerate(names) if before >> place & 1)
            left_out[int(row)] = (BRIDGES, f"it was published in {was}, {copies}, and no image ever moves")
        else:
            left_out[int(row)] = (BRIDGES, f"its source says {images['source_split'][row]}, but {copies}")
    return placed, left_out


def _filled(
    found: _Blocks, free: np.ndarray, counts: np.ndarray, shares: Mapping[str, float], labels: list[str]
) -> np.ndarray:
    """int8 [B]: where free blocks go, class by class in their order; `counts` int64 [classes, splits] go along."""
    names = tuple(shares)
    homes = np.full(len(found.size), len(names) - 1, np.int8)
    classes = Grouping.of(found.label[free] + 1)
    by_class = {int(found.label[free[rows[0]]]): free[rows] for rows in map(classes.rows, range(len(classes.sizes)))}
    for label in sorted(by_class, key=lambda label: labels[label] if label >= 0 else ""):
        waiting = by_class[label]
        wanted = targets(shares, int(counts[label].sum() + found.size[waiting].sum()))
        for place, name in enumerate(names):
            if name in wanted:
                chosen = _up_to(wanted[name] - counts[label, place], waiting, found, place)
                homes[waiting[chosen]] = place
                waiting = waiting[~chosen]
        if is_fold(names[-1]):
            _dealt(waiting, found.size, counts, label, homes)
    return homes


def _up_to(wanted: int, waiting: np.ndarray, found: _Blocks, place: int) -> np.ndarray:
    """bool: the first blocks that may go to a split, until it has so many images more."""
    may = found.left_open[waiting] >> place & 1 > 0
    sizes = np.where(may, found.size[waiting], 0)
    return np.asarray(may & (np.cumsum(sizes) - sizes < wanted))


def _dealt(waiting: np.ndarray, size: np.ndarray, counts: np.ndarray, label: int, homes: np.ndarray) -> None:
    """Each block to the fold with the fewest images of its class; of these, of all classes; then the first."""
    totals = counts.sum(axis=0)
    heap = [(int(counts[label, place]), int(totals[place]), place) for place in range(1, counts.shape[1])]
    heapq.heapify(heap)
    places = []
    for images in size[waiting].tolist():
        of_class, of_all, place = heap[0]
        heapq.heapreplace(heap, (of_class + images, of_all + images, place))
        places.append(place)
    homes[waiting] = places
    for of_class, _, place in heap:
        counts[label, place] = of_class
