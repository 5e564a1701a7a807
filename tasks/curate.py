"""Curate: decide on the manifest, without pixels, what is fit for use. Every reject has a reason."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from datasets.manifest import (
    FINDINGS_FILE,
    FINDINGS_SCHEMA,
    MANIFEST_FILE,
    THUMBNAIL_SIDE_PX,
    Status,
    key_text,
    read_table,
    reason_counts,
    status_counts,
    with_columns,
    write_table,
)
from tasks.imaging.duplicates import DuplicateSettings, groups, near_pairs
from tasks.stage_context import StageContext, Summary

DECIDING_COLUMNS = (
    *("source", "member", "frame", "sha256", "label", "status", "reason", "detail", "width_px", "height_px"),
    *("mean", "std", "sharpness", "pixel_sha256", "phash", "phash_mirror", "duplicate_group"),
)
PAIRS_FILE = "near_pairs.parquet"
PAIRS_SCHEMA = pa.schema([("first", pa.string()), ("second", pa.string())])
Row = dict[str, Any]


class CurateSettings(BaseModel):
    """What is fit for use. Thresholds apply to stored measures: changing one decodes nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_side_px: int = Field(8, ge=1, description="images with a shorter side are rejected")
    max_aspect: float = Field(8.0, ge=1, description="images longer than this many times their width are rejected")
    min_std: float = Field(2.0, ge=0, le=128, description="grey deviation under this is a flat picture, rejected")
    min_sharpness: float = Field(0.0, ge=0, description="variance of the Laplacian under this is rejected; 0 = off")
    exact_duplicates: Literal["keep_first", "keep_all"] = Field(
        "keep_first", description="same bytes or same pixels: keep_first or keep_all (always in one split)"
    )
    near_duplicates: Literal["keep_best", "keep_all", "ignore"] = Field(
        "keep_best", description="near copies: keep_best (largest, sharpest), keep_all (in one split), or ignore"
    )
    label_conflicts: Literal["reject_all", "keep_first"] = Field(
        "reject_all",
        description="one picture under two labels: reject_all, as nobody knows which is right, or keep_first",
    )
    similarity: DuplicateSettings = Field(default_factory=DuplicateSettings, description="what counts as a near copy")
    min_images_per_class: int = Field(1, ge=1, description="classes with fewer images left are rejected whole")


def curate(settings: CurateSettings, context: StageContext) -> Summary:
    """Manifest of scan -> manifest with duplicate groups and the final status of every row, and all findings."""
    table = read_table(context.inputs["scan"] / MANIFEST_FILE)
    rows = table.select(DECIDING_COLUMNS).to_pylist()
    findings = Findings()
    check_labels(rows, findings)
    check_shapes(rows, settings, findings)
    resolve_exact_duplicates(rows, settings, findings)
    pairs = resolve_near_duplicates(rows, _thumbnails(table), settings, findings)
    check_class_sizes(rows, settings, findings)
    write_kept_pairs(context.out, rows, pairs)
    decided = {name: [row[name] for row in rows] for name in ("status", "reason", "detail", "duplicate_group")}
    table = with_columns(table, **decided)
    write_table(table, context.out / MANIFEST_FILE)
    before = read_table(context.inputs["scan"] / FINDINGS_FILE)
    write_table(pa.concat_tables([before, findings.table()]), context.out / FINDINGS_FILE)
    return _summary(table, findings)


