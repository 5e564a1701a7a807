"""The section about copies: the members of a group side by side, with what they differ in."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.report.absent import Absent
from tasks.report.evidence import Evidence
from tasks.report.files_sections import NO_FILES, OUT, SHOWN_COLUMNS, shortened
from tasks.report.picks import pick, value_counts, where
from tasks.report.pictures import Album

MOST_GROUPS = 24
PER_GROUP = 5
COLUMNS = [*SHOWN_COLUMNS, "pixel_sha256", "duplicate_group"]
Row = Mapping[str, Any]
TRAITS: dict[str, Callable[[Row], str]] = {
    "label": lambda row: shortened(row["label"] or ""),
    "size": lambda row: f"{row['width_px']} × {row['height_px']} px" if row["width_px"] else "",
    "file": lambda row: f"{kibibytes(row['size_bytes'])} {row['format'] or ''}".strip(),
    "sharpness": lambda row: "" if row["sharpness"] is None else f"sharpness {row['sharpness']:,.4g}",
}


def duplicates(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Groups of copies, members side by side, the kept ones first."""
    table = evidence.real_manifest(COLUMNS)
    if table is None:
        return NO_FILES
    if "curate" not in evidence.stages:
        return Absent("copies are looked for in the stage curate, which this run did not finish")
    grouped = table.filter(pc.is_valid(table["duplicate_group"]))
    sizes = {name: size for name, size in value_counts(grouped, "duplicate_group").items() if size > 1}
    names = sorted(sizes)
    chosen = [names[index] for index in pick(len(names), MOST_GROUPS, evidence.seed, "duplicates")]
    return {
        "groups": [_group(album, where(grouped, "duplicate_group", [name])) for name in chosen],
        "total": len(sizes),
        "files": sum(sizes.values()),
        "largest": max(sizes.values(), default=0),
    }


def _group(album: Album, members: pa.Table) -> dict[str, Any]:
    """The kept members first; what differs from the first is marked."""
    is_out = np.array([status in OUT for status in members["status"].to_pylist()])
    order = np.argsort(is_out, kind="stable")[:PER_GROUP]
    rows = members.take(pa.array(order)).to_pylist()
    return {
        "files": [_member(album, row, rows[0]) for row in rows],
        "size": len(members),
        "kept": int(np.sum(~is_out)),
        "more": len(members) - len(rows),
        "sameness": _sameness(members),
    }


def _member(album: Album, row: Row, first: Row) -> dict[str, Any]:
    traits = [(of(row), of(row) != of(first)) for of in TRAITS.values() if of(row)]
    kept = row["status"] not in OUT
    return {
        "picture": album.file(row, f"{shortened(row['member'])}, {'kept' if kept else row['reason']}"),
        "name": shortened(row["member"]),
        "label": shortened(row["label"] or ""),
        "verdict": "kept" if kept else row["reason"],
        "kept": kept,
        "traits": traits,
    }


def _sameness(members: pa.Table) -> str:
    """How alike they all are."""
    if _is_one(members["sha256"].to_pylist()):
        return "same bytes"
    return "same pixels" if _is_one(members["pixel_sha256"].to_pylist()) else "nearly the same picture"


def _is_one(values: Sequence[str | None]) -> bool:
    return len(set(values)) == 1 and values[0] is not None


def kibibytes(size_bytes: int | None) -> str:
    """E.g. `812 B`, `4.2 KiB`, `1.3 MiB`; "" for None."""
    if size_bytes is None:
        return ""
    for unit, scale in (("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.1f} {unit}"
    return f"{size_bytes} B"
