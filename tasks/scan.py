"""Scan: decode every image once; findings, measures and the prepared image come out of that one decode."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from datasets.errors import BadInput
from datasets.image_codec import encode_image
from datasets.manifest import (
    FINDINGS_FILE,
    FINDINGS_SCHEMA,
    MANIFEST_FILE,
    Status,
    read_table,
    reason_counts,
    status_counts,
    with_columns,
    write_table,
)
from datasets.sources.base import Source
from tasks.digests import canonical_json, file_sha256
from tasks.imaging.decode import Decoded, DecodeLimits, Finding, Undecodable, decode
from tasks.imaging.measures import channel_sums, measure
from tasks.imaging.pixel_operations import DenoiseSettings, ResizeSettings, denoise, resize, to_channels
from tasks.ingest import reopened_sources
from tasks.listing_cache import listing_cache
from tasks.parallel import map_partitions, partitions_of
from tasks.pixel_store import (
    SCANNED_COLUMNS,
    STORE_SCHEMA,
    forget_damaged_packs,
    pack_name,
    read_store,
    recorded_pack_sha256,
    store_folder,
    write_pack,
)
from tasks.stage_context import StageContext, Summary

PACKS_FILE = "packs.json"
PASSING_REASONS = {"vanished", "changed_while_read"}
LISTED_TOO = {"status", "reason", "detail"}
EXTENSIONS = {  # that are right for a format besides its own name
    "jpeg": {"jpg", "jpe", "jfif", "mpo"},
    "tiff": {"tif"},
    "png": {"apng"},
    "pnm": {"pbm", "pgm", "ppm", "pam", "pfm"},
    "jp2": {"j2k", "j2c", "jpc", "jpf", "jpx"},
    "avif": {"avifs"},
    "ico": {"cur"},
}
Unit = tuple[str, str, str]  # source, member, sha256


class ScanSettings(BaseModel):
    """How images are decoded and prepared. A change here decodes everything again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Literal[1, 3] = Field(3, description="1 = grey, 3 = RGB")
    resize: ResizeSettings = Field(default_factory=ResizeSettings, description="the one shape of all prepared images")
    denoise: DenoiseSettings = Field(default_factory=DenoiseSettings, description="noise removal before resizing")
    exact: bool = Field(False, description="decode large JPEGs at full size; false = at the nearest 1/2, 1/4 or 1/8")
    encoding: Literal["png", "jpeg"] = Field("png", description="png (lossless) or jpeg, in packs and shards")
    jpeg_quality: int = Field(95, ge=50, le=100, description="quality of jpeg encoding")
    limits: DecodeLimits = Field(default_factory=DecodeLimits, description="what is decoded at all")


def scan(settings: ScanSettings, context: StageContext) -> Summary:
    """Manifest of ingest -> manifest with formats, measures and places of the prepared images, and findings."""
    listed = read_table(context.inputs["ingest"] / MANIFEST_FILE)
    store = store_folder(context.shared, context.recipe)
    store.mkdir(parents=True, exist_ok=True)
    forget_damaged_packs(store)
    units = _new_units(listed, store)
    work = partial(scan_partition, settings, reopened_sources(context.inputs["ingest"], context.shared), store)
    passing_faults = map_partitions(
        work,
        partitions_of(units, context.compute.partition_size),
        context.compute,
        context.progress,
        on_death=_dead,
    )
    scanned = _known_rows(store, listed, [row for rows in passing_faults for row in rows])
    manifest = _join(listed, scanned)
    _distrust_listing(manifest, context.shared)
    write_table(manifest, context.out / MANIFEST_FILE)
    write_table(_findings(manifest, scanned), context.out / FINDINGS_FILE)
    _write_pack_digests(manifest, context)
    return _summary(manifest, decoded=len(units))


