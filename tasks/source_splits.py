"""What the sources themselves say of splits, and which splits that leaves open to an image."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

SPLITS = ("test", "validation", "train")  # in the order in which they win over one another
HELD_OUT = ("test", "validation")
ANYWHERE = frozenset(SPLITS)


def open_splits(rows: Sequence[Mapping[str, Any]]) -> list[frozenset[str]]:
    """Rows with source, source_split and used -> the splits that each may be in.

    An image that its source calls test or validation is just that. One that it calls train stays out of whichever of
    the two its source has usable images for; what the source does not have is taken from its training images. All
    splits are open to the other images.
    """
    named: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row["used"] and row["source_split"] in HELD_OUT:
            named[row["source"]].add(row["source_split"])
    train = {source: ANYWHERE - found for source, found in named.items()}

    def open_to(row: Mapping[str, Any]) -> frozenset[str]:
        if row["source_split"] in HELD_OUT:
            return frozenset({row["source_split"]})
        return train.get(row["source"], ANYWHERE) if row["source_split"] == "train" else ANYWHERE

    return [open_to(row) for row in rows]


def agreement(rows: Sequence[Mapping[str, Any]], placed: Sequence[str | None]) -> dict[str, int] | None:
    """How far the splits of used rows follow the sources' words; None where no source has said anything.

    followed: as the source says; published_elsewhere: not so, since no image moves after it was published;
    unselected: not used, as a copy of it or an image of its group is in another split.
    """
    counts: Counter[str] = Counter(followed=0, published_elsewhere=0, unselected=0)
    spoken = False
    for row, split, left_open in zip(rows, placed, open_splits(rows), strict=True):
        if row["used"] and row["source_split"]:
            spoken = True
            follows = "followed" if split in left_open else "published_elsewhere"
            counts["unselected" if split is None else follows] += 1
    return dict(counts) if spoken else None