class Findings:
    """Collects findings, one per image and fault."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, row: Row, finding: str, severity: str, detail: str) -> None:
        """Record a finding of a manifest row."""
        key = {name: row[name] for name in ("source", "member", "frame", "sha256")}
        self.rows.append(key | {"finding": finding, "severity": severity, "detail": detail})

    def reject(self, row: Row, finding: str, detail: str) -> None:
        """Record a finding, and give the row its status and reason."""
        row.update(status=Status.REJECTED, reason=finding, detail=detail)
        self.add(row, finding, "reject", detail)

    def table(self) -> pa.Table:
        """All of them in the schema of findings."""
        return pa.Table.from_pylist(self.rows, schema=FINDINGS_SCHEMA)


def check_labels(rows: list[Row], findings: Findings) -> None:
    """Where some images have labels, reject those without."""
    if all(row["label"] is None for row in rows):
        return
    for row in _usable(rows):
        if row["label"] is None:
            findings.reject(row, "label_missing", "it has no label, though others have; put it into a class folder")


def check_shapes(rows: Iterable[Row], settings: CurateSettings, findings: Findings) -> None:
    """Reject what is too small, too long, flat or blurred."""
    for row in _usable(rows):
        short_px, long_px = sorted((row["width_px"], row["height_px"]))
        size = f"{row['width_px']}x{row['height_px']} px"
        if short_px < settings.min_side_px:
            findings.reject(row, "too_small", f"{size}: shorter side under min_side_px {settings.min_side_px}")
        elif long_px > settings.max_aspect * short_px:
            findings.reject(row, "odd_aspect", f"{size}: longer than max_aspect {settings.max_aspect:g} to 1")
        elif row["std"] < settings.min_std:
            detail = (
                f"grey levels deviate by {row['std']:.2f} around {row['mean']:.0f}, under min_std {settings.min_std:g}"
            )
            findings.reject(row, _flat_code(row["mean"]), detail)
        elif row["sharpness"] < settings.min_sharpness:
            detail = f"sharpness {row['sharpness']:.1f} under min_sharpness {settings.min_sharpness:g}"
            findings.reject(row, "too_blurry", detail)


def _flat_code(mean: float) -> str:
    return "flat_black" if mean < 8 else "flat_white" if mean > 247 else "flat"


def resolve_exact_duplicates(rows: list[Row], settings: CurateSettings, findings: Findings) -> None:
    """Files of the same bytes, or of the same pixels, form a group named after its first member."""
    alike: dict[str, list[Row]] = defaultdict(list)
    for row in _usable(rows):
        alike[row["pixel_sha256"]].append(row)
    for group in alike.values():
        if len(group) == 1:
            continue
        for row in group:
            row["duplicate_group"] = group[0]["sha256"]
        if _resolve_label_conflict(group, settings, findings, "the same picture"):
            continue
        for row in group[1:]:
            what = "bytes" if row["sha256"] == group[0]["sha256"] else "pixels"
            detail = f"same {what} as {key_text(group[0])}"
            _drop_copy(row, "duplicate_exact", detail, settings.exact_duplicates == "keep_first", findings)


def resolve_near_duplicates(
    rows: list[Row], thumbnails: np.ndarray, settings: CurateSettings, findings: Findings
) -> np.ndarray:
    """Decide on groups of near copies; `thumbnails` uint8 [N, 1024] belongs to all rows, in their order.

    Returns the pairs that were confirmed, int64 [P, 2] of row numbers. Groups are guarded against chains, so two
    images that match may be in different groups: the split keeps those together by the pairs.
    """
    if settings.near_duplicates == "ignore":
        return np.empty((0, 2), dtype=np.int64)
    indices = np.array([i for i, row in enumerate(rows) if _is_usable(row)], dtype=np.int64)
    pairs = _near_pairs(rows, indices, thumbnails, settings.similarity)
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["duplicate_group"]:
            by_name[row["duplicate_group"]].append(row)
    for members in _groups_of(indices, pairs):
        group = sorted((rows[index] for index in members), key=_worth, reverse=True)
        _name_group(group, by_name)
        if _resolve_label_conflict(group, settings, findings, "nearly the same picture"):
            continue
        for row in group[1:]:
            if row["pixel_sha256"] == group[0]["pixel_sha256"]:
                continue  # an exact copy, which `exact_duplicates` kept
            detail = f"nearly the same as {key_text(group[0])}"
            _drop_copy(row, "duplicate_near", detail, settings.near_duplicates == "keep_best", findings)
    return indices[pairs]


def _name_group(group: list[Row], by_name: dict[str, list[Row]]) -> None:
    """Give a group the name of its best image; groups of exact copies that its images head come along."""
    name = group[0]["duplicate_group"] or group[0]["sha256"]
    for row in group:
        for member in by_name.pop(row["duplicate_group"], ()):
            member["duplicate_group"] = name
        row["duplicate_group"] = name


def _near_pairs(
    rows: list[Row], indices: np.ndarray, thumbnails: np.ndarray, similarity: DuplicateSettings
) -> np.ndarray:
    """Pairs of positions in `indices`."""
    hashes = {
        name: np.array([rows[index][name] for index in indices], dtype=np.uint64) for name in ("phash", "phash_mirror")
    }
    return near_pairs(
        hashes["phash"],
        hashes["phash_mirror"],
        thumbnails[indices],
        similarity.radius_bits,
        similarity.max_mean_difference,
        similarity.min_correlation,
    )


def _groups_of(indices: np.ndarray, pairs: np.ndarray) -> list[list[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    for position, representative in enumerate(groups(len(indices), pairs)):
        members[int(representative)].append(int(indices[position]))
    return [group for group in members.values() if len(group) > 1]


def write_kept_pairs(folder: Path, rows: list[Row], pairs: np.ndarray) -> None:
    """Keep the confirmed pairs of which both images are still in use, by sha256."""
    kept = [
        (rows[first]["sha256"], rows[second]["sha256"])
        for first, second in pairs.tolist()
        if _is_usable(rows[first]) and _is_usable(rows[second])
    ]
    columns = {"first": [pair[0] for pair in kept], "second": [pair[1] for pair in kept]}
    pq.write_table(pa.Table.from_pydict(columns, schema=PAIRS_SCHEMA), folder / PAIRS_FILE)


def read_kept_pairs(folder: Path) -> list[tuple[str, str]]:
    """Pairs of sha256 of near copies that are both in use."""
    table = pq.read_table(folder / PAIRS_FILE, schema=PAIRS_SCHEMA)
    return list(zip(table["first"].to_pylist(), table["second"].to_pylist(), strict=True))


def check_class_sizes(rows: list[Row], settings: CurateSettings, findings: Findings) -> None:
    """Reject the images of classes that have too few."""
    sizes: dict[str, int] = defaultdict(int)
    for row in _usable(rows):
        sizes[row["label"]] += 1
    for row in list(_usable(rows)):
        if row["label"] is not None and sizes[row["label"]] < settings.min_images_per_class:
            size, least = sizes[row["label"]], settings.min_images_per_class
            findings.reject(row, "class_too_small", f"class {row['label']} has {size} images, needs {least}")


def _resolve_label_conflict(group: list[Row], settings: CurateSettings, findings: Findings, what: str) -> bool:
    """True when the group was one picture under several labels and all of it was rejected."""
    labels = sorted({str(row["label"]) for row in group})
    if len(labels) == 1:
        return False
    if settings.label_conflicts == "keep_first":
        for row in group:
            findings.add(row, "label_conflict", "note", f"{what} is labelled {' and '.join(labels)}")
        return False
    for row in group:
        findings.reject(row, "label_conflict", f"{what} is labelled {' and '.join(labels)}")
    return True


def _drop_copy(row: Row, code: str, detail: str, drop: bool, findings: Findings) -> None:
    if drop:
        findings.reject(row, code, detail)
    else:
        findings.add(row, code, "note", detail)


def _worth(row: Row) -> tuple[int, float, str]:
    """Larger is better, then sharper; the key breaks ties the same way every time."""
    return (row["width_px"] * row["height_px"], row["sharpness"], key_text(row))


def _is_usable(row: Row) -> bool:
    return row["status"] in (Status.KEPT, Status.REPAIRED)


def _usable(rows: Iterable[Row]) -> Iterable[Row]:
    return (row for row in rows if _is_usable(row))


def _thumbnails(table: pa.Table) -> np.ndarray:
    """uint8 [N, 1024]; zeros where there is none."""
    side_bytes = THUMBNAIL_SIDE_PX**2
    blank = bytes(side_bytes)
    joined = b"".join(thumbnail or blank for thumbnail in table["thumbnail"].to_pylist())
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, side_bytes)


def _summary(table: pa.Table, findings: Findings) -> Summary:
    counts = status_counts(table)
    by_finding: dict[str, int] = defaultdict(int)
    for row in findings.rows:
        by_finding[row["finding"]] += 1
    return {
        "images_in": len(table),
        "images_out": counts[Status.KEPT] + counts[Status.REPAIRED],
        "rejected": reason_counts(table),
        "findings": dict(sorted(by_finding.items())),
    }
