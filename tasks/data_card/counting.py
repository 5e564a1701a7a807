"""Counts of a version's manifest: images by class and split, sources with their licences, and what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import MANIFEST_FILE, Kind, in_use, read_table, reason_counts
from datasets.splits import in_order
from tasks.findings import FINDINGS

MOST_ROWS = 100
COLUMNS = ["source", "kind", "status", "reason", "licence", "label", "split"]


@dataclass(frozen=True, slots=True)
class ClassTable:
    """A row per class: name and images in each split. `more`: classes for which there was no room."""

    splits: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    totals: tuple[int, ...]
    more: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source of real images, how many of its images are used, and their licences."""

    name: str
    images: int
    licences: str


def read_counted(folder: Path) -> pa.Table:
    """The columns of a version's manifest that are counted here."""
    return read_table(folder / MANIFEST_FILE, COLUMNS)


def class_table(table: pa.Table, class_names: Sequence[str] | None) -> ClassTable:
    """Images in use by class, in order of class id, and split."""
    used = in_use(table)
    groups = used.group_by(["label", "split"]).aggregate([([], "count_all")]).to_pylist()
    counts = {(group["label"], group["split"]): group["count_all"] for group in groups}
    splits = tuple(in_order({split for _, split in counts if split}))
    labels: list[str | None] = [*class_names] if class_names is not None else [None]
    rows = tuple((label or "all", tuple(counts.get((label, split), 0) for split in splits)) for label in labels)
    totals = tuple(sum(row[1][place] for row in rows) for place in range(len(splits)))
    return ClassTable(splits, rows[:MOST_ROWS], totals, max(0, len(rows) - MOST_ROWS))


def licences_of(table: pa.Table) -> list[str]:
    """Of the images in use, in the words of their sources."""
    return sorted(set(in_use(table)["licence"].unique().to_pylist()) - {None, ""})


def source_rows(table: pa.Table) -> list[SourceRow]:
    """Of real images, by name."""
    real = table.filter(pc.equal(table["kind"], Kind.REAL))
    rows = []
    for name in sorted(real["source"].unique().to_pylist()):
        used = in_use(real.filter(pc.equal(real["source"], name)))
        without = pc.sum(pc.is_null(used["licence"])).as_py() or 0
        told = licences_of(used) + ([f"none given for {without}"] if without else [])
        rows.append(SourceRow(name, len(used), ", ".join(told)))
    return rows[:MOST_ROWS]


def reject_rows(table: pa.Table) -> list[tuple[str, int, str]]:
    """(Reason, images, what it means) of all that was left out, most frequent first."""
    counts = reason_counts(table)
    return [(str(reason), count, FINDINGS.get(str(reason), "")) for reason, count in counts.items()]


def balance_sentence(table: ClassTable) -> str | None:
    """How even the classes are among the training images; None where there are no two classes."""
    training = [place for place, name in enumerate(table.splits) if name == "train" or name.startswith("fold_")]
    training = [place for place in training if not table.splits[place].endswith("_augmented")]
    sizes = {name: sum(counts[place] for place in training) for name, counts in table.rows}
    if len(sizes) < 2 or table.more:
        return None
    if min(sizes.values()) == max(sizes.values()):
        return f"All {len(sizes)} classes have {min(sizes.values()):,} training images each."
    largest, smallest = max(sizes, key=lambda name: sizes[name]), min(sizes, key=lambda name: sizes[name])
    if not sizes[smallest]:
        return f"Class {smallest} has no training image; the largest, {largest}, has {sizes[largest]:,}."
    ratio = sizes[largest] / sizes[smallest]
    return (
        f"The largest class, {largest}, has {ratio:.3g} times as many training images as the smallest, {smallest} "
        f"({sizes[largest]:,} and {sizes[smallest]:,})."
    )
