"""What the data gate judges: numbers about the images in use, their classes, and what changed since last time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from threadpoolctl import threadpool_limits

from datasets.manifest import THUMBNAIL_SIDE_PX, Status, in_use, read_in_pieces, read_table
from datasets.splits import training_rows
from tasks.data_gate.diversity import effective_images, sampled
from tasks.data_gate.leaks import find_leaks
from tasks.data_gate.version_changes import COPY_REASONS, classes_without, drifts, gone_images, moved_images

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Measured:
    """A number, of so many images; None where it does not apply, and then `note` says why."""

    value: float | None
    n: int | None = None
    note: str = ""
    by_chance: float | None = None  # what it would be about, were nothing different


def of_images(
    table: pa.Table, used: pa.Table, pairs: Sequence[tuple[str, str]], copies: pa.Table | None = None
) -> dict[str, Measured]:
    """Of all rows of a manifest, those in use, pairs of near copies by sha256, and augmented copies."""
    dropped = pc.sum(pc.is_in(table["reason"], pa.array(COPY_REASONS))).as_py() or 0
    unfit = (pc.sum(pc.equal(table["status"], Status.REJECTED)).as_py() or 0) - dropped
    repeated, sound = _copies(used, dropped)
    leaks = find_leaks(used if copies is None else pa.concat_tables([used, copies]), pairs)
    unlicensed = sum(not (licence or "").strip() for licence in used["licence"].to_pylist())
    return {
        "reject_rate": Measured(unfit / max(len(table) - dropped, 1), len(table) - dropped),
        "duplicates": Measured(repeated / max(sound, 1), sound),
        "unlicensed": Measured(unlicensed / max(len(used), 1), len(used)),
        "leaks": Measured(float(leaks.count), len(used), "; ".join(leaks.named)),
    }


def of_classes(
    used: pa.Table, effective: Mapping[str | None, float], least: float | None, empty: Sequence[str]
) -> dict[str, Measured]:
    """Of the rows in use; `effective` training images per class, of which `least` are wanted; and `empty` classes."""
    training = training_rows(used)
    sizes = [entry["counts"] for entry in training["label"].drop_null().value_counts().to_pylist()]
    few = [f"{label or 'all'} {value:.0f}" for label, value in effective.items() if least and value < least]
    return {
        "empty_classes": Measured(float(len(empty)), len(used), _named(empty)),
        "imbalance": (
            Measured(max(sizes) / min(sizes), len(training))
            if len(sizes) > 1
            else Measured(None, note="there are no two classes")
        ),
        "effective_images": (
            Measured(min(effective.values()), len(training), _named(few))
            if effective
            else Measured(None, note="there are no training images")
        ),
    }


def against_last(table: pa.Table, used: pa.Table, old: pa.Table) -> dict[str, Measured]:
    """Of all rows, those in use, and the real images in use in the last published version."""
    vanished, new = classes_without(old, used), classes_without(used, old)
    found = {
        "shrink": Measured(gone_images(used, table, old) / len(old), len(old)),
        "moved": Measured(float(moved_images(used, old)), len(used)),
        "vanished_classes": Measured(float(len(vanished)), len(used), _named(vanished)),
        "new_classes": Measured(float(len(new)), len(used), _named(new)),
    }
    return found | {name: Measured(value, len(used), by_chance=chance) for name, value, chance in drifts(used, old)}


def effective_per_class(manifest: Path) -> dict[str | None, float]:
    """Effective training images of each class of a split manifest, of a sample where a class is large."""
    table = read_table(manifest, ["status", "split", "label", "sha256"])
    training = training_rows(in_use(table.append_column("row", pa.array(np.arange(len(table))))))
    chosen = sampled(training["label"].to_pylist(), training["sha256"].to_pylist())
    numbers = training["row"].to_numpy()
    pixels = _thumbnails(manifest, {label: numbers[places] for label, places in chosen.items()})
    with threadpool_limits(1):  # more threads than free cores cost many times what they save here
        return {label: effective_images(pixels[label]) for label in sorted(chosen, key=str)}


def _thumbnails(manifest: Path, rows: Mapping[str | None, np.ndarray]) -> dict[str | None, np.ndarray]:
    """Those of the rows of some numbers, for each label: uint8 [N, 1024] of those that are there."""
    found: dict[str | None, list[bytes]] = {label: [] for label in rows}
    start = 0
    for piece in read_in_pieces(manifest, ["thumbnail"]):
        for label, numbers in rows.items():
            here = numbers[(numbers >= start) & (numbers < start + len(piece))] - start
            found[label] += piece["thumbnail"].take(pa.array(here)).drop_null().to_pylist()
        start += len(piece)
    side_px = THUMBNAIL_SIDE_PX
    return {label: np.frombuffer(b"".join(parts), np.uint8).reshape(-1, side_px**2) for label, parts in found.items()}


def _copies(used: pa.Table, dropped: int) -> tuple[int, int]:
    """How many images are copies of others, whether used or not, and how many are sound or copies of such."""
    groups = used["duplicate_group"].drop_null()
    return dropped + len(groups) - len(pc.unique(groups)), dropped + len(used)


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
