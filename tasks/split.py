"""Split: train, validation and test, stratified by class, copies together, and sticky.

Once published, an image never moves: see the ledger. Class ids are append-only in the same way. Splits that a source
comes with are kept where nothing was published otherwise: see source_splits.py.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, Status, in_use, read_table, reason_counts, with_columns, write_table
from tasks.balance import BalanceSettings, over_class_size
from tasks.curate import read_kept_pairs
from tasks.digests import canonical_json
from tasks.source_splits import HELD_OUT, SPLITS, agreement, open_splits
from tasks.split_blocks import blocks
from tasks.stage_context import StageContext, Summary
from tasks.state import State, known_state

__all__ = ["SPLITS", "SplitSettings", "assign_splits", "largest_source_splits", "largest_splits", "split"]

UNLABELLED = None
CLASSES_FILE = "classes.json"
COPY_REASONS = {"duplicate_exact", "duplicate_near"}
NEEDED = ("source", "sha256", "pixel_sha256", "label", "group", "duplicate_group", "source_split", "status", "reason")
Row = dict[str, Any]


class SplitSettings(BaseModel):
    """Shares of the three splits. The training split gets the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation: float = Field(0.15, gt=0, lt=1, description="share of validation images")
    test: float = Field(0.15, gt=0, lt=1, description="share of test images")
    source_splits: Literal["keep", "ignore"] = Field(
        "keep", description="splits that the source comes with: keep them, or ignore them and split anew"
    )
    balance: BalanceSettings = Field(
        default_factory=BalanceSettings, description="how many training images a class may have"
    )

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


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a row goes; `split` is None where it is not used, and then `why` is a sentence and `reason` its code."""

    split: str | None = None
    why: str | None = None
    reason: str = "bridges_splits"


@dataclass(frozen=True, slots=True)
class _Member:
    """A row of a block: where it was published before, and the splits that its source leaves open to it."""

    number: int
    row: Row
    published: frozenset[str]
    left_open: frozenset[str]

    def placed(self, home: str) -> Placed:
        """A row in use, where its block goes to `home`."""
        copies = f"a copy of it, or an image of its group, belongs to {home}"
        elsewhere = self.published - {home}
        if elsewhere:
            return Placed(None, f"it was published in {min(elsewhere)}, {copies}, and no image ever moves")
        if not self.published and home not in self.left_open:
            return Placed(None, f"its source says {self.row['source_split']}, but {copies}")
        return Placed(home)


def split(settings: SplitSettings, context: StageContext) -> Summary:
    """Manifest of curate -> manifest with `split` and `class_id`. Raises BadInput for too few images."""
    table = read_table(context.inputs["curate"] / MANIFEST_FILE)
    state = known_state(context.shared, context.published, context.dataset)
    rows = _rows_to_place(table, settings)
    used = [row for row in rows if row["used"]]
    _check_enough(used)
    pairs = read_kept_pairs(context.inputs["curate"])
    placed = assign_splits(rows, settings.shares, context.seed, state.splits, pairs)
    agreed = agreement(rows, [entry.split for entry in placed])
    placed = balanced(rows, placed, settings.balance, context.seed, state.splits)
    names = class_names(used, state.class_names)
    (context.out / CLASSES_FILE).write_text(canonical_json({"class_names": names}), encoding="utf-8")
    class_ids = {name: index for index, name in enumerate(names or ())}
    table = _with_splits(table, rows, placed, class_ids)
    write_table(table, context.out / MANIFEST_FILE)
    used_now = in_use(table)
    per_split = Counter(used_now["split"].to_pylist())
    _check_every_split(per_split, agreed is not None)
    return {
        "images_in": len(table),
        "images_out": len(used_now),
        "rejected": reason_counts(table),
        "splits": {name: per_split[name] for name in reversed(SPLITS)},
        "classes": list(class_ids),
        "source_splits": agreed,
    }


def assign_splits(
    rows: Sequence[Row],
    shares: Mapping[str, float],
    seed: int,
    ledger: Mapping[str, str],
    pairs: Iterable[tuple[str, str]] = (),
) -> list[Placed]:
    """Rows with NEEDED and `used` -> where each goes.

    Rows that are not used are rejected copies: they only say where their block has been published, or what their
    source says of it. Whole groups, copies and both images of a pair (by sha256) are one block and stay together:

    1. A block with an image that the ledger knows goes where that image is, whatever a source says.
    2. Otherwise one with an image that its source calls test or validation goes there.
    3. The others fill up test, then validation, then train, class by class, by rank of a hash; those with an image that
       its source calls train only where that leaves them, see `open_splits`.

    Where 1 or 2 name several splits, test wins, then validation. Images of the block that were published elsewhere, or
    new ones whose source says otherwise, are then not used: so nothing leaks, and no image ever moves.
    """
    left_open = open_splits(rows)
    found: dict[int, Placed] = {}
    counts: dict[Any, Counter[str]] = defaultdict(Counter)
    waiting: dict[Any, list[list[_Member]]] = defaultdict(list)
    for numbers in blocks(rows, pairs):
        block = [_Member(i, rows[i], _published_in(rows[i], ledger), left_open[i]) for i in numbers]
        label, home = _commonest_label(block), _home(block)
        if home:
            _place(block, home, found, counts[label])
        else:
            waiting[label].append(block)
    for label, block_list in waiting.items():
        new = sum(member.row["used"] for block in block_list for member in block)
        targets = _targets(shares, sum(counts[label].values()) + new)
        for block in sorted(block_list, key=lambda block: _rank(seed, block)):
            allowed = frozenset.intersection(*(member.left_open for member in block))
            wanting = (name for name in SPLITS if name in allowed and counts[label][name] < targets[name])
            _place(block, next(wanting, "train"), found, counts[label])
    return [found.get(number, Placed()) for number in range(len(rows))]


def balanced(
    rows: Sequence[Row], placed: Sequence[Placed], settings: BalanceSettings, seed: int, ledger: Mapping[str, str]
) -> list[Placed]:
    """The same places, but for training images of classes that have too many: those are then not used.

    After the splits are assigned, not before: so the shares are of all images, no policy ever moves an image from one
    split to another, and validation and test keep the classes as the source has them.
    """
    published = [bool(_published_in(row, ledger)) for row in rows]
    unselected = over_class_size(rows, [entry.split for entry in placed], published, settings, seed)
    return [
        Placed(None, unselected[number], "over_class_size") if number in unselected else entry
        for number, entry in enumerate(placed)
    ]


def _home(block: Sequence[_Member]) -> str | None:
    """Where a block has to go: as published, else as its source says; None where it is free, if only in part."""
    published = {name for member in block for name in member.published}
    said = {member.row["source_split"] for member in block} & set(HELD_OUT)
    return min(published or said, key=SPLITS.index, default=None)


def _place(block: Sequence[_Member], home: str, found: dict[int, Placed], counts: Counter[str]) -> None:
    for member in block:
        if member.row["used"]:
            found[member.number] = member.placed(home)
            counts[home] += found[member.number].split is not None


def _commonest_label(block: Sequence[_Member]) -> str | None:
    labels = [member.row["label"] for member in block if member.row["used"]] or [block[0].row["label"]]
    if len(labels) == 1:
        return labels[0]
    counts = Counter(labels)
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


def largest_source_splits(shares: Mapping[str, float], classes: Iterable[Mapping[str | None, int]]) -> dict[str, int]:
    """The same where sources come with splits: per class, how many of its images the source says which split of.

    More than that is not reached: an image that is said to be for testing is never trained on, and none is added to
    validation images that are more than their share already.
    """
    sizes = [dict(words) for words in classes]
    totals = [sum(words.values()) for words in sizes]
    if not any(words.get(name) for words in sizes for name in HELD_OUT):
        return largest_splits(shares, totals)
    validation = (
        max(words.get("validation", 0), _targets(shares, sum(words.values()))["validation"]) for words in sizes
    )
    return {
        "train": sum(words.get("train", 0) + words.get(None, 0) for words in sizes),
        "validation": sum(validation),
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


def _block_key(row: Row) -> str:
    return row["duplicate_group"] or row["sha256"]


def _rank(seed: int, block: Sequence[_Member]) -> str:
    first = min(member.row["sha256"] for member in block)
    return hashlib.sha256(f"split {seed} {first}".encode()).hexdigest()


def _published_in(row: Row, ledger: Mapping[str, str]) -> frozenset[str]:
    """The splits in which this image, or one of the same pixels, was published."""
    return frozenset(ledger[key] for key in (row["sha256"], row["pixel_sha256"]) if key in ledger)


def _rows_to_place(table: pa.Table, settings: SplitSettings) -> list[Row]:
    """Rows in use, and rejected copies of them, each with its number in the table."""
    rows = table.select(NEEDED).to_pylist()
    for number, row in enumerate(rows):
        row.update(number=number, used=row["status"] in (Status.KEPT, Status.REPAIRED))
        if settings.source_splits == "ignore":
            row["source_split"] = None
    return [row for row in rows if row["used"] or row["reason"] in COPY_REASONS]


def _check_every_split(per_split: Mapping[str, int], by_source: bool) -> None:
    if not all(per_split[name] for name in SPLITS):
        counted = ", ".join(f"{name} {per_split[name]}" for name in reversed(SPLITS))
        otherwise = ", or set split.source_splits to ignore" if by_source else ""
        raise BadInput(
            f"the splits would be {counted}, and each needs an image; a class is split from three images on: "
            f"add images, or merge classes{otherwise}"
        )


def _with_splits(
    table: pa.Table, rows: Sequence[Row], placed: Sequence[Placed], class_ids: Mapping[str, int]
) -> pa.Table:
    names = ("status", "reason", "detail", "split", "class_id")
    columns = {name: table[name].to_pylist() for name in names}
    for row, entry in zip(rows, placed, strict=True):
        if not row["used"]:
            continue
        changes: dict[str, Any]
        if entry.split is None:
            changes = {"status": Status.UNSELECTED, "reason": entry.reason, "detail": entry.why}
        else:
            changes = {"split": entry.split, "class_id": class_ids.get(row["label"])}
        for name, value in changes.items():
            columns[name][row["number"]] = value
    return with_columns(table, **columns)
