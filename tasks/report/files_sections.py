"""Sections about the files that came in: what was found in them and why, copies, and measures."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import KEY, Status
from tasks.findings import FINDINGS
from tasks.report.absent import Absent
from tasks.report.advice import OF_SEVERITY, advice
from tasks.report.charts import Chart, histogram
from tasks.report.evidence import Evidence
from tasks.report.picks import pick_rows, value_counts, where
from tasks.report.pictures import PICTURE_COLUMNS, Album

PER_FINDING = 8
MOST_FINDINGS = 40
OUT = (Status.REJECTED, Status.UNSELECTED)
NO_FILES = Absent("no file was listed in this run")
NAME_CHARACTERS = 160
SEVERITIES = {
    "reject": ("Rejected", "These files are not used."),
    "repair": ("Repaired", "These files are used; what was odd in them was put right in the prepared image."),
    "note": ("Noted", "These files are used as they are; something about them is worth knowing."),
}
KEY_COLUMNS = list(KEY)
SHOWN_COLUMNS = ["status", "reason", "detail", *PICTURE_COLUMNS]


def findings(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """What was found, by severity and finding, with what it means, what to do, and samples."""
    table = evidence.real_manifest(SHOWN_COLUMNS)
    if table is None:
        return NO_FILES
    out = where(table, "status", OUT)
    found = evidence.findings([*KEY_COLUMNS, "finding", "severity", "detail"])
    groups = [_rejected(evidence, album, out)]
    if found is not None:
        groups += [_used(evidence, album, table, found, severity) for severity in ("repair", "note")]
    groups = [group for group in groups if group["findings"]]
    return {"total": len(out), "listed": len(table), "groups": groups, "per_finding": PER_FINDING}


def _rejected(evidence: Evidence, album: Album, out: pa.Table) -> dict[str, Any]:
    """Each file under the one finding that decided about it."""
    counts = value_counts(out, "reason")
    parts = []
    for finding, count in list(counts.items())[:MOST_FINDINGS]:
        rows = pick_rows(where(out, "reason", [finding]), PER_FINDING, evidence.seed, f"rejects {finding}")
        parts.append(_finding(album, finding, "reject", count, rows))
    return _group("reject", parts, counts)


def _used(evidence: Evidence, album: Album, table: pa.Table, found: pa.Table, severity: str) -> dict[str, Any]:
    """What did not decide about a file: a file may be here several times, and among the rejected ones too."""
    found = where(found, "severity", [severity])
    counts = value_counts(found, "finding")
    parts = []
    for finding, count in list(counts.items())[:MOST_FINDINGS]:
        chosen = pick_rows(where(found, "finding", [finding]), PER_FINDING, evidence.seed, f"{severity} {finding}")
        known = _rows_of(table, chosen)
        rows = [known[_key(row)] | {"detail": row["detail"]} for row in chosen if _key(row) in known]
        parts.append(_finding(album, finding, severity, count, rows))
    return _group(severity, parts, counts)


def _group(severity: str, parts: list[dict[str, Any]], counts: dict[str, int]) -> dict[str, Any]:
    title, sentence = SEVERITIES[severity]
    more = dict(list(counts.items())[MOST_FINDINGS:])
    return {"severity": severity, "title": title, "sentence": sentence, "findings": parts, "more": more}


def _finding(album: Album, finding: str, severity: str, count: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    files = [
        {
            "picture": album.file(row, f"{shortened(row['member'])}, {finding}"),
            "name": shortened(row["member"]),
            "label": shortened(row["label"] or ""),
            "detail": shortened(row["detail"] or ""),
        }
        for row in rows
    ]
    meaning, todo = FINDINGS.get(finding, ""), advice(finding, severity)
    general = todo == OF_SEVERITY.get(severity)
    return {"finding": finding, "count": count, "meaning": meaning, "advice": "" if general else todo, "files": files}


def _rows_of(table: pa.Table, chosen: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The manifest's rows of some findings, by key."""
    rows = where(table, "member", [row["member"] for row in chosen]).to_pylist()
    return {_key(row): row for row in rows}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def shortened(text: str) -> str:
    """A name may have thousands of characters; its end tells more than its middle."""
    return text if len(text) <= NAME_CHARACTERS else f"{text[: NAME_CHARACTERS - 64]} … {text[-60:]}"


# Title, what it is of a row, and the settings that limit it.
MEASURES = (
    (
        "shorter side, px",
        lambda table: np.minimum(_floats(table, "width_px"), _floats(table, "height_px")),
        ("min_side_px",),
    ),
    (
        "aspect, longer by shorter side",
        lambda table: _ratio(_floats(table, "width_px"), _floats(table, "height_px")),
        ("max_aspect",),
    ),
    ("file size, KiB", lambda table: _floats(table, "size_bytes") / 1024, ()),
    ("brightness (mean grey level)", lambda table: _floats(table, "mean"), ()),
    (
        "bright end (95th percentile of grey levels)",
        lambda table: _floats(table, "brightness_p95"),
        ("min_bright_level",),
    ),
    ("dark end (5th percentile of grey levels)", lambda table: _floats(table, "brightness_p05"), ("max_dark_level",)),
    ("contrast (deviation of grey levels)", lambda table: _floats(table, "std"), ("min_std",)),
    ("entropy, bits", lambda table: _floats(table, "entropy_bits"), ("min_entropy_bits",)),
    ("sharpness (variance of the Laplacian)", lambda table: _floats(table, "sharpness"), ("min_sharpness",)),
)
MEASURE_COLUMNS = [
    *("status", "width_px", "height_px", "size_bytes", "mean", "brightness_p05", "brightness_p95", "std"),
    *("entropy_bits", "sharpness"),
]


def measures(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Histograms of the files as they were found, used ones below rejected ones, with the limits that are set."""
    table = evidence.real_manifest(MEASURE_COLUMNS)
    if table is None:
        return NO_FILES
    is_out = pc.is_in(table["status"], value_set=pa.array(OUT)).to_numpy(zero_copy_only=False)
    curate = evidence.record["settings"].get("curate", {})
    charts: list[Chart] = []
    for title, values_of, settings in MEASURES:
        values = values_of(table)
        limits = {name: float(curate[name]) for name in settings if curate.get(name)}  # 0 and null: off
        chart = histogram(title, {"used": values[~is_out], "rejected": values[is_out]}, limits)
        charts += [chart] if chart else []
    return {"charts": charts} if charts else NO_FILES


def _floats(table: pa.Table, column: str) -> np.ndarray:
    """float64 [N], NaN for null."""
    return np.asarray(table[column].cast(pa.float64()).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _ratio(width_px: np.ndarray, height_px: np.ndarray) -> np.ndarray:
    """float64 [N] >= 1."""
    return np.maximum(width_px, height_px) / np.minimum(width_px, height_px)
