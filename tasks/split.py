"""Split: train, validation and test, stratified by class, copies together, and sticky.

Once published, an image never moves: see the ledger. Class ids are append-only in the same way.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, Status, in_use, read_table, reason_counts, with_columns, write_table
from tasks.curate import read_kept_pairs
from tasks.digests import canonical_json
from tasks.stage_context import StageContext, Summary
from tasks.state import State, known_state

SPLITS = ("test", "validation", "train")  # in the order in which they win over one another
UNLABELLED = None
CLASSES_FILE = "classes.json"
COPY_REASONS = {"duplicate_exact", "duplicate_near"}
Row = dict[str, Any]


class SplitSettings(BaseModel):
    """Shares of the three splits. The training split gets the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation: float = Field(0.15, gt=0, lt=1, description="share of validation images")
    test: float = Field(0.15, gt=0, lt=1, description="share of test images")

    @model_validator(mode="after")
    def _leaves_training_images(self) -> "SplitSettings":
        if self.validation + self.test >= 0.9:
            raise ValueError(
                f"validation {self.validation:g} + test {self.test:g} leave under a tenth for training; lower them"
            )
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Share by split; they sum to 1."""
        return {"test": self.test, "validation": self.validation, "train": 1 - self.validation - self.test}


def split(settings: SplitSettings, context: StageContext) -> Summary:
    """Manifest of curate -> manifest with `split` and `class_id`. Raises BadInput for too few images."""
    table = read_table(context.inputs["curate"] / MANIFEST_FILE)
    state = known_state(context.shared, context.published, context.dataset)
    rows = _rows_to_place(table)
    used = [row for row in rows if row["used"]]
    _check_enough(used)
    pairs = read_kept_pairs(context.inputs["curate"])
    assigned = assign_splits(rows, settings.shares, context.seed, state.splits, pairs)
    names = class_names(used, state.class_names)
    (context.out / CLASSES_FILE).write_text(canonical_json({"class_names": names}), encoding="utf-8")
    class_ids = {name: index for index, name in enumerate(names or ())}
    table = _with_splits(table, assigned, class_ids)
    write_table(table, context.out / MANIFEST_FILE)
    used_now = in_use(table)
    per_split = Counter(used_now["split"].to_pylist())
    _check_every_split(per_split)
    return {
        "images_in": len(table),
        "images_out": len(used_now),
        "rejected": reason_counts(table),
        "splits": {name: per_split[name] for name in reversed(SPLITS)},
        "classes": list(class_ids),
    }


def assign_splits(
    rows: Sequence[Row],
    shares: Mapping[str, float],
    seed: int,
    ledger: Mapping[str, str],
    pairs: Iterable[tuple[str, str]] = (),
) -> dict[str, str | None]:
    """Rows with sha256, pixel_sha256, label, group, duplicate_group, used -> split by sha256; None: must not be used.

    Rows that are not used are rejected copies: they only say where their group has been published. Whole groups, and
    both images of a pair (by sha256), stay together. A group with an image that the ledger knows goes where that image
    is. Where it bridges several splits, test wins, then validation, and its images in the other splits become None, as
    no image ever moves. The other groups fill up test, then validation, then train, class by class, by rank of a hash.
    """
    assigned: dict[str, str | None] = {}
    counts: dict[Any, Counter[str]] = defaultdict(Counter)
    waiting: dict[Any, list[list[Row]]] = defaultdict(list)
    for block in _blocks(rows, pairs):
        label = _commonest_label(block)
        known = {split for row in block for split in _published_in(row, ledger)}
        if known:
            _assign(block, min(known, key=SPLITS.index), ledger, assigned, counts[label])
        else:
            waiting[label].append(block)
    for label, blocks in waiting.items():
        new = sum(row["used"] for block in blocks for row in block)
        targets = _targets(shares, sum(counts[label].values()) + new)
        for block in sorted(blocks, key=lambda block: _rank(seed, block)):
            name = next((name for name in SPLITS if counts[label][name] < targets[name]), "train")
            _assign(block, name, ledger, assigned, counts[label])
    return assigned


def _commonest_label(block: Sequence[Row]) -> str | None:
    counts = Counter(row["label"] for row in block if row["used"]) or Counter(row["label"] for row in block)
    return min(counts, key=lambda label: (-counts[label], str(label)))


def _targets(shares: Mapping[str, float], size: int) -> dict[str, int]:
    """Images per split; from three images on, every split gets at least one."""
    if size < len(SPLITS):
        return {"test": 0, "validation": 0, "train": size}
    held_out = {name: max(1, round(shares[name] * size)) for name in ("test", "validation")}
    return held_out | {"train": size}


def largest_splits(shares: Mapping[str, float], class_sizes: Iterable[int]) -> dict[str, int]:
    """Most images that training and validation can get of so many per class, where none was published before.

    All of them may turn out unfit, so no number is a promise. Images that have to stay together are not thought of.
    """
    sizes = list(class_sizes)
    return {
        # Both held-out targets may be rounded down, by a half each; classes of up to two images go here whole.
        "train": sum(max(min(size, len(SPLITS) - 1), int(shares["train"] * size) + 1) for size in sizes),
        "validation": sum(_targets(shares, size)["validation"] for size in sizes),
    }


def read_class_names(folder: Path) -> list[str] | None:
    """Class names in order of id that a split stage decided on; None where nothing is labelled."""
    names: list[str] | None = json.loads((folder / CLASSES_FILE).read_text(encoding="utf-8"))["class_names"]
    return names


def class_names(rows: Iterable[Row], known: Sequence[str] | None) -> list[str] | None:
    """Known names in their order, then new ones by name: an id never changes. None where nothing is labelled."""
    found = {row["label"] for row in rows} - {UNLABELLED}
    names = list(known or ())
    names += sorted(found - set(names), key=_natural)
    return names or None


def agrees_with_state(settings: SplitSettings, context: StageContext, folder: Path) -> str | None:
    """What in an old output contradicts what was published since, None if nothing."""
    state = known_state(context.shared, context.published, context.dataset)
    columns = ["sha256", "pixel_sha256", "split", "label", "class_id", "status"]
    for row in in_use(read_table(folder / MANIFEST_FILE, columns)).to_pylist():
        moved_from = _published_in(row, state.splits) - {row["split"]}
        if moved_from:
            return f"an image assigned to {row['split']} was published in {min(moved_from)}"
        if not _class_id_fits(row, state):
            return f"class {row['label']} was published under another id"
    return None


def _class_id_fits(row: Row, state: State) -> bool:
    names = state.class_names or ()
    if row["label"] in names:
        return bool(names.index(row["label"]) == row["class_id"])
    return row["class_id"] is None or row["class_id"] >= len(names)


def _natural(name: str) -> tuple[int, int, str]:
    """`2` before `10`, numbers before words."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def _check_enough(rows: Sequence[Row]) -> None:
    distinct = len({_block_key(row) for row in rows})
    if distinct < len(SPLITS):
        raise BadInput(
            f"{distinct} different usable images are too few to split; at least {len(SPLITS)} are needed, "
            "one each for train, validation and test; add images or loosen the settings under curate"
        )


