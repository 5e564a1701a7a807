"""Leaks between splits: anything that two splits share, so that a model is tested on what it has learned from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import Kind, key_text
from datasets.splits import augmented_split, is_training

NEEDED = ["source", "member", "frame", "kind", "derived_from", "sha256", "pixel_sha256", "duplicate_group", "group"]
NEEDED += ["split"]
SHARED = {  # column -> what two images in different splits then are
    "sha256": "the same bytes",
    "pixel_sha256": "the same pixels",
    "duplicate_group": "copies of one picture",
    "group": "images of one group",
}
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Leaks:
    """How many there are, and the first of them as sentences that name two images and their splits."""

    count: int
    named: tuple[str, ...]


def find_leaks(used: pa.Table, pairs: Sequence[tuple[str, str]] = ()) -> Leaks:
    """Rows in use with NEEDED, augmented copies among them, and pairs of near copies by sha256 -> what leaks.

    Counted once each: values of a column in SHARED that are in two splits, among them frames of one file, which share
    its bytes; pairs in two splits; and augmented copies in another split than that for copies of their image, or of
    what is not trained on. Copies of a split's images count as in it.
    """
    splits = pc.replace_substring_regex(used["split"], "_augmented$", "")
    real = used.filter(pc.equal(used["kind"], Kind.REAL))
    found = [_shared(used, splits, column) for column in SHARED]
    found += [_near(real, pairs), _copies(used, real)]
    sentences = (sentence for _, named in found for sentence in named())
    return Leaks(sum(count for count, _ in found), tuple(islice(sentences, MOST_NAMED)))


_Found = tuple[int, Callable[[], Iterator[str]]]


def _shared(used: pa.Table, splits: pa.ChunkedArray, column: str) -> _Found:
    """Values of a column that are in two splits."""
    both = pa.table({"value": used[column], "split": splits}).filter(pc.is_valid(used[column]))
    counted = both.group_by("value").aggregate([("split", "count_distinct")])
    values = counted["value"].filter(pc.greater(counted["split_count_distinct"], 1))

    def named() -> Iterator[str]:
        for value in values.slice(0, MOST_NAMED):
            rows = used.filter(pc.equal(used[column], value)).to_pylist()
            one = rows[0]
            other = next(row for row in rows if _base(row) != _base(one))
            same_file = (one["source"], one["member"]) == (other["source"], other["member"])
            yield _sentence(one, other, "frames of one file" if same_file else SHARED[column])

    return len(values), named


def _near(real: pa.Table, pairs: Sequence[tuple[str, str]]) -> _Found:
    """Pairs of near or edited copies of which each is in another split."""
    sides = [pa.array([pair[side] for pair in pairs], pa.string()) for side in (0, 1)]
    rows = [pc.index_in(side, value_set=real["sha256"]) for side in sides]
    there = pc.and_(pc.is_valid(rows[0]), pc.is_valid(rows[1]))
    ends = [real["split"].take(side.filter(there)) for side in rows]
    apart = pc.not_equal(*ends)
    leaking = [side.filter(there).filter(apart) for side in rows]

    def named() -> Iterator[str]:
        one, other = (real.take(side.slice(0, MOST_NAMED)).to_pylist() for side in leaking)
        for first, second in zip(one, other, strict=True):
            yield _sentence(first, second, "near copies")

    return len(leaking[0]), named


def _copies(used: pa.Table, real: pa.Table) -> _Found:
    """Augmented copies that are not where copies of their image belong."""
    made = used.filter(pc.equal(used["kind"], Kind.AUGMENTED))
    frame = real["frame"].cast(pa.string())
    keys = pc.binary_join_element_wise(pc.binary_join_element_wise(real["source"], real["member"], "/"), frame, "#")
    parent = real["split"].take(pc.index_in(made["derived_from"], value_set=keys))
    fits = np.zeros(len(made), bool)
    for split in filter(None, parent.unique().to_pylist()):
        if is_training(split):
            belongs = pc.and_(pc.equal(parent, split), pc.equal(made["split"], augmented_split(split)))
            fits |= np.array(pc.fill_null(belongs, False).to_pylist(), bool)
    leaking = np.flatnonzero(~fits)

    def named() -> Iterator[str]:
        for number in leaking[:MOST_NAMED].tolist():
            copy, split = made.slice(number, 1).to_pylist()[0], parent[number].as_py()
            of = f"{copy['derived_from']} ({split})" if split else f"{copy['derived_from']}, which is not in use"
            yield f"{key_text(copy)} ({copy['split']}) is an augmented copy of {of}"

    return len(leaking), named


def _base(row: dict[str, str]) -> str:
    return str(row["split"]).removesuffix("_augmented")


def _sentence(one: dict[str, str], other: dict[str, str], what: str) -> str:
    return f"{key_text(one)} ({one['split']}) and {key_text(other)} ({other['split']}) are {what}"
