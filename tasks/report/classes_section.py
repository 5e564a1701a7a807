"""The section about classes where nothing was split: how many images of each can be used."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.class_ids import natural
from tasks.report.absent import Absent
from tasks.report.evidence import Evidence
from tasks.report.files_sections import NO_FILES, OUT, shortened
from tasks.report.image_sections import MOST_CLASS_ROWS
from tasks.report.pictures import Album

UNLABELLED = "without a label"


def classes(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Used and rejected images per class."""
    table = evidence.real_manifest(["label", "status"])
    if table is None:
        return NO_FILES
    if not len(table) or table["label"].null_count == len(table):
        return Absent("no image has a label")
    is_out = pc.is_in(table["status"], value_set=pa.array(OUT))
    counted = (
        pa.table({"label": table["label"], "out": is_out}).group_by(["label", "out"]).aggregate([([], "count_all")])
    )
    counts: dict[str | None, list[int]] = {}
    for entry in counted.to_pylist():
        counts.setdefault(entry["label"], [0, 0])[entry["out"]] = entry["count_all"]
    labels = sorted((label for label in counts if label is not None), key=natural)
    used = [counts[label][0] for label in labels]
    every: list[str | None] = [*labels, None] if None in counts else [*labels]
    rows = [(shortened(label or UNLABELLED), counts[label][0], counts[label][1]) for label in every]
    return {
        "rows": rows[:MOST_CLASS_ROWS],
        "more": max(0, len(rows) - MOST_CLASS_ROWS),
        "balance": _balance(used),
        "totals": [sum(row[1] for row in rows), sum(row[2] for row in rows)],
        "most": max([1, *(row[1] + row[2] for row in rows)]),
    }


def _balance(used: list[int]) -> str:
    """How even the classes are, as a sentence."""
    if min(used) == 0:
        return f"{used.count(0)} of {len(used)} classes have no usable image."
    ratio = max(used) / min(used)
    return f"{len(used)} classes; the largest has {ratio:.3g} times as many usable images as the smallest."
