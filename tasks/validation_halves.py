"""Validation has two halves: snapshots are selected on one, gates decide on the other.

What must not be parted by splits is not parted by the halves either: otherwise the gate would judge by images that are
almost those that the snapshot was selected by.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from datasets.manifest import MANIFEST_FILE, in_use, read_table
from datasets.splits import VALIDATION
from tasks.splitting.blocks import TIES, blocks

NEEDED = ["source", "member", "frame", "sha256", "status", "split", *TIES]


def validation_halves(
    ids: Sequence[str], labels: np.ndarray | None, together: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Ids and labels int [N] of validation -> indices int64 of the select half and of the gate half, each sorted.

    `together` int [N] has the same number for images that stay in one half; None where none have to. Within each class
    these are ranked by a hash of their lowest id, and each goes to the half with fewer images of the class, of equals
    to the one with fewer in all: so both halves have every class that has two images that may part.
    """
    units: dict[int, list[int]] = {}
    for index, number in enumerate(range(len(ids)) if together is None else together.tolist()):
        units.setdefault(number, []).append(index)
    classes = np.zeros(len(ids), dtype=np.int64) if labels is None else labels
    drawn = sorted((_class_of(unit, classes), _rank(unit, ids), unit) for unit in units.values())
    in_gate = np.zeros(len(ids), dtype=bool)
    ahead: Counter[int] = Counter()  # images of a class in the select half, less those in the gate half
    ahead_in_all = 0
    for label, _, unit in drawn:
        is_gate = (ahead[label], ahead_in_all) > (0, 0)
        in_gate[unit] = is_gate
        more = -len(unit) if is_gate else len(unit)
        ahead[label] += more
        ahead_in_all += more
    return np.flatnonzero(~in_gate), np.flatnonzero(in_gate)


def halves_of(version: Path, ids: Sequence[str], labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The halves of a published version's validation images; its manifest says what has to stay together."""
    return validation_halves(ids, labels, _together(version, ids))


def _together(version: Path, ids: Sequence[str]) -> np.ndarray:
    used = in_use(read_table(version / MANIFEST_FILE, NEEDED))
    used = used.filter(pc.equal(used["split"], VALIDATION))
    frame = used["frame"].cast("string")
    keys = pc.binary_join_element_wise(pc.binary_join_element_wise(used["source"], used["member"], "/"), frame, "#")
    number = dict(zip(keys.to_pylist(), blocks(used).tolist(), strict=True))
    return np.array([number[name] for name in ids], dtype=np.int64)


def half_sizes(count: int) -> tuple[int, int]:
    """How many of so many validation images are in the select half and in the gate half, where all may part."""
    return (count + 1) // 2, count // 2


def _class_of(unit: Sequence[int], classes: np.ndarray) -> int:
    """The commonest, of equally common ones the lowest."""
    if len(unit) == 1:
        return int(classes[unit[0]])
    found, counts = np.unique(classes[unit], return_counts=True)
    return int(found[np.argmax(counts)])


def _rank(unit: Sequence[int], ids: Sequence[str]) -> str:
    return hashlib.sha256(f"half {min(ids[index] for index in unit)}".encode()).hexdigest()