def scan_partition(
    settings: ScanSettings, sources: Mapping[str, Source], store: Path, units: Sequence[Unit]
) -> list[dict[str, Any]]:
    """Prepare some images into one pack. Returns rows that must not be remembered: files that changed or vanished."""
    name = pack_name(sha256 for _, _, sha256 in units)
    rows, payloads, passing_faults = [], [], []
    for source, member, sha256 in units:
        row, payload = _scan_member(settings, sources[source], member, sha256)
        if row["reason"] in PASSING_REASONS:
            passing_faults.append(row)
        else:
            rows.append(row)
            payloads.append(payload)
    write_pack(store, name, rows, payloads)
    return passing_faults


def _scan_member(settings: ScanSettings, source: Source, member: str, sha256: str) -> tuple[dict, bytes | None]:
    try:
        payload = source.read(member)
    except OSError as error:
        return _rejected(
            sha256, "vanished", f"it was listed, but cannot be read any more ({error.strerror or error})"
        ), None
    if hashlib.sha256(payload).hexdigest() != sha256:
        return _rejected(
            sha256, "changed_while_read", "its content changed between listing and reading; run again"
        ), None
    return scan_payload(settings, payload, sha256)


def scan_payload(settings: ScanSettings, payload: bytes, sha256: str) -> tuple[dict, bytes | None]:
    """Bytes of a file -> its row of the store, and the prepared image in the shards' encoding (None if rejected)."""
    target_px = None if settings.exact else 2 * max(settings.resize.width_px, settings.resize.height_px)
    decoded = decode(payload, settings.limits, scale_to_side_px=target_px)
    if isinstance(decoded, Undecodable):
        return _rejected(sha256, decoded.code, decoded.detail, decoded.format), None
    prepared = prepare_pixels(settings, decoded)
    sums, square_sums = channel_sums(prepared)
    repaired = next((finding for finding in decoded.findings if finding.severity == "repair"), None)
    row = {
        "sha256": sha256,
        "status": Status.REPAIRED if repaired else Status.KEPT,
        "reason": repaired.code if repaired else None,
        "detail": repaired.detail if repaired else None,
        "format": decoded.format,
        "width_px": decoded.width_px,
        "height_px": decoded.height_px,
        "channels": decoded.channels,
        "bit_depth": decoded.bit_depth,
        "channel_sums": sums,
        "channel_square_sums": square_sums,
        "findings": [_finding_record(finding) for finding in decoded.findings],
    }
    return row | measure(decoded.image), encode_image(prepared, settings.encoding, settings.jpeg_quality)


def prepare_pixels(settings: ScanSettings, decoded: Decoded) -> Any:
    """Upright uint8 [H, W, C] -> uint8 [height_px, width_px, channels] of the settings: channels, denoise, resize."""
    image = denoise(to_channels(decoded.image, settings.channels), settings.denoise)
    shape = settings.resize
    return resize(image, shape.width_px, shape.height_px, shape.mode, shape.pad_level)


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


def _rejected(sha256: str, code: str, detail: str, format_name: str | None = None) -> dict[str, Any]:
    return {
        "sha256": sha256,
        "status": Status.REJECTED,
        "reason": code,
        "detail": detail,
        "format": format_name,
        "findings": [_finding_record(Finding(code, "reject", detail))],
    }


def _finding_record(finding: Finding) -> dict[str, str]:
    return {"finding": finding.code, "severity": finding.severity, "detail": finding.detail}


def _extension_note(member: str, format_name: str) -> list[Finding]:
    extension = PurePosixPath(member).suffix.lstrip(".").lower()
    if not extension or extension == format_name or extension in EXTENSIONS.get(format_name, ()):
        return []
    return [Finding("wrong_extension", "note", f"the file is called .{extension}, but holds {format_name}")]


def _dead(unit: Unit, sentence: str) -> list[dict[str, Any]]:
    return [_rejected(unit[2], "decoder_died", sentence)]


