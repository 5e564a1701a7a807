"""Curate: decide on the manifest, without pixels, what is fit for use. Every reject has a reason.

CHECKS is the order of decisions, and the only place where it is written down.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from datasets.errors import brief
from datasets.manifest import (
    FINDINGS_FILE,
    MANIFEST_FILE,
    Status,
    manifest_writer,
    read_in_pieces,
    read_table,
    with_columns,
    write_table,
)
from tasks.curation.copies import ExactPolicy, NearPolicy, resolve_exact_duplicates, resolve_near_duplicates
from tasks.curation.exclusions import exclusions_digest, find_excluded, read_exclusions
from tasks.curation.expectations import Expectations, check_expectations
from tasks.curation.finding_list import Findings, is_usable, usable
from tasks.curation.kept_pairs import write_kept_pairs
from tasks.curation.label_issues import LabelIssueSettings, check_label_issues
from tasks.curation.labels import check_class_sizes, check_labels, class_balance, write_balance
from tasks.curation.near_search import spread_over
from tasks.curation.outliers import ClassOutlierSettings, OutlierLimits, check_class_outliers, check_limits
from tasks.curation.overrides import apply_overrides, detail_of, overrides_digest, read_overrides, record_kept
from tasks.curation.thumbnails import thumbnail_file
from tasks.imaging.duplicates import DuplicateSettings
from tasks.imaging.near_duplicates.search import Spread, here
from tasks.stage_context import StageContext, Summary

DECIDING_COLUMNS = (
    *("source", "member", "frame", "sha256", "label", "status", "reason", "detail", "licence", "source_split"),
    *("format", "width_px", "height_px", "channels", "bit_depth"),
    *("mean", "std", "entropy_bits", "sharpness", "brightness_p05", "brightness_p95", "clipped_fraction"),
    *("pixel_sha256", "phash", "phash_mirror", "duplicate_group"),
)
DECIDED_COLUMNS = ("label", "status", "reason", "detail", "duplicate_group")
MOST_SHARED_TEXTS = 10_000
SHOWING_COLUMNS = ("thumbnail", "caption", "pack", "offset", "length")  # by which the image itself can be seen
Row = dict[str, Any]


class CurateSettings(OutlierLimits):
    """What is fit for use. Thresholds apply to stored measures: changing one decodes nothing."""

    class_outliers: ClassOutlierSettings = Field(
        default_factory=ClassOutlierSettings, description="images that are far from the others of their class"
    )
    expect: Expectations = Field(default_factory=Expectations, description="what every image must be like")
    exact_duplicates: ExactPolicy = Field(
        "keep_first", description="same bytes or same pixels: keep_first, keep_best or keep_all (always in one split)"
    )
    near_duplicates: NearPolicy = Field(
        "keep_best", description="near: keep_best (largest, sharpest), keep_first, keep_all (in one split) or ignore"
    )
    label_conflicts: Literal["reject_all", "keep_first"] = Field(
        "reject_all",
        description="one picture under two labels: reject_all, as nobody knows which is right, or keep_first",
    )
    similarity: DuplicateSettings = Field(default_factory=DuplicateSettings, description="what counts as a near copy")
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="names of the classes; other labels are label_unknown; null = any"
    )
    min_images_per_class: int = Field(1, ge=1, description="classes with fewer images left are rejected whole")
    label_issues: LabelIssueSettings = Field(default_factory=LabelIssueSettings, description="labels that look wrong")
    require_licence: bool = Field(False, description="reject images without a licence")
    exclusions: Path | None = Field(
        None, description="text file of sha256 (bytes or pixels) that, with all copies, must not be used"
    )
    overrides: Path | None = Field(
        None, description="YAML or CSV file of single images to keep, drop or relabel, whatever else is found"
    )


@dataclass
class Curation:
    """What the checks read and change. `thumbnails` uint8 [N, 1024] are in the order of the rows."""

    rows: list[Row]
    thumbnails: np.ndarray
    settings: CurateSettings
    findings: Findings = field(default_factory=Findings)
    pairs: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))  # of row numbers, near copies
    notes: Summary = field(default_factory=dict)  # for the summary of the stage
    sentences: list[str] = field(default_factory=list)  # for people, among the stage's notes
    run: Spread = here  # how the search for near copies is spread


def curate(settings: CurateSettings, context: StageContext) -> Summary:
    """Manifest of scan -> manifest with duplicate groups and the final status of every row, and all findings."""
    scanned = context.inputs["scan"] / MANIFEST_FILE
    with TemporaryDirectory(dir=context.out, prefix="thumbnails-") as scratch:
        thumbnails = thumbnail_file(scanned, Path(scratch) / "thumbnails.npy")
        work = Curation(rows_of(read_table(scanned, list(DECIDING_COLUMNS))), thumbnails, settings)
        work.run = spread_over(context.compute, context.out, len(work.rows))
        for check in CHECKS:
            check(work)
    for row in work.rows:
        if "override_trace" in row:
            row["detail"] = detail_of(row)
    _write_decided(work.rows, scanned, context.out / MANIFEST_FILE)
    before = read_table(context.inputs["scan"] / FINDINGS_FILE)
    write_table(pa.concat_tables([before, work.findings.table()]), context.out / FINDINGS_FILE)
    write_kept_pairs(context.out, work.rows, work.pairs)
    balance = class_balance(work.rows, settings.classes)
    write_balance(context.out, balance)
    told: Summary = {"notes": work.sentences} if work.sentences else {}
    return _summary(work.rows, work.findings) | {"classes": balance} | work.notes | told


def files_read(settings: CurateSettings, context: StageContext) -> dict[str, str | None]:
    """What the stage reads besides its input, for its fingerprint. Raises BadInput for a file with a bad line."""
    return exclusions_digest(settings.exclusions) | {"overrides": overrides_digest(settings.overrides)}


def rows_of(table: pa.Table) -> list[Row]:
    """As dictionaries that share their keys, and equal texts of columns with few: they are most of the memory."""
    names = table.column_names  # once: each call makes new texts, which every row would hold
    columns = [_values(table[name]) for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_string(column.type) or column.null_count == len(column):
        return column.to_pylist()
    encoded = column.combine_chunks().dictionary_encode()
    if len(encoded.dictionary) > MOST_SHARED_TEXTS:
        return column.to_pylist()
    texts = [*encoded.dictionary.to_pylist(), None]
    return [texts[number] for number in encoded.indices.fill_null(-1).to_pylist()]


def _exclusions(work: Curation) -> None:
    """Reject what is listed, and all its copies."""
    path = work.settings.exclusions
    if path is None:
        return
    listed = read_exclusions(path)
    there = {row[name] for row in work.rows for name in ("sha256", "pixel_sha256")}
    found_here = len(listed.keys() & there)
    work.notes["exclusions"] = {"entries": len(listed), "found": found_here}
    if found_here < len(listed):
        work.sentences.append(
            f"{len(listed) - found_here} of {len(listed)} hashes in curate.exclusions are of no image here; a hash of "
            "bytes always holds, one of pixels may change with scan.resize"
        )
    if not listed:
        return
    found = find_excluded(work.rows, work.thumbnails, listed, work.settings.similarity)
    for number, detail in sorted(found.items()):
        row = work.rows[number]
        if is_usable(row):
            work.findings.reject(row, "excluded", detail)


def _overrides(work: Curation) -> None:
    if work.settings.overrides is not None:
        use = apply_overrides(work.rows, read_overrides(work.settings.overrides), work.findings)
        work.notes["overrides"] = use.summary()
        if use.unmatched:
            work.sentences.append(
                f"{len(use.unmatched)} of {use.entries} entries in curate.overrides match no image, such as "
                f"{brief(use.unmatched[0])}"
            )


def _licences(work: Curation) -> None:
    """Where the settings want licences, reject images without one."""
    if not work.settings.require_licence:
        return
    for row in usable(work.rows):
        if not (row["licence"] or "").strip():
            detail = "it has no licence, and require_licence is on; name one in the source or in its settings"
            work.findings.reject(row, "licence_missing", detail)


def _labels(work: Curation) -> None:
    check_labels(work.rows, work.settings.classes, work.findings)


def _expectations(work: Curation) -> None:
    check_expectations(work.rows, work.settings.expect, work.findings)


def _limits(work: Curation) -> None:
    check_limits(work.rows, work.settings, work.findings)


def _exact_duplicates(work: Curation) -> None:
    resolve_exact_duplicates(work.rows, work.settings, work.findings)


def _near_duplicates(work: Curation) -> None:
    found = resolve_near_duplicates(work.rows, work.thumbnails, work.settings, work.findings, work.run)
    work.pairs = found.pairs
    work.notes |= {"near_copies": found.numbers} if found.numbers else {}


def _class_outliers(work: Curation) -> None:
    check_class_outliers(work.rows, work.settings.class_outliers, work.findings)


def _label_issues(work: Curation) -> None:
    looked_at = check_label_issues(work.rows, work.thumbnails, work.settings.label_issues, work.findings)
    work.notes |= {} if looked_at is None else {"label_issues": looked_at}


def _class_sizes(work: Curation) -> None:
    check_class_sizes(work.rows, work.settings.min_images_per_class, work.findings)


def _kept(work: Curation) -> None:
    record_kept(work.rows, work.findings)


CHECKS: tuple[Callable[[Curation], None], ...] = (
    _exclusions,  # first: what is unfit otherwise may have fit copies, and those must go too
    _overrides,  # then the user: what is dropped is no better copy of anything, what is kept nothing later rejects
    _licences,
    _labels,
    _expectations,
    _limits,  # unfit images go before copies are looked for, so that a fit copy stays
    _exact_duplicates,
    _near_duplicates,
    _class_outliers,  # a class is judged without copies: a hundred of one image would pass for what is usual
    _label_issues,
    _class_sizes,  # on what is left of each class
    _kept,  # says what each override has kept an image in spite of
)


def _write_decided(rows: Sequence[Row], scanned: Path, path: Path) -> None:
    """The manifest with what was decided, piece by piece, as it also holds thumbnails."""
    start = 0
    with manifest_writer(path) as writer:
        for piece in read_in_pieces(scanned):
            decided = rows[start : start + len(piece)]
            columns = {name: [row[name] for row in decided] for name in DECIDED_COLUMNS}
            writer.write(_without_excluded_content(with_columns(piece, **columns)))
            start += len(piece)


def _without_excluded_content(table: pa.Table) -> pa.Table:
    """Blank what shows an excluded image in reports and in the published manifest; its hashes are enough."""
    excluded = pc.fill_null(pc.equal(table["reason"], "excluded"), False)
    if not pc.any(excluded).as_py():
        return table
    nulls = {name: pa.nulls(len(table), table.schema.field(name).type) for name in SHOWING_COLUMNS}
    return with_columns(table, **{name: pc.if_else(excluded, blank, table[name]) for name, blank in nulls.items()})


def _summary(rows: Sequence[Row], findings: Findings) -> Summary:
    reasons = Counter(row["reason"] for row in rows if row["status"] in (Status.REJECTED, Status.UNSELECTED))
    return {
        "images_in": len(rows),
        "images_out": sum(is_usable(row) for row in rows),
        "rejected": dict(sorted(reasons.items(), key=lambda item: (-item[1], str(item[0])))),
        "findings": dict(sorted(Counter(row["finding"] for row in findings.rows).items())),
    }
