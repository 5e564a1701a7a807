"""Lists of URLs: a text with one a line, CSV, JSON Lines or Parquet, read row by row. Their content says which."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TextIO

from datasets.errors import BadInput, brief

MAX_LINE_CHARACTERS = 1 << 20
BATCH_ROWS = 4096
_DELIMITERS = ",\t;|"
_HEAD_BYTES = 4096
_MAX_SHOWN = 60

ListFormat = Literal["text", "csv", "json_lines", "parquet"]


class UrlRow(NamedTuple):
    """One row; what is empty is None."""

    url: str | None
    label: str | None = None
    caption: str | None = None
    group: str | None = None
    licence: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class UrlRows:
    """The rows of a list; `columns` are those of url, label, caption, group, licence and split, None = not there."""

    path: Path
    columns: tuple[str | None, ...]

    def check(self) -> None:
        """Look at the beginning. Raises BadInput: no such file, of no known format, empty, or without a column."""
        if next(iter(self), None) is None:
            raise BadInput(f"{self.path}: no URLs in it; give a list with one in each row")

    def stamp(self) -> tuple[int, int]:
        """Size and time (ns) of the file. Raises BadInput where it is not there."""
        try:
            status = self.path.stat()
        except OSError as error:
            raise self._unreadable(error) from error
        return status.st_size, status.st_mtime_ns

    def __iter__(self) -> Iterator[UrlRow]:
        """Every row. Raises BadInput for what cannot be read as the beginning promised."""
        kind, delimiter = self._format()
        rows = {
            "text": self._text_rows,
            "csv": lambda: self._csv_rows(delimiter),
            "json_lines": self._json_rows,
            "parquet": self._parquet_rows,
        }[kind]()
        try:
            yield from rows
        except OSError as error:
            raise self._unreadable(error) from error

    def _format(self) -> tuple[ListFormat, str]:
        try:
            with self.path.open("rb") as file:
                head = file.read(_HEAD_BYTES)
        except OSError as error:
            raise self._unreadable(error) from error
        if head.startswith(b"PAR1"):
            return "parquet", ""
        if b"\0" in head or head.startswith(b"\x1f\x8b"):
            raise BadInput(
                f"{self.path}: neither text nor Parquet; give a list of URLs as text, CSV, JSON Lines or Parquet"
            )
        return self._text_format()

    def _text_format(self) -> tuple[ListFormat, str]:
        """By the first line that says something."""
        line = next((line.strip() for _, line in self._lines() if line.strip() and not line.startswith("#")), "")
        if not line:
            return "text", ""
        if line.startswith("{"):
            return "json_lines", ""
        for delimiter in _DELIMITERS:
            if self.columns[0] in next(csv.reader([line], delimiter=delimiter)):
                return "csv", delimiter
        if "://" not in line.split(",")[0]:
            raise BadInput(
                f"{self.path}: begins with {line[:_MAX_SHOWN]!r}, which is neither a URL nor a header with the column "
                f"{self.columns[0]!r}; name the column of the URLs in url_column"
            )
        if wanted := [column for column in self.columns[1:] if column]:
            raise BadInput(
                f"{self.path}: a plain list of URLs, which has no column {wanted[0]!r}; "
                "give a CSV, JSON Lines or Parquet file, or leave the column out of the settings"
            )
        return "text", ""

    def _text_rows(self) -> Iterator[UrlRow]:
        for _, line in self._lines():
            url = line.strip()
            if url and not url.startswith("#"):
                yield UrlRow(url)

    def _csv_rows(self, delimiter: str) -> Iterator[UrlRow]:
        reader = csv.reader((line for _, line in self._lines()), delimiter=delimiter)
        try:
            header: Sequence[str] = ()
            while not header:
                header = [name.strip() for name in next(reader, [])]
            self._check_columns(header)
            places = [header.index(column) if column else None for column in self.columns]
            for cells in reader:
                if cells and len(cells) != len(header):
                    raise BadInput(
                        f"{self.path}: line {reader.line_num} has {len(cells)} cells, the header {len(header)}; "
                        "put cells with a delimiter in them into double quotes"
                    )
                if cells:
                    yield UrlRow(*(_cell(cells, place) for place in places))
        except csv.Error as error:
            raise BadInput(f"{self.path}: line {reader.line_num} is no CSV ({error}); mend the file") from error

    def _json_rows(self) -> Iterator[UrlRow]:
        first = True
        for number, line in self._lines():
            if not line.strip():
                continue
            values = self._json_object(number, line)
            if first:
                self._check_columns(list(values))
                first = False
            yield self._row(values, f"line {number}")

    def _json_object(self, number: int, line: str) -> Mapping[str, Any]:
        try:
            values = json.loads(line)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise BadInput(f"{self.path}: line {number} is no JSON object; every line has to be one")
        return values

    def _parquet_rows(self) -> Iterator[UrlRow]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        wanted = [column for column in self.columns if column]
        try:
            with pq.ParquetFile(self.path) as file:
                self._check_columns(file.schema_arrow.names)
                number = 0
                for batch in file.iter_batches(BATCH_ROWS, columns=list(dict.fromkeys(wanted))):
                    for values in batch.to_pylist():
                        number += 1
                        yield self._row(values, f"row {number}")
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise BadInput(f"{self.path}: a damaged Parquet file ({brief(error)}); make it again") from error

    def _row(self, values: Mapping[str, Any], where: str) -> UrlRow:
        return UrlRow(*(self._text(values.get(column), column, where) if column else None for column in self.columns))

    def _text(self, value: Any, column: str, where: str) -> str | None:
        if isinstance(value, bytes):
            value = value.decode("utf-8", "backslashreplace")
        if value is not None and not isinstance(value, str | int | float):
            raise BadInput(
                f"{self.path}: {where} has a {type(value).__name__} in the column {column!r}; "
                "one text or number is allowed"
            )
        return _plain(value)

    def _check_columns(self, names: Sequence[str]) -> None:
        for column in self.columns:
            if column and column not in names:
                shown = ", ".join(sorted(names)[:20])
                raise BadInput(f"{self.path}: no column {column!r} in it; there are {brief(shown)}; name one of them")

    def _lines(self) -> Iterator[tuple[int, str]]:
        with self._opened() as file:
            number = 0
            while line := file.readline(MAX_LINE_CHARACTERS):
                number += 1
                if len(line) == MAX_LINE_CHARACTERS:
                    raise BadInput(
                        f"{self.path}: line {number} has {MAX_LINE_CHARACTERS} characters or more; "
                        "give a list with one URL in each row"
                    )
                yield number, line

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        # What is not UTF-8 becomes `\xff`, which no URL may hold, so that only such rows are refused.
        with self.path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
            yield file

    def _unreadable(self, error: OSError) -> BadInput:
        why = brief(error.strerror or error)
        return BadInput(f"{self.path}: cannot be read ({why}); give a file with a list of URLs")


def _cell(cells: Sequence[str], place: int | None) -> str | None:
    return cells[place].strip() or None if place is not None and place < len(cells) else None


def _plain(value: str | float | None) -> str | None:
    """As text. A column of whole numbers with gaps is often stored as floats, with NaN for the gaps."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() or None
