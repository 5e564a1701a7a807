"""The table of findings: what scan found in the bytes of files, and of their names beside it."""

from posixpath import splitext
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import FINDINGS_SCHEMA, Status
from tasks.imaging.decode import Finding
from tasks.scanning.file import finding_record

EXTENSIONS = {  # that are right for a format besides its own name
    "jpeg": {"jpg", "jpe", "jfif", "mpo"},
    "tiff": {"tif"},
    "png": {"apng"},
    "bmp": {"dib"},
    "pnm": {"pbm", "pgm", "ppm", "pam", "pfm"},
    "jp2": {"j2k", "j2c", "jpc", "jpf", "jpx"},
    "avif": {"avifs"},
    "ico": {"cur"},
}
_LAST_WORD = r"\.(?P<word>[^./]*)$"
_READ = ["source", "member", "frame", "sha256", "status", "reason", "detail", "format"]


def findings_of(manifest: pa.Table, scanned: pa.Table) -> pa.Table:
    """One row per finding and image; what is found of a name stands beside the first frame.

    Mostly there is little to find: only rows of which something may be said are looked at one by one.
    """
    some = scanned.select(["sha256", "frame", "findings"]).filter(
        pc.greater(pc.list_value_length(scanned["findings"]), 0)
    )
    columns = (some[name].to_pylist() for name in some.column_names)
    of_frame = {(sha256, frame): findings for sha256, frame, findings in zip(*columns, strict=True)}
    may_tell = pc.or_(
        pc.or_(pc.is_in(manifest["sha256"], some["sha256"]), _is_unread(manifest)), _is_oddly_named(manifest)
    )
    rows: list[dict[str, Any]] = []
    for row in manifest.select(_READ).filter(may_tell).to_pylist():
        found = [*of_frame.get((row["sha256"], row["frame"]), ()), *_of_the_row(row)]
        key = {name: row[name] for name in ("source", "member", "frame", "sha256")}
        rows += [key | finding for finding in found]
    return pa.Table.from_pylist(rows, schema=FINDINGS_SCHEMA)


def _of_the_row(row: dict[str, Any]) -> list[dict[str, Any]]:
    """What is to be said of a file that was not read, and of a name."""
    if row["sha256"] is None and row["status"] == Status.REJECTED:
        return [{"finding": row["reason"], "severity": "reject", "detail": row["detail"]}]
    if row["format"] and row["frame"] == 0 and row["status"] != Status.REJECTED:
        return [finding_record(finding) for finding in _extension_note(row["member"], row["format"])]
    return []


def _is_unread(manifest: pa.Table) -> pa.ChunkedArray:
    return pc.and_(pc.is_null(manifest["sha256"]), pc.equal(manifest["status"], Status.REJECTED.value))


def _is_oddly_named(manifest: pa.Table) -> pa.ChunkedArray:
    """Whether what comes after the last dot of a name, if anything, is not known for the format."""
    words = pc.struct_field(pc.extract_regex(manifest["member"], _LAST_WORD), "word")
    named = pc.binary_join_element_wise(words, manifest["format"], "/")
    odd = [text for text in pc.unique(named).drop_null().to_pylist() if not _fits(*text.split("/"))]
    return pc.is_in(named, pa.array(odd, pa.string()))


def _fits(extension: str, format_name: str) -> bool:
    extension = extension.lower()
    return not extension or extension == format_name or extension in EXTENSIONS.get(format_name, ())


def _extension_note(member: str, format_name: str) -> list[Finding]:
    extension = splitext(member)[1].lstrip(".")
    if _fits(extension, format_name):
        return []
    return [Finding("wrong_extension", "note", f"the file is called .{extension.lower()}, but holds {format_name}")]
