"""The manifest: a Parquet table with one row per image, from the first listing to the published version.

Nothing else reads or writes the format. Every stage reads the manifest of the stage before and writes its
own, with more columns filled; no stage drops a row, so counts add up at every stage.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.atomic_file import atomic_file
from datasets.errors import FormatError, brief

MANIFEST_VERSION = 2
READABLE_VERSIONS = {1, 2}
ADDED_IN_2 = ("caption", "origin", "source_split")
MANIFEST_FILE = "manifest.parquet"
FINDINGS_FILE = "findings.parquet"
THUMBNAIL_SIDE_PX = 32
ROW_GROUP_ROWS = 16 * 1024  # thumbnails take 1 KiB a row in memory, also where they are null

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
        pa.field("caption", pa.string()),
        pa.field("origin", pa.string()),  # URI without absolute local paths and credentials
        pa.field("source_split", pa.string()),  # train, validation or test, where the source itself says so
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


class ManifestWriter:
    """Collects rows until there are enough for a row group; see `manifest_writer`."""

    def __init__(self, file: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._file = file
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._written = 0
        self.rows = 0

    def write(self, rows: pa.Table | list[dict]) -> None:
        """Add rows: a table of the writer's schema, or dictionaries in which absent columns are null."""
        table = rows if isinstance(rows, pa.Table) else table_of(rows, self._schema)
        self.rows += len(table)
        self._waiting.append(table)
        if self.rows - self._written >= ROW_GROUP_ROWS:
            self._write_groups(whole_only=True)

    def finish(self) -> None:
        """Write what is left."""
        self._write_groups(whole_only=False)

    def _write_groups(self, whole_only: bool) -> None:
        table = pa.concat_tables(self._waiting) if self._waiting else self._schema.empty_table()
        while len(table) >= ROW_GROUP_ROWS or (len(table) and not whole_only):
            group = table.slice(0, ROW_GROUP_ROWS).combine_chunks()  # pages end where chunks end
            self._file.write_table(group, row_group_size=ROW_GROUP_ROWS)
            table = table.slice(ROW_GROUP_ROWS)
            self._written += len(group)
        self._waiting = [table]


@contextmanager
def manifest_writer(path: Path, schema: pa.Schema = SCHEMA) -> Iterator[ManifestWriter]:
    """Write a manifest or findings table in pieces, holding one row group at most, with a checksum per page.

    The same rows give the same bytes, however they are cut into pieces. The file appears when the block ends, and not
    at all where that is by an error.
    """
    with (
        atomic_file(path) as target,
        pq.ParquetWriter(target, schema, compression="zstd", write_page_checksum=True) as file,
    ):
        writer = ManifestWriter(file, schema)
        yield writer
        writer.finish()


def write_table(table: pa.Table, path: Path) -> None:
    """Write a manifest or findings table, with a checksum per page. The same rows give the same bytes."""
    with manifest_writer(path, table.schema) as writer:
        writer.write(table)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a manifest or findings table; what an older version lacks is null.

    Raises FormatError, naming the file, when it is damaged or of another version.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            version = (file.schema_arrow.metadata or {}).get(b"manifest_version", b"none").decode()
            if version not in map(str, READABLE_VERSIONS):
                readable = " and ".join(map(str, sorted(READABLE_VERSIONS)))
                raise FormatError(
                    f"{path}: manifest version {version}, this code reads {readable}; run the stage again"
                )
            table = file.read(columns=columns)
            table = table if version == str(MANIFEST_VERSION) else _of_this_version(table, file, columns)
            return _with_columns(table, columns)
    except FormatError:
        raise
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        message = f"{path}: not a readable manifest ({brief(error)}); delete it and run the stage again"
        raise FormatError(message) from error


def read_in_pieces(path: Path, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a manifest or findings table of this version, one row group at a time, to hold no more than that.

    Raises FormatError, naming the file, when it is damaged or of another version.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            version = (file.schema_arrow.metadata or {}).get(b"manifest_version", b"none").decode()
            if version != str(MANIFEST_VERSION):
                raise FormatError(f"{path}: manifest version {version}, not {MANIFEST_VERSION}; run the stage again")
            for number in range(file.num_row_groups):
                yield _with_columns(file.read_row_group(number, columns=columns), columns)
    except FormatError:
        raise
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        message = f"{path}: not a readable manifest ({brief(error)}); delete it and run the stage again"
        raise FormatError(message) from error


def _with_columns(table: pa.Table, columns: list[str] | None) -> pa.Table:
    """The table; Arrow leaves out columns that it does not find. Raises KeyError where one is missing."""
    missing = [name for name in columns or () if name not in table.column_names]
    if missing:
        raise KeyError(f"it lacks {', '.join(missing)}")
    return table


def _of_this_version(table: pa.Table, file: pq.ParquetFile, columns: list[str] | None) -> pa.Table:
    """A table of version 1 with the columns that it lacks, null and in their place. Findings lack none."""
    if "finding" not in file.schema_arrow.names:
        for name in ADDED_IN_2:
            if columns is None or name in columns:
                nulls = pa.nulls(file.metadata.num_rows, SCHEMA.field(name).type)
                table = table.append_column(SCHEMA.field(name), nulls)
        table = table.select(sorted(table.column_names, key=SCHEMA.get_field_index))
    return table.replace_schema_metadata(SCHEMA.metadata)


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