def _blocks(rows: Sequence[Row], pairs: Iterable[tuple[str, str]]) -> list[list[Row]]:
    """Rows that must not be parted: of one duplicate group, one group of the user, or near copies."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for row in rows:
        first, *others = _ties(row)
        for other in others:
            parent[root(other)] = root(first)
    for one, other in pairs:
        parent[root(f"image {other}")] = root(f"image {one}")
    blocks: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        blocks[root(_ties(row)[0])].append(row)
    return list(blocks.values())


def _ties(row: Row) -> list[str]:
    ties = [f"image {row['sha256']}"]
    if row["duplicate_group"]:
        ties.append(f"copies {row['duplicate_group']}")
    if row["group"]:
        ties.append(f"group {row['group']}")
    return ties


def _block_key(row: Row) -> str:
    return row["duplicate_group"] or row["sha256"]


def _rank(seed: int, block: list[Row]) -> str:
    first = min(row["sha256"] for row in block)
    return hashlib.sha256(f"split {seed} {first}".encode()).hexdigest()


def _assign(
    block: list[Row], name: str, ledger: Mapping[str, str], assigned: dict[str, str | None], counts: Counter[str]
) -> None:
    for row in block:
        if row["used"]:
            stays = not _published_in(row, ledger) - {name}
            assigned[row["sha256"]] = name if stays else None
            counts[name] += stays


def _published_in(row: Row, ledger: Mapping[str, str]) -> set[str]:
    """The splits in which this image, or one of the same pixels, was published."""
    return {ledger[key] for key in (row["sha256"], row["pixel_sha256"]) if key in ledger}


def _rows_to_place(table: pa.Table) -> list[Row]:
    """Rows in use, and rejected copies of them."""
    columns = ["sha256", "pixel_sha256", "label", "group", "duplicate_group", "status", "reason"]
    rows = table.select(columns).to_pylist()
    for row in rows:
        row["used"] = row["status"] in (Status.KEPT, Status.REPAIRED)
    return [row for row in rows if row["used"] or row["reason"] in COPY_REASONS]


def _check_every_split(per_split: Mapping[str, int]) -> None:
    if not all(per_split[name] for name in SPLITS):
        counted = ", ".join(f"{name} {per_split[name]}" for name in reversed(SPLITS))
        raise BadInput(
            f"the splits would be {counted}, and each needs an image; a class is split from three images on: "
            "add images, or merge classes"
        )


def _with_splits(table: pa.Table, assigned: Mapping[str, str | None], class_ids: Mapping[str, int]) -> pa.Table:
    columns = table.select(["sha256", "label", "status", "reason", "detail", "split", "class_id"]).to_pylist()
    for row in columns:
        if row["status"] not in (Status.KEPT, Status.REPAIRED):
            continue
        row["split"] = assigned[row["sha256"]]
        if row["split"] is None:
            detail = "a near copy of it was published in another split, and no image ever moves"
            row.update(status=Status.UNSELECTED, reason="bridges_splits", detail=detail)
        else:
            row["class_id"] = class_ids.get(row["label"])
    names = ("status", "reason", "detail", "split", "class_id")
    return with_columns(table, **{name: [row[name] for row in columns] for name in names})
