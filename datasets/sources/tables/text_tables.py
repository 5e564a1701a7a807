"""Tables that say something about files: CSV, JSON Lines or Parquet, told apart by what they hold.

Values become text: `tables` knows nothing of what they mean.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from datasets.errors import BadInput

MAX_LINE_BYTES = 1 << 20
PARQUET_MAGIC = b"PAR1"
_HEAD_BYTES = 4096
_JSON_LINES_LOOKED_AT = 1000
_BATCH_ROWS = 4096
_OTHER_FORMATS = {
    b"\x1f\x8b": "compressed with gzip; unpack it first",
    b"PK\x03\x04": "a zip archive or a spreadsheet; save it as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "a spreadsheet; save it as CSV (UTF-8)",
    b"\xff\xfe": "UTF-16; save it as UTF-8",
    b"\xfe\xff": "UTF-16; save it as UTF-8",
    b"ARROW1": "an Arrow file; save it as Parquet, CSV or JSON Lines",
}
"""First bytes -> what it is, and what to do."""

Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is read row by row. `name` is what messages call it."""

    name: str
    place: Path | bytes
    format: str
    columns: tuple[str, ...]

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Every row, with all or only some columns; None for null. Raises BadInput that names the line or row."""
        return _READERS[self.format](self, tuple(self.columns if columns is None else columns))

    def opened(self) -> BinaryIO:
        """Its bytes. Raises BadInput."""
        if isinstance(self.place, bytes):
            return io.BytesIO(self.place)
        try:
            return self.place.open("rb")
        except OSError as error:
            raise BadInput(f"{self.name}: cannot be read ({error.strerror})") from error


def open_table(place: Path | bytes, name: str) -> Table:
    """A table in a file, or in bytes at hand. Raises BadInput: none of the three formats, no columns, damaged."""
    table = Table(name, place, "csv", ())
    with table.opened() as file:
        head = file.read(_HEAD_BYTES)
    table = Table(name, place, _format_of(head, name), ())
    columns = _COLUMNS[table.format](table)
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise BadInput(f"{name}: two columns are named {twice[0]!r}; give each a name of its own")
    return Table(name, place, table.format, tuple(columns))


def column_in(table: Table, wanted: str, setting: str) -> str:
    """A column that is there. Raises BadInput that names those that are; `setting` is the key to change."""
    if wanted not in table.columns:
        raise BadInput(f"{table.name}: no column {wanted!r}; set {setting} to one of {named_columns(table)}")
    return wanted


def first_column_of(table: Table, names: Iterable[str]) -> str | None:
    """The first of some usual names that is a column, whatever its case."""
    by_name = {column.lower(): column for column in reversed(table.columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def named_columns(table: Table) -> str:
    """For messages: the first twenty columns."""
    rest = len(table.columns) - 20
    return ", ".join(islice(table.columns, 20)) + (f" and {rest} more" if rest > 0 else "")


def _format_of(head: bytes, name: str) -> str:
    for magic, what in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise BadInput(f"{name}: {what}")
    if head.startswith(PARQUET_MAGIC):
        return "parquet"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise BadInput(f"{name}: an empty table; give CSV, JSON Lines or Parquet with a header and rows")
    if text.startswith(b"["):
        raise BadInput(f"{name}: a JSON array; give JSON Lines, one object per line")
    return "json" if text.startswith(b"{") else "csv"


def _lines(table: Table) -> Iterator[str]:
    """Lines with their ends. Raises BadInput for what is no text, naming the line."""
    with table.opened() as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise BadInput(f"{table.name}: line {number} is longer than {MAX_LINE_BYTES >> 20} MiB")
            if b"\x00" in line:
                raise BadInput(f"{table.name}: line {number} holds a zero byte, which no text does; save it anew")
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise BadInput(f"{table.name}: line {number} is not UTF-8; save the table as UTF-8") from error


def _csv_records(table: Table) -> Iterator[tuple[int, list[str]]]:
    """Lines that are not empty, as (number of its last line, fields)."""
    lines = _lines(table)
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_again(first, lines), delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput(f"{table.name}: the record that begins in line {begin} is no CSV ({error})") from error
        if fields:
            yield begin, fields


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _csv_columns(table: Table) -> list[str]:
    """The first line; a column without a name, as of an index, is named by its place."""
    _, header = next(_csv_records(table), (0, []))
    return [column.strip() or f"column_{number}" for number, column in enumerate(header, 1)]


def _csv_rows(table: Table, columns: Sequence[str]) -> Iterator[Row]:
    places = [(column, table.columns.index(column)) for column in columns]
    for line, fields in islice(_csv_records(table), 1, None):
        if len(fields) != len(table.columns):
            raise BadInput(
                f"{table.name}: line {line} has {len(fields)} fields, the header has {len(table.columns)}; "
                "put fields that hold the delimiter into double quotes"
            )
        yield {column: fields[place] for column, place in places}


def _json_objects(table: Table) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_lines(table), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{table.name}: line {number} is no JSON; give one object per line") from error
        if not isinstance(record, dict):
            raise BadInput(f"{table.name}: line {number} is no JSON object; give one object per line")
        yield record


def _json_columns(table: Table) -> list[str]:
    """All keys of the first objects: one that is null may be left out."""
    return list(dict.fromkeys(key for record in islice(_json_objects(table), _JSON_LINES_LOOKED_AT) for key in record))


def _json_rows(table: Table, columns: Sequence[str]) -> Iterator[Row]:
    for record in _json_objects(table):
        yield {column: _text(record.get(column)) for column in columns}


def _parquet_columns(table: Table) -> list[str]:
    with table.opened() as file, _parquet_errors(table):
        from pyarrow.parquet import ParquetFile

        return [str(name) for name in ParquetFile(file).schema_arrow.names]


def _parquet_rows(table: Table, columns: Sequence[str]) -> Iterator[Row]:
    from pyarrow.parquet import ParquetFile

    with table.opened() as file:
        with _parquet_errors(table):
            batches = ParquetFile(file).iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False)
        while True:
            with _parquet_errors(table):
                batch = next(batches, None)
                if batch is None:
                    return
                records = batch.to_pylist()
            for record in records:
                yield {column: _text(record[column]) for column in columns}


@contextmanager
def _parquet_errors(table: Table) -> Iterator[None]:
    """Whatever is wrong inside becomes BadInput: the library raises many things for damaged files."""
    try:
        yield
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise BadInput(f"{table.name}: a damaged Parquet file ({why})") from error


def _text(value: Any) -> str | None:
    """A value as text: whole numbers without a point, true and false, JSON for what has parts; None for null."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


_COLUMNS = {"csv": _csv_columns, "json": _json_columns, "parquet": _parquet_columns}
_READERS = {"csv": _csv_rows, "json": _json_rows, "parquet": _parquet_rows}
