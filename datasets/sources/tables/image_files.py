"""Parquet and Arrow tables, read batch by batch from any row on, in memory that does not grow with the file.

Arrow's two formats are read the same way: a file (Feather, too) is a stream between two marks. What is not compressed
is mapped, so that skipping rows costs nothing and memory is that of the page cache.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.errors import BadInput
from datasets.sources.tables.arrow_messages import RECORD_BATCH, unpacked_size
from datasets.sources.tables.parquet_footer import ColumnFacts, column_facts
from datasets.sources.trees.archive_file import FileState, file_state

MAX_BATCH_BYTES = 1 << 30
_ROWS = 4096
_TARGET_BYTES = 8 << 20
_BUFFER_BYTES = 1 << 20
_PARQUET_MAGIC = b"PAR1"
_ENCRYPTED_MAGIC = b"PARE"
_FILE_MAGIC = b"ARROW1"
_STREAM_MAGIC = b"\xff\xff\xff\xff"
_FIRST_FEATHER_MAGIC = b"FEA1"
_FILE_HEAD_BYTES = 8
_HEAD_BYTES = 8

TABLE_ERRORS = (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError)
"""What reading a damaged or hostile table may raise."""


class Rows(NamedTuple):
    """Consecutive rows; `first` is the number of the first of them in the file."""

    first: int
    batch: pa.RecordBatch


class TableFile(Protocol):
    """One open table. Not for several threads at once."""

    schema: pa.Schema

    def batches(self, columns: Sequence[str], images: str | None, first: int = 0) -> Iterator[Rows]:
        """All rows from a chunk's beginning that is not after row `first`, with some columns.

        `images` is a column that is left out where nothing is null in it. Raises TABLE_ERRORS.
        """
        ...

    def chunk_start(self, row: int) -> int:
        """Where reading begins that is to arrive at a row."""
        ...


def looks_like_table(path: Path) -> bool:
    """Whether a file begins as a Parquet or Arrow table does. Raises OSError."""
    if not path.is_file():
        return False
    head = _head(path)
    return head.startswith((_PARQUET_MAGIC, _ENCRYPTED_MAGIC, _FILE_MAGIC, _FIRST_FEATHER_MAGIC)) or _is_stream(head)


def open_table_file(state: FileState) -> TableFile:
    """The table in a file, checked as far as that is cheap. Raises BadInput."""
    path = Path(state.path)
    try:
        head = _head(path)
        if table := _table_of(state, head):
            _check_names(table.schema)
            return table
    except BadInput:
        raise
    except TABLE_ERRORS as error:
        raise damaged(state, error) from error
    raise BadInput(f"{path}: {_what_else(head)}; give Parquet, Arrow (file or stream) or Feather version 2")


def _table_of(state: FileState, head: bytes) -> TableFile | None:
    if head.startswith(_PARQUET_MAGIC):
        return ParquetTable(state)
    if head.startswith(_FILE_MAGIC):
        _check_end(Path(state.path))
        return ArrowTable(state, _FILE_HEAD_BYTES)
    return ArrowTable(state, 0) if _is_stream(head) else None


def _check_names(schema: pa.Schema) -> None:
    """Raises UnicodeDecodeError for names of columns that are no text."""
    for field in schema:
        _ = field.name, str(field.type)


def opened_unchanged(state: FileState) -> TableFile:
    """The same for a file that was listed before. Raises OSError where it is another one by now, BadInput."""
    if file_state(Path(state.path)) != state:
        raise OSError("the file has changed since it was listed")
    return open_table_file(state)


def first_line(error: BaseException) -> str:
    """What an error says, short enough for a sentence."""
    text = str(error).partition("\n")[0].strip().rstrip(".")
    return text[:200] or type(error).__name__


def damaged(state: FileState, error: BaseException) -> BadInput:
    """The sentence for any of TABLE_ERRORS."""
    return BadInput(f"{state.path}: damaged, cut off or not readable ({first_line(error)}); fetch it again")


class ParquetTable:
    """A Parquet file; row groups are streamed page by page, and checksums of pages are verified where there are any.

    A page is held as a whole: writers put up to 1 MiB or about 1000 rows into one, whichever is more.
    """

    def __init__(self, state: FileState) -> None:
        self._path = Path(state.path)
        self._columns: list[dict[str, ColumnFacts]] | None = None
        self._file = pq.ParquetFile(
            state.path, buffer_size=_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
        )
        self.schema = self._file.schema_arrow
        metadata = self._file.metadata
        groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        if min(groups, default=0) < 0 or sum(groups) != metadata.num_rows:
            raise ValueError("the row groups do not add up")
        self._starts = [0, *accumulate(groups)]

    def batches(self, columns: Sequence[str], images: str | None, first: int = 0) -> Iterator[Rows]:
        """See TableFile."""
        for group in range(self._group_of(first), len(self._starts) - 1):
            wanted = [*columns, *((images,) if images and self._may_have_nulls(group, images) else ())]
            row = self._starts[group]
            for batch in self._file.iter_batches(
                self._batch_rows(group, wanted), row_groups=[group], columns=wanted, use_threads=False
            ):
                yield Rows(row, batch)
                row += batch.num_rows
            if row != self._starts[group + 1]:
                raise ValueError(f"row group {group} does not hold as many rows as it promises")

    def chunk_start(self, row: int) -> int:
        """The beginning of its row group."""
        return self._starts[self._group_of(row)]

    def _group_of(self, row: int) -> int:
        return max(0, bisect_right(self._starts, row, hi=len(self._starts) - 1) - 1)

    def _facts(self, group: int, columns: Sequence[str]) -> list[ColumnFacts]:
        """What the footer says of columns, or of all within them."""
        if self._columns is None:
            self._columns = column_facts(self._path)
        of_group = self._columns[group] if group < len(self._columns) else {}
        return [facts for path, facts in of_group.items() if any(f"{path}.".startswith(f"{name}.") for name in columns)]

    def _may_have_nulls(self, group: int, images: str) -> bool:
        facts = self._facts(group, [images])
        return not facts or any(fact.null_count != 0 for fact in facts)

    def _batch_rows(self, group: int, columns: Sequence[str]) -> int:
        """Few rows where they are large."""
        size_bytes = sum(facts.size_bytes for facts in self._facts(group, columns))
        rows = self._starts[group + 1] - self._starts[group]
        return max(1, min(_ROWS, _TARGET_BYTES * rows // max(size_bytes, 1)))


class ArrowTable:
    """An Arrow stream, or the stream in an Arrow file."""

    def __init__(self, state: FileState, offset: int) -> None:
        self._state, self._offset = state, offset
        _check_messages(state, offset)
        self.schema = self._opened().schema

    def batches(self, columns: Sequence[str], images: str | None, first: int = 0) -> Iterator[Rows]:
        """See TableFile. Reads what is compressed from the beginning, whatever `first` is."""
        wanted = {name.partition(".")[0] if name not in self.schema.names else name for name in columns}
        wanted |= {images.partition(".")[0] if images not in self.schema.names else images} if images else set()
        fields = [index for index, name in enumerate(self.schema.names) if name in wanted]
        row = 0
        for batch in self._opened(fields):
            batch.validate()  # before anything else looks at it: Arrow trusts what it reads
            if row + batch.num_rows > first:
                yield Rows(row, batch)
            row += batch.num_rows

    def chunk_start(self, row: int) -> int:
        """Always the beginning of the file."""
        return 0

    def _opened(self, fields: Sequence[int] = ()) -> pa.RecordBatchReader:
        source = pa.memory_map(self._state.path)
        source.seek(self._offset)
        options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=list(fields))
        return pa.ipc.open_stream(source, options=options)


@lru_cache(maxsize=64)
def _check_messages(state: FileState, offset: int) -> None:
    """Goes through all parts of a stream without unpacking them. Raises TABLE_ERRORS, BadInput."""
    source = pa.memory_map(state.path)
    source.seek(offset)
    for message in pa.ipc.MessageReader.open_stream(source):
        size_bytes = unpacked_size(message)
        if size_bytes > MAX_BATCH_BYTES:
            what = "a batch of rows" if message.type == RECORD_BATCH else "a dictionary"
            raise BadInput(
                f"{state.path}: {what} in it unpacks to {size_bytes} bytes, and at most {MAX_BATCH_BYTES >> 20} MiB "
                "are read at once; write it in smaller batches, or as Parquet"
            )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _is_stream(head: bytes) -> bool:
    """A mark and the length of the schema, which is neither empty nor huge."""
    return head.startswith(_STREAM_MAGIC) and 0 < int.from_bytes(head[4:8], "little", signed=True) < 1 << 28


def _check_end(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(-len(_FILE_MAGIC), 2)
        if file.read() != _FILE_MAGIC:
            raise ValueError("its end is missing")


def _what_else(head: bytes) -> str:
    if head.startswith(_ENCRYPTED_MAGIC):
        return "an encrypted Parquet file, which is not read"
    if head.startswith(_FIRST_FEATHER_MAGIC):
        return "Feather version 1, which is not read; write it anew with `pyarrow.feather.write_feather`"
    return f"begins with {head[:4].hex()}, which is no table of images" if head else "an empty file"
