"""Scan: decode every image once; findings, measures and the prepared image come out of that one decode."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.errors import BadInput
from datasets.manifest import (
    FINDINGS_FILE,
    FINDINGS_SCHEMA,
    MANIFEST_FILE,
    Status,
    manifest_writer,
    read_in_pieces,
    read_table,
    reason_counts,
    status_counts,
    with_columns,
)
from datasets.sources.base import Source
from tasks.digests import canonical_json, file_sha256
from tasks.imaging.decode import DecodeLimits
from tasks.ingest import reopened_sources, source_cache
from tasks.listing_cache import listing_cache
from tasks.parallel import ComputeSettings, Files, map_partitions, partitions_of
from tasks.pixel_store import (
    SCANNED_COLUMNS,
    StoredRows,
    forget_damaged_packs,
    forget_unfinished_packs,
    read_store,
    recorded_pack_sha256,
    store_folder,
    taken,
)
from tasks.scanning.file import ScanSettings, rejected_row
from tasks.scanning.findings_table import findings_of
from tasks.scanning.partition import Row, Unit, gives_blocks, scan_partition
from tasks.stage_context import StageContext, Summary

__all__ = ["PACKS_FILE", "ScanSettings", "holds_still", "packs_are_intact", "scan", "scan_measures", "scan_partition"]

PACKS_FILE = "packs.json"
PASSING_REASONS = {"vanished", "changed_while_read"}
LISTED_TOO = {"frame", "status", "reason", "detail"}
READING_TIMEOUT_S = 600.0
MAX_BYTES_HERE = 96 * 2**20  # of arrays: some seconds of work
BYTES_PER_ROW = 256  # copying that much takes as long as all that is done for an array besides its pixels


def scan(settings: ScanSettings, context: StageContext) -> Summary:
    """Manifest of ingest -> manifest with formats, measures and places of the prepared images, and findings."""
    return _scan(settings, context, keeps_pixels=True)


def scan_measures(settings: ScanSettings, context: StageContext) -> Summary:
    """The same without prepared images, for who only wants to know."""
    return _scan(settings, context, keeps_pixels=False)


def _scan(settings: ScanSettings, context: StageContext, keeps_pixels: bool) -> Summary:
    listing = context.inputs["ingest"] / MANIFEST_FILE
    store = store_folder(context.shared, context.recipe)
    store.mkdir(parents=True, exist_ok=True)
    forget_damaged_packs(store)
    listed = read_table(listing, ["source", "member", "sha256", "size_bytes"])
    units, unread = _new_units(listed, store, settings.limits), _too_large(listed, settings.limits)
    files, bytes_per_file = len(listed), pc.mean(listed["size_bytes"]).as_py()
    del listed
    sources = reopened_sources(context.inputs["ingest"], context.shared)
    _check_reach(sources, context)
    compute = where_to_scan(settings, sources, units, bytes_per_file, context.compute)
    work = partial(scan_partition, settings, sources, store, keeps_pixels=keeps_pixels)
    passing_faults = map_partitions(
        work,
        partitions_of(units, context.compute.images_per_partition(bytes_per_file)),
        compute,
        context.progress,
        on_death=partial(_dead, settings.limits.decode_timeout_s),
        item_timeout_s=settings.limits.decode_timeout_s + READING_TIMEOUT_S,
        files=Files(context.shared),
    )
    forget_unfinished_packs(store)
    known = StoredRows(store, [*unread, *(row for rows in passing_faults for row in rows)])
    return _write_manifest(listing, known, context) | {"images_in": files, "decoded_now": len(units)}


def _check_reach(sources: Mapping[str, Source], context: StageContext) -> None:
    """Raises BadInput where workers would have to read what was brought into a workspace that they do not see."""
    for name in sources if context.compute.exchange else ():
        if (source_cache(context.shared) / name).exists():
            raise BadInput(
                f"source {name} was downloaded or unpacked into the workspace, which workers with compute.exchange do "
                "not see; put its images at a URL, or leave dask_address and exchange out"
            )


def where_to_scan(
    settings: ScanSettings,
    sources: Mapping[str, Source],
    units: Sequence[Unit],
    bytes_per_file: float | None,
    compute: ComputeSettings,
) -> ComputeSettings:
    """In this process, where all are small arrays and few: workers would take as long to start as to finish.

    No decoder can crash on them. A cluster that the settings name is used in any case.
    """
    if compute.address or len(units) * ((bytes_per_file or 0) + BYTES_PER_ROW) > MAX_BYTES_HERE:
        return compute
    firsts = {source: member for source, member, _ in reversed(units)}
    if not all(gives_blocks(settings, sources[name], member) for name, member in firsts.items()):
        return compute
    return compute.model_copy(update={"mode": "synchronous"})


def _write_manifest(listing: Path, known: StoredRows, context: StageContext) -> Summary:
    """Manifest, findings and digests of packs, a row group of the listing at a time."""
    counts, places = _Counts(), set()
    with (
        manifest_writer(context.out / MANIFEST_FILE) as manifest,
        manifest_writer(context.out / FINDINGS_FILE, FINDINGS_SCHEMA) as findings,
    ):
        for listed in read_in_pieces(listing):
            scanned = known.of(listed["sha256"])
            joined = _join(listed, scanned)
            _distrust_listing(joined, context.shared)
            manifest.write(joined)
            findings.write(findings_of(joined, scanned))
            counts.add(listed, joined)
            places.update(pc.unique(joined["pack"]).to_pylist())
    digests = {
        place: recorded_pack_sha256((context.shared / place).with_suffix(".parquet"))
        for place in sorted(filter(None, places))
    }
    (context.out / PACKS_FILE).write_text(canonical_json(digests, indent=1), encoding="utf-8")
    return counts.summary()


class _Counts:
    """What the rows add up to."""

    def __init__(self) -> None:
        self.files = 0
        self.rows = 0
        self.statuses: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def add(self, listed: pa.Table, joined: pa.Table) -> None:
        self.files += len(listed)
        self.rows += len(joined)
        self.statuses.update(status_counts(joined))
        self.reasons.update(reason_counts(joined))

    def summary(self) -> Summary:
        reasons = dict(sorted(self.reasons.items(), key=lambda entry: (-entry[1], str(entry[0]))))
        usable = self.statuses[Status.KEPT] + self.statuses[Status.REPAIRED]
        if usable == 0:
            counted = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
            raise BadInput(f"none of the {self.files} files can be decoded as an image ({counted}); check the source")
        return {
            "frames_added": self.rows - self.files,
            "images_out": usable,
            "repaired": self.statuses[Status.REPAIRED],
            "rejected": reasons,
        }


def holds_still(settings: ScanSettings, context: StageContext, folder: Path) -> str | None:
    """Why an old scan should be made again although nothing else changed, None mostly."""
    reasons = reason_counts(read_table(folder / MANIFEST_FILE, ["status", "reason"]))
    missed = sum(count for reason, count in reasons.items() if reason in PASSING_REASONS)
    if missed:
        return f"{missed} files changed or vanished before they were read"
    return packs_are_intact(settings, context, folder)


def packs_are_intact(settings: ScanSettings, context: StageContext, folder: Path) -> str | None:
    """What is wrong with the packs that an old manifest points to, None if nothing."""
    for place, sha256 in json.loads((folder / PACKS_FILE).read_text(encoding="utf-8")).items():
        path = context.shared / place
        if not path.is_file():
            return f"pack {place} is gone"
        if file_sha256(path) != sha256:
            return f"pack {place} was changed"
    return None


def _dead(decode_timeout_s: float, unit: Unit, sentence: str) -> list[Row]:
    return [rejected_row(unit[2], "decoder_died", f"{sentence}; decode_timeout_s is {decode_timeout_s:g}")]


def _distrust_listing(manifest: pa.Table, shared: Path) -> None:
    """Have files read again that hold other bytes than listed, though size and time may be those of the listing."""
    changed = manifest.filter(pc.equal(manifest["reason"], "changed_while_read"))
    if len(changed):
        with listing_cache(shared) as cache:
            cache.distrust(zip(changed["source"].to_pylist(), changed["member"].to_pylist(), strict=True))


def _new_units(listed: pa.Table, store: Path, limits: DecodeLimits) -> list[Unit]:
    """One member for each payload that the store does not know yet, as far as it may be read."""
    is_small = pc.less_equal(pc.fill_null(listed["size_bytes"], 0), limits.max_bytes)
    is_known = pc.is_in(listed["sha256"], read_store(store, ["sha256"])["sha256"])
    is_new = pc.and_not(pc.and_(pc.is_valid(listed["sha256"]), is_small), is_known)
    new = listed.select(["source", "member", "sha256"]).filter(is_new).combine_chunks()
    codes = pc.index_in(new["sha256"], value_set=pc.unique(new["sha256"])).to_numpy()
    firsts = np.unique(codes, return_index=True)[1]
    return list(zip(*(column.to_pylist() for column in new.take(pa.array(firsts)).columns), strict=True))


def _too_large(listed: pa.Table, limits: DecodeLimits) -> list[Row]:
    """Rows of the files that are not even read."""
    is_large = pc.and_(pc.greater(listed["size_bytes"], limits.max_bytes), pc.is_valid(listed["sha256"]))
    large = listed.select(["sha256", "size_bytes"]).filter(pc.fill_null(is_large, False)).to_pylist()
    sizes = {row["sha256"]: row["size_bytes"] for row in large}
    return [
        rejected_row(sha256, "too_large", f"{size} bytes; max_bytes is {limits.max_bytes}")
        for sha256, size in sizes.items()
    ]


def _join(listed: pa.Table, scanned: pa.Table) -> pa.Table:
    """Each listed row once for every frame, its scanned columns filled; a row that ingest rejected stays as it was.

    The frames of a file are a group, so that no split parts them, unless the source knows of a wider group.
    """
    wanted = pc.unique(scanned["sha256"])
    codes = pc.index_in(scanned["sha256"], value_set=wanted).to_numpy()
    starts, ends = (np.searchsorted(codes, np.arange(len(wanted)), side) for side in ("left", "right"))
    code_of = pc.fill_null(pc.index_in(listed["sha256"], value_set=wanted), -1).to_numpy()
    was_read = code_of >= 0
    if (lost := int(pc.sum(pc.is_valid(listed["sha256"])).as_py() or 0) - int(was_read.sum())) > 0:
        raise RuntimeError(f"nothing is known of {lost} files after scanning; this is a fault of the program")
    counts = np.where(was_read, (ends - starts)[code_of], 1) if len(wanted) else np.ones(len(listed), np.int64)
    rows = np.repeat(np.arange(len(listed)), counts)
    offsets = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.where(was_read, starts[code_of], 0)[rows] + offsets if len(wanted) else rows
    manifest, is_read = taken(listed, rows), pa.array(was_read[rows])
    found = taken(scanned, places) if was_read.all() else scanned.take(pa.array(places, mask=~was_read[rows]))
    columns = {
        name: pc.if_else(is_read, found[name], manifest[name]) if name in LISTED_TOO else found[name]
        for name in SCANNED_COLUMNS[1:]
    }
    files = pc.binary_join_element_wise(manifest["source"], manifest["member"], "/")
    several = pa.array((counts > 1)[rows])
    columns["group"] = pc.if_else(several, pc.coalesce(manifest["group"], files), manifest["group"])
    return with_columns(manifest, **columns)
