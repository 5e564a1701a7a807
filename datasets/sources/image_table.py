"""Tables that hold the images themselves: Parquet and Arrow, as HuggingFace and others distribute data sets."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count, repeat
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import pyarrow as pa
from pydantic import Field

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS, Source, SourceItem
from datasets.sources.settings import Location, local_path
from datasets.sources.split_names import split_in
from datasets.sources.tables.image_columns import Columns, TableColumnSettings, cells, choose_columns, has_column, texts
from datasets.sources.tables.image_files import (
    TABLE_ERRORS,
    damaged,
    first_line,
    looks_like_table,
    open_table_file,
    opened_unchanged,
)
from datasets.sources.tables.image_reader import table_reader
from datasets.sources.trees.archive_file import FileState, file_state
from datasets.sources.trees.local_folder import list_files, text_of
from datasets.sources.trees.member_table import MemberTable

_TABLE_NAMES = (".parquet", ".arrow", ".feather")
_opening = Lock()


class ImageTableSettings(TableColumnSettings):
    """Parquet, Arrow and Feather tables with a column of encoded images."""

    kind: Literal["image_table"] = Field(description="Parquet, Arrow or Feather tables that hold the images")
    path: Location = Field(description="one table, or a folder of tables with the same columns")


class TablePart(NamedTuple):
    """One file; `name` is its path below the folder, and begins the members of images without a name."""

    name: str
    state: FileState

    @property
    def split(self) -> str | None:
        """What the file's name says, or else that of its folder."""
        folder, _, name = self.name.rpartition("/")
        return split_in(name.partition(".")[0]) or split_in(folder.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class ImageTable(Source):
    """Every row of every file."""

    name: str
    parts: tuple[TablePart, ...]
    columns: Columns

    def identity(self) -> str:
        """Names, sizes and times of the files, and what is read of them."""
        return json.dumps(["image_table", [(part.name, *part.state[1:]) for part in self.parts], self.columns])

    def items(self) -> Iterator[SourceItem]:
        """Row by row, in the order of the files. Raises BadInput for damaged files and labels without a name."""
        names = _names(self.parts, self.columns.name) if self.columns.name else None
        number = 0
        for part in self.parts:
            for row, known in _known_rows(part, self.columns):
                member = _numbered(part, row)
                problem = "no_image" if known.is_null else None
                if names is not None:
                    member, problem = names.table.name(number), names.table.problem(number) or problem
                yield _item(part, row, member, problem, known)
                number += 1

    def read(self, member: str) -> bytes:
        """The bytes in the image column. Raises OSError."""
        try:
            part, row = self._place_of(member)
            cell = table_reader(part.state, self.columns.image).cell(row)
        except TABLE_ERRORS as error:
            raise OSError(f"{member} of {self.name}: {first_line(error)}") from error
        if cell is None:
            raise OSError(f"{member} of {self.name}: a record without an image")
        return cell

    def _place_of(self, member: str) -> tuple[TablePart, int]:
        """The file and the row. Raises OSError."""
        if self.columns.name:
            names = _names(self.parts, self.columns.name)
            number = names.table.find(member)
            if number is not None:
                index = bisect_right(names.starts, number) - 1
                return self.parts[index], number - names.starts[index]
        else:
            name, _, digits = member.rpartition("/")
            part = next((part for part in self.parts if part.name == name), None)
            row = int(digits) if re.fullmatch(r"[0-9]{8,18}", digits) else -1
            if part and _numbered(part, row) == member:
                return part, row
        raise OSError("there is no such image")


def open_image_table(settings: ImageTableSettings, cache: Path) -> Source:
    """Raises BadInput: nothing there, no or damaged tables, unclear or missing columns, files that differ in them."""
    path = local_path(settings.path, "a table")
    parts = tuple(_parts(path))
    columns = choose_columns(open_table_file(parts[0].state).schema, settings, parts[0].state.path)
    for part in parts[1:]:
        _check_alike(part, parts[0], columns, settings)
    if not any(True for part in parts for _ in _known_rows(part, columns)):
        raise BadInput(f"{path}: a table without rows; give one that holds images")
    return ImageTable(settings.resolved_name, parts, columns)


def _parts(path: Path) -> Iterator[TablePart]:
    """The tables at a path, at least one. Raises BadInput."""
    if not path.is_dir():
        if not path.is_file():  # a pipe would be waited for
            raise BadInput(f"{path}: no such file or folder; give a table, or a folder of them")
        yield TablePart(text_of(path.name), _state(path))
        return
    is_empty = True
    for file in list_files(path):
        if file.problem and not file.member.lower().endswith(_TABLE_NAMES):
            continue
        if file.problem:
            raise BadInput(f"{path}: {file.member} cannot be read: {PROBLEMS[file.problem].sentence}")
        if file.member.lower().endswith(_TABLE_NAMES) or _looks_like_table(path / file.member):
            yield TablePart(file.member, _state(path / file.member))
            is_empty = False
    if is_empty:
        raise BadInput(f"{path}: no Parquet or Arrow files in it; give a table, or a folder of them")


def _state(path: Path) -> FileState:
    try:
        return file_state(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); give a table that can") from error


def _looks_like_table(path: Path) -> bool:
    try:
        return looks_like_table(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); make it readable, or move it away") from error


def _check_alike(part: TablePart, first: TablePart, columns: Columns, settings: ImageTableSettings) -> None:
    """Raises BadInput for a file whose columns are not those of the first one."""
    schema, expected = open_table_file(part.state).schema, open_table_file(first.state).schema
    other = choose_columns(schema, settings, part.state.path)
    if (other, other.types(schema)) != (columns, columns.types(expected)):
        raise BadInput(
            f"{part.state.path}: its columns ({_shown(other, schema)}) are not those of {first.name} "
            f"({_shown(columns, expected)}); tables of one source are alike, so list them as sources of kind mixed"
        )


def _shown(columns: Columns, schema: pa.Schema) -> str:
    classes = "" if columns.class_names is None else f", {len(columns.class_names)} class names"
    return ", ".join(f"{name} {kind}" for name, kind in columns.types(schema).items()) + classes


class _Known(NamedTuple):
    """What the table says of an image, and whether there is none."""

    label: str | None
    group: str | None
    split: str | None
    licence: str | None
    caption: str | None
    is_null: bool


def _known_rows(part: TablePart, columns: Columns) -> Iterator[tuple[int, _Known]]:
    """Every row of a file, without its image. Raises BadInput."""
    with_label = partial(_label, part, columns.class_names)
    try:
        for first, batch in opened_unchanged(part.state).batches(columns._replace(name=None).known, columns.image):
            known = zip(
                map(with_label, _values(batch, columns.label), count(first)),
                map(_text, _values(batch, columns.group)),
                _values(batch, columns.split, None) if columns.split else repeat(part.split),
                map(_text, _values(batch, columns.licence)),
                map(_text, _values(batch, columns.caption)),
                _nulls(batch, columns.image),
                range(batch.num_rows),
                strict=False,  # what a table does not say is repeated without end
            )
            for *values, index in known:
                yield first + index, _Known(*values)
    except BadInput:
        raise
    except TABLE_ERRORS as error:
        raise damaged(part.state, error) from error


def _values(batch: pa.RecordBatch, column: str | None, null: str | None = None) -> Iterable[Any]:
    if column is None:
        return repeat(None)
    values = texts(cells(batch, column))
    return values if null is None else (null if value is None else value for value in values)


def _nulls(batch: pa.RecordBatch, images: str) -> Iterable[bool]:
    """Which rows have no image. A column that was not read has one in each."""
    return cells(batch, images).is_null().to_pylist() if has_column(batch.schema, images) else repeat(False)


def _label(part: TablePart, class_names: Sequence[str] | None, value: str | int | None, row: int) -> str | None:
    """Text; None for null, empty text and -1, which stands for no label where labels are numbers."""
    if value is None or value == "" or value == -1:
        return None
    if isinstance(value, str) or class_names is None:
        return str(value)
    if not 0 <= value < len(class_names):
        raise BadInput(
            f"{part.state.path}: row {row} has the label {value}, but there are names for {len(class_names)} labels, "
            "from 0 on; set class_names to all of them"
        )
    return class_names[value]


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _item(part: TablePart, row: int, member: str, problem: str | None, known: _Known) -> SourceItem:
    return SourceItem(
        member=member,
        version_tag=part.state.tag,
        label=known.label,
        group=known.group,
        licence=known.licence,
        caption=known.caption,
        split=known.split,
        origin=f"table:{quote(part.name)}#{row}",
        problem=problem,
    )


def _numbered(part: TablePart, row: int) -> str:
    return f"{part.name}/{row:08d}"


class _Names(NamedTuple):
    """The names of all rows of all files, and the number of the first row of each file."""

    table: MemberTable
    starts: list[int]


def _names(parts: tuple[TablePart, ...], column: str) -> _Names:
    """Kept per process: about 45 bytes for each row and its name, 65 MB for a million names of 20 letters."""
    with _opening:
        return _kept_names(parts, column)


@lru_cache(maxsize=2)
def _kept_names(parts: tuple[TablePart, ...], column: str) -> _Names:
    table, starts = MemberTable(), []
    for part in parts:
        starts.append(len(table))
        try:
            for first, batch in opened_unchanged(part.state).batches([column], None):
                for row, name in enumerate(texts(cells(batch, column), "surrogateescape"), first):
                    table.add(name or _numbered(part, row), 0, None)
        except BadInput:
            raise
        except TABLE_ERRORS as error:
            raise damaged(part.state, error) from error
    table.seal()
    return _Names(table, starts)
