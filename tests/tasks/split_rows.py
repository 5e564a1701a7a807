"""Rows of a manifest as far as splits are decided by them, and what is decided, row by row."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tasks.splitting.assignment import NOWHERE, assign_splits
from tasks.splitting.settings import SplitSettings
from tasks.splitting.source_splits import agreement

SHARES = SplitSettings().shares
SAID = ["test", "validation", "train", None]
COLUMNS = ("source", "sha256", "pixel_sha256", "label", "group", "duplicate_group", "source_split")


class Placed(NamedTuple):
    """Where a row goes; None and why where it is not used."""

    split: str | None
    why: str | None


def row(number, label="a", group=None, duplicate_group=None, used=True, pixels=None, said=None, source="s"):
    """One image; all are different but for what is said."""
    hashes = {"sha256": f"{number:064x}", "pixel_sha256": pixels or f"pixels {number}"}
    ties = {"group": group, "duplicate_group": duplicate_group}
    return {**hashes, **ties, "label": label, "used": used, "source_split": said, "source": source}


def columns_of(rows):
    """Rows -> table of COLUMNS in two chunks, and bool [N] whether each is used."""
    half = len(rows) // 2
    schema = pa.schema([pa.field(name, pa.string()) for name in COLUMNS])
    chunks = [pa.Table.from_pylist(part, schema=schema) for part in (rows[:half], rows[half:])]
    return pa.concat_tables(chunks), np.array([entry["used"] for entry in rows], dtype=bool)


def assign(rows, shares=SHARES, seed=0, ledger=(), pairs=()):
    """The Assignment of such rows."""
    images, used = columns_of(rows)
    return assign_splits(images, used, shares, seed, dict(ledger), pairs)


def placed_rows(rows, shares=SHARES, seed=0, ledger=(), pairs=()):
    """Where each row goes."""
    found = assign(rows, shares, seed, ledger, pairs)
    return [Placed(split, found.left_out.get(number, (None, None))[1]) for number, split in enumerate(found.splits)]


def assigned_to(rows, shares=SHARES, seed=0, ledger=(), pairs=()):
    """Split by sha256 of the rows in use; None where it must not be used."""
    placed = placed_rows(rows, shares, seed, ledger, pairs)
    assert len(placed) == len(rows)
    assert all(
        (place.split is None) == (place.why is not None)
        for entry, place in zip(rows, placed, strict=True)
        if entry["used"]
    )
    return {entry["sha256"]: place.split for entry, place in zip(rows, placed, strict=True) if entry["used"]}


def agreement_of(rows, splits, shares=SHARES):
    """How far splits of rows agree with their sources."""
    names = tuple(shares)
    images, used = columns_of(rows)
    numbers = np.array([NOWHERE if split is None else names.index(split) for split in splits], np.int8)
    return agreement(images, used, numbers, names)


def parted(rows, found, pairs=()):
    """Files, groups, copies and pairs that are in more than one split."""
    seen = {}
    for entry in rows:
        names = [("group", entry["group"]), ("copies", entry["duplicate_group"])]
        names += [("pair", *pair) for pair in pairs if entry["sha256"] in pair]
        for name in names:
            if name[1] is not None and found[entry["sha256"]] is not None:
                seen.setdefault(name, set()).add(found[entry["sha256"]])
    return {name: splits for name, splits in seen.items() if len(splits) > 1}
