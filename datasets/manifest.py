"""The manifest: a Parquet table with one row per image, from the first listing to the published version.

Nothing else reads or writes the format. Every stage reads the manifest of the stage before and writes its
own, with more columns filled; no stage drops a row, so counts add up at every stage.
"""

from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.errors import FormatError

MANIFEST_VERSION = 1
MANIFEST_FILE = "manifest.parquet"
FINDINGS_FILE = "findings.parquet"
THUMBNAIL_SIDE_PX = 32

KEY = ("source", "member", "frame")

_INTEGERS = pa.list_(pa.field("element", pa.int64()))  # Parquet's name for what Arrow calls `item`


class Status(StrEnum):
    """What became of an image. `unselected` is a policy (balance, split), not a fault of the image."""

    KEPT = "kept"
    REPAIRED = "repaired"
    REJECTED = "rejected"
    UNSELECTED = "unselected"


class Kind(StrEnum):
    """Where the pixels come from."""

    REAL = "real"
    AUGMENTED = "augmented"
    SYNTHETIC = "synthetic"


SCHEMA = pa.schema(
    [
        # Key: a file may hold many images, and two files may hold the same bytes.
        pa.field("source", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        # From ingest.
        pa.field("kind", pa.string(), nullable=False),
        pa.field("derived_from", pa.string()),  # key text of the parent image, or name of the generator
        pa.field("sha256", pa.string()),  # of the payload, hex
        pa.field("size_bytes", pa.int64()),
        pa.field("label", pa.string()),
        pa.field("group", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("reason", pa.string()),  # code of the finding that decided the status
        pa.field("detail", pa.string()),  # the same as a sentence
        # From scan: the file as it was found.
        pa.field("format", pa.string()),
        pa.field("width_px", pa.int32()),
        pa.field("height_px", pa.int32()),
        pa.field("channels", pa.int32()),
        pa.field("bit_depth", pa.int32()),
        # From scan: measures of the upright uint8 image before resizing, grey levels in [0, 255].
        pa.field("mean", pa.float32()),
        pa.field("std", pa.float32()),
        pa.field("entropy_bits", pa.float32()),
        pa.field("sharpness", pa.float32()),
        pa.field("brightness_p05", pa.float32()),
        pa.field("brightness_p95", pa.float32()),
        pa.field("clipped_fraction", pa.float32()),
        pa.field("phash", pa.uint64()),
        pa.field("phash_mirror", pa.uint64()),
        pa.field("pixel_sha256", pa.string()),  # of shape and pixels of the upright image
        pa.field("thumbnail", pa.binary(THUMBNAIL_SIDE_PX * THUMBNAIL_SIDE_PX)),  # grey uint8
        # From scan: where the prepared image lies, and its exact channel sums over uint8 values.
        pa.field("pack", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("length", pa.int64()),
        pa.field("channel_sums", _INTEGERS),
        pa.field("channel_square_sums", _INTEGERS),
        # From curate and split.
        pa.field("duplicate_group", pa.string()),  # sha256 of the group's first member
        pa.field("split", pa.string()),
        pa.field("class_id", pa.int32()),
    ],
    metadata={"manifest_version": str(MANIFEST_VERSION)},
)

FINDINGS_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("member", pa.string(), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("finding", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),  # reject, repair or note
        pa.field("detail", pa.string(), nullable=False),
    ],
    metadata={"manifest_version": str(MANIFEST_VERSION)},
)


def table_of(rows: list[dict], schema: pa.Schema = SCHEMA) -> pa.Table:
    """Rows as dictionaries, absent columns null -> table in the schema's order."""
    return pa.Table.from_pylist(rows, schema=schema)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a manifest or findings table, with a checksum per page. The same rows give the same bytes."""
    pq.write_table(table, path, compression="zstd", row_group_size=64 * 1024, write_page_checksum=True)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a manifest or findings table.

    Raises FormatError, naming the file, when it is damaged or of another version.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            version = (file.schema_arrow.metadata or {}).get(b"manifest_version", b"none").decode()
            if version != str(MANIFEST_VERSION):
                raise FormatError(
                    f"{path}: manifest version {version}, this code reads {MANIFEST_VERSION}; run the stage again"
                )
            return file.read(columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"{path}: not a readable manifest ({error}); delete it and run the stage again") from error


def with_columns(table: pa.Table, **columns: list | pa.Array | pa.ChunkedArray) -> pa.Table:
    """Replace whole columns, cast to the schema's types."""
    for name, values in columns.items():
        field = table.schema.field(name)
        array = pa.array(values, type=field.type) if isinstance(values, list) else values.cast(field.type)
        table = table.set_column(table.schema.get_field_index(name), field, array)
    return table


def in_use(table: pa.Table) -> pa.Table:
    """Only the rows that later stages use: kept or repaired."""
    return table.filter(pc.is_in(table["status"], pa.array([Status.KEPT, Status.REPAIRED])))


def status_counts(table: pa.Table) -> dict[str, int]:
    """Rows per status, every status named."""
    counts = {status.value: 0 for status in Status}
    for entry in table["status"].value_counts().to_pylist():
        counts[entry["values"]] = entry["counts"]
    return counts


def reason_counts(table: pa.Table) -> dict[str, int]:
    """Rejected and unselected rows per reason code, most frequent first."""
    out = table.filter(pc.is_in(table["status"], pa.array([Status.REJECTED, Status.UNSELECTED])))
    counts = {entry["values"]: entry["counts"] for entry in out["reason"].value_counts().to_pylist()}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], str(item[0]))))


def key_text(row: dict) -> str:
    """A row's key as one text, e.g. `digits/7/0012.png#0`."""
    return f"{row['source']}/{row['member']}#{row['frame']}"