def _distrust_listing(manifest: pa.Table, shared: Path) -> None:
    """Have files read again that hold other bytes than listed, though size and time may be those of the listing."""
    changed = manifest.filter(pc.equal(manifest["reason"], "changed_while_read"))
    if len(changed):
        with listing_cache(shared) as cache:
            cache.distrust(zip(changed["source"].to_pylist(), changed["member"].to_pylist(), strict=True))


def _new_units(listed: pa.Table, store: Path) -> list[Unit]:
    """One member for each payload that the store does not know yet."""
    known = set(read_store(store, ["sha256"])["sha256"].to_pylist())
    units: dict[str, Unit] = {}
    for unit in zip(*(listed[name].to_pylist() for name in ("source", "member", "sha256")), strict=True):
        if unit[2] is not None and unit[2] not in known:
            units.setdefault(unit[2], unit)
    return list(units.values())


def _known_rows(store: Path, listed: pa.Table, passing_faults: list[dict[str, Any]]) -> pa.Table:
    """One row per payload of the listing, in its order."""
    known = pa.concat_tables([read_store(store), pa.Table.from_pylist(passing_faults, schema=STORE_SCHEMA)])
    places = pc.index_in(pc.unique(listed["sha256"]).drop_null(), value_set=known["sha256"])
    return known.take(places)


def _join(listed: pa.Table, scanned: pa.Table) -> pa.Table:
    """Fill the scanned columns of every listed row; a row that ingest rejected stays as it was."""
    places = pc.index_in(listed["sha256"], value_set=scanned["sha256"])
    was_read = pc.is_valid(listed["sha256"])
    columns = {}
    for name in SCANNED_COLUMNS[1:]:
        found = scanned[name].take(places)
        listed_value = listed[name]
        columns[name] = pc.if_else(was_read, found, listed_value) if name in LISTED_TOO else found
    return with_columns(listed, **columns)


def _findings(manifest: pa.Table, scanned: pa.Table) -> pa.Table:
    """One row per finding and file."""
    of_payload = {
        sha256: findings
        for sha256, findings in zip(scanned["sha256"].to_pylist(), scanned["findings"].to_pylist(), strict=True)
        if findings
    }
    rows = []
    columns = ["source", "member", "frame", "sha256", "status", "reason", "detail", "format"]
    for row in manifest.select(columns).to_pylist():
        status, reason, detail = row.pop("status"), row.pop("reason"), row.pop("detail")
        format_name = row.pop("format")
        if row["sha256"] is None and status == Status.REJECTED:
            rows.append(row | {"finding": reason, "severity": "reject", "detail": detail})
        rows += [row | finding for finding in of_payload.get(row["sha256"], ())]
        if format_name and status != Status.REJECTED:
            rows += [row | _finding_record(finding) for finding in _extension_note(row["member"], format_name)]
    return pa.Table.from_pylist(rows, schema=FINDINGS_SCHEMA)


def _write_pack_digests(manifest: pa.Table, context: StageContext) -> None:
    places = sorted(place for place in pc.unique(manifest["pack"]).to_pylist() if place)
    digests = {place: recorded_pack_sha256((context.shared / place).with_suffix(".parquet")) for place in places}
    (context.out / PACKS_FILE).write_text(canonical_json(digests, indent=1), encoding="utf-8")


def _summary(manifest: pa.Table, decoded: int) -> Summary:
    counts = status_counts(manifest)
    if counts[Status.KEPT] + counts[Status.REPAIRED] == 0:
        reasons = ", ".join(f"{count} {reason}" for reason, count in reason_counts(manifest).items())
        raise BadInput(f"none of the {len(manifest)} files can be decoded as an image ({reasons}); check the source")
    return {
        "images_in": len(manifest),
        "images_out": counts[Status.KEPT] + counts[Status.REPAIRED],
        "repaired": counts[Status.REPAIRED],
        "rejected": reason_counts(manifest),
        "decoded_now": decoded,
    }
