"""Sections about the files that came in: what was rejected and why, copies, and measures."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import Status
from tasks.report.absent import Absent
from tasks.report.charts import histogram
from tasks.report.evidence import Evidence
from tasks.report.picks import pick, pick_rows, value_counts, where
from tasks.report.pictures import PACK_COLUMNS, Album

PER_REASON = 8
MOST_REASONS = 40
MOST_GROUPS = 12
PER_GROUP = 4
OUT = (Status.REJECTED, Status.UNSELECTED)
SHOWN_COLUMNS = ["member", "label", "status", "reason", "detail", *PACK_COLUMNS]
NO_FILES = Absent("no file was listed in this run")


def rejects(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Rejected and unselected files by reason, with samples; repairs and notes as counts."""
    table = evidence.real_manifest(SHOWN_COLUMNS)
    if table is None:
        return NO_FILES
    out = where(table, "status", OUT)
    counts = value_counts(out, "reason")
    shown = list(counts.items())[:MOST_REASONS]
    return {
        "total": len(out),
        "listed": len(table),
        "reasons": [_reason(evidence, album, out, reason, count) for reason, count in shown],
        "more": dict(list(counts.items())[MOST_REASONS:]),
        "findings": _findings(evidence),
        "per_reason": PER_REASON,
    }


def _reason(evidence: Evidence, album: Album, out: pa.Table, reason: str, count: int) -> dict[str, Any]:
    rows = pick_rows(where(out, "reason", [reason]), PER_REASON, evidence.seed, f"rejects {reason}")
    files = [
        {"picture": album.cell(row, f"{row['member']}, {reason}"), "name": row["member"], "detail": row["detail"] or ""}
        for row in rows
    ]
    return {"reason": reason, "count": count, "files": files}


def _findings(evidence: Evidence) -> list[tuple[str, str, int]]:
    """(severity, finding, files) of what did not reject a file."""
    table = evidence.findings(["finding", "severity"])
    if table is None:
        return []
    return [
        (severity, finding, count)
        for severity in ("repair", "note")
        for finding, count in value_counts(where(table, "severity", [severity]), "finding").items()
    ]


def duplicates(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Groups of copies, members side by side."""
    table = evidence.real_manifest([*SHOWN_COLUMNS, "duplicate_group"])
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
    }


def _group(album: Album, members: pa.Table) -> dict[str, Any]:
    """The kept member first."""
    order = pa.array(np.argsort([status in OUT for status in members["status"].to_pylist()], kind="stable"))
    rows = members.take(order[:PER_GROUP]).to_pylist()
    files = [
        {
            "picture": album.cell(row, f"{row['member']}, {row['reason'] or 'kept'}"),
            "name": row["member"],
            "verdict": row["reason"] if row["status"] in OUT else "kept",
            "kept": row["status"] not in OUT,
        }
        for row in rows
    ]
    return {"files": files, "size": len(members), "more": len(members) - len(rows)}


MEASURES = {
    "shorter side, px": lambda table: np.minimum(_floats(table, "width_px"), _floats(table, "height_px")),
    "file size, KiB": lambda table: _floats(table, "size_bytes") / 1024,
    "brightness (mean grey level)": lambda table: _floats(table, "mean"),
    "contrast (deviation of grey levels)": lambda table: _floats(table, "std"),
    "sharpness (variance of the Laplacian)": lambda table: _floats(table, "sharpness"),
}


def measures(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Histograms of the files as they were found, used ones below rejected ones."""
    table = evidence.real_manifest(["status", "width_px", "height_px", "size_bytes", "mean", "std", "sharpness"])
    if table is None:
        return NO_FILES
    is_out = pc.is_in(table["status"], value_set=pa.array(OUT)).to_numpy(zero_copy_only=False)
    charts = []
    for title, values_of in MEASURES.items():
        values = values_of(table)
        chart = histogram(title, {"used": values[~is_out], "rejected": values[is_out]})
        charts += [chart] if chart else []
    return {"charts": charts} if charts else NO_FILES


def _floats(table: pa.Table, column: str) -> np.ndarray:
    """float64 [N], NaN for null."""
    return np.asarray(table[column].cast(pa.float64()).fill_null(float("nan")).to_numpy(), dtype=np.float64)
