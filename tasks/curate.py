"""Curate: decide on the manifest, without pixels, what is fit for use. Every reject has a reason."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from datasets.manifest import (
    FINDINGS_FILE,
    MANIFEST_FILE,
    THUMBNAIL_SIDE_PX,
    Status,
    read_table,
    reason_counts,
    status_counts,
    with_columns,
    write_table,
)
from tasks.copies import resolve_exact_duplicates, resolve_near_duplicates
from tasks.exclusions import exclusions_digest, find_excluded, read_exclusions
from tasks.finding_list import Findings, is_usable, usable
from tasks.imaging.duplicates import DuplicateSettings
from tasks.stage_context import StageContext, Summary

DECIDING_COLUMNS = (
    *("source", "member", "frame", "sha256", "label", "status", "reason", "detail", "width_px", "height_px"),
    *("mean", "std", "sharpness", "pixel_sha256", "phash", "phash_mirror", "duplicate_group"),
    *("licence", "source_split"),
)
SHOWING_COLUMNS = ("thumbnail", "caption", "pack", "offset", "length")  # by which the image itself can be seen
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
    require_licence: bool = Field(False, description="reject images without a licence")
    exclusions: Path | None = Field(
        None, description="text file of sha256 (bytes or pixels) that, with all copies, must not be used"
    )


def curate(settings: CurateSettings, context: StageContext) -> Summary:
    """Manifest of scan -> manifest with duplicate groups and the final status of every row, and all findings."""
    table = read_table(context.inputs["scan"] / MANIFEST_FILE)
    rows = table.select(DECIDING_COLUMNS).to_pylist()
    thumbnails = _thumbnails(table)
    findings = Findings()
    listed = read_exclusions(settings.exclusions) if settings.exclusions else {}
    apply_exclusions(rows, thumbnails, listed, settings, findings)
    check_licences(rows, settings, findings)
    check_labels(rows, findings)
    check_shapes(rows, settings, findings)
    resolve_exact_duplicates(rows, settings, findings)
    pairs = resolve_near_duplicates(rows, thumbnails, settings, findings)
    check_class_sizes(rows, settings, findings)
    write_kept_pairs(context.out, rows, pairs)
    decided = {name: [row[name] for row in rows] for name in ("status", "reason", "detail", "duplicate_group")}
    table = _without_excluded_content(with_columns(table, **decided))
    write_table(table, context.out / MANIFEST_FILE)
    before = read_table(context.inputs["scan"] / FINDINGS_FILE)
    write_table(pa.concat_tables([before, findings.table()]), context.out / FINDINGS_FILE)
    summary = _summary(table, findings)
    return summary | ({"exclusions": _use_of(listed, rows)} if settings.exclusions else {})


def listed_exclusions(settings: CurateSettings, context: StageContext) -> dict[str, str | None]:
    """What the stage reads besides its input, for its fingerprint. Raises BadInput for a list with a bad line."""
    return exclusions_digest(settings.exclusions)


def apply_exclusions(
    rows: list[Row], thumbnails: np.ndarray, listed: Mapping[str, str], settings: CurateSettings, findings: Findings
) -> None:
    """Reject what is listed, and all its copies. This goes first: what is unfit otherwise may have fit copies."""
    if not listed:
        return
    for number, detail in sorted(find_excluded(rows, thumbnails, listed, settings.similarity).items()):
        row = rows[number]
        if is_usable(row):
            findings.reject(row, "excluded", detail)


def check_licences(rows: Iterable[Row], settings: CurateSettings, findings: Findings) -> None:
    """Where the settings want licences, reject images without one."""
    if not settings.require_licence:
        return
    for row in usable(rows):
        if not (row["licence"] or "").strip():
            detail = "it has no licence, and require_licence is on; name one in the source or in its settings"
            findings.reject(row, "licence_missing", detail)


def check_labels(rows: list[Row], findings: Findings) -> None:
    """Where some images have labels, reject those without."""
    if all(row["label"] is None for row in rows):
        return
    for row in usable(rows):
        if row["label"] is None:
            findings.reject(row, "label_missing", "it has no label, though others have; put it into a class folder")


def check_shapes(rows: Iterable[Row], settings: CurateSettings, findings: Findings) -> None:
    """Reject what is too small, too long, flat or blurred."""
    for row in usable(rows):
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


def write_kept_pairs(folder: Path, rows: list[Row], pairs: np.ndarray) -> None:
    """Keep the confirmed pairs of which both images are still in use, by sha256."""
    kept = [
        (rows[first]["sha256"], rows[second]["sha256"])
        for first, second in pairs.tolist()
        if is_usable(rows[first]) and is_usable(rows[second])
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
    for row in usable(rows):
        sizes[row["label"]] += 1
    for row in list(usable(rows)):
        if row["label"] is not None and sizes[row["label"]] < settings.min_images_per_class:
            size, least = sizes[row["label"]], settings.min_images_per_class
            findings.reject(row, "class_too_small", f"class {row['label']} has {size} images, needs {least}")


def _thumbnails(table: pa.Table) -> np.ndarray:
    """uint8 [N, 1024]; zeros where there is none."""
    side_bytes = THUMBNAIL_SIDE_PX**2
    blank = bytes(side_bytes)
    joined = b"".join(thumbnail or blank for thumbnail in table["thumbnail"].to_pylist())
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, side_bytes)


def _without_excluded_content(table: pa.Table) -> pa.Table:
    """Blank what shows an excluded image in reports and in the published manifest; its hashes are enough."""
    excluded = pc.fill_null(pc.equal(table["reason"], "excluded"), False)
    if not pc.any(excluded).as_py():
        return table
    nulls = {name: pa.nulls(len(table), table.schema.field(name).type) for name in SHOWING_COLUMNS}
    return with_columns(table, **{name: pc.if_else(excluded, blank, table[name]) for name, blank in nulls.items()})


def _use_of(listed: Mapping[str, str], rows: Iterable[Row]) -> dict[str, int]:
    """How many entries the list has, and how many of them name an image of this data set."""
    there = {row[name] for row in rows for name in ("sha256", "pixel_sha256")}
    return {"entries": len(listed), "found": len(listed.keys() & there)}


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
