"""What the columns of a table of labels mean, and what its rows say of each file."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from datasets.errors import BadInput
from datasets.sources.base import SourceItem
from datasets.sources.split_names import split_of
from datasets.sources.tables.text_tables import Row, Table, column_in, first_column_of, named_columns

AUTO = "auto"
FILE_COLUMNS = ("file", "filename", "file_name", "path", "filepath", "file_path", "image", "name")
LABEL_COLUMNS = ("label", "class", "category", "target")


class Known(NamedTuple):
    """What a row says; `split` is the word that stands there."""

    label: str | None = None
    group: str | None = None
    split: str | None = None
    licence: str | None = None
    caption: str | None = None

    @property
    def meaning(self) -> tuple[str | None, ...]:
        """The same for rows that agree: without the caption, and with one name for each split."""
        return self._replace(split=self.split and (split_of(self.split) or self.split))[:-1]


class LabelColumns(NamedTuple):
    """Names of columns; None for what the table does not say, `auto` for the usual ones."""

    file: str = AUTO
    label: str | None = AUTO
    group: str | None = None
    split: str | None = None
    licence: str | None = None
    caption: str | None = None

    def found_in(self, table: Table) -> "LabelColumns":
        """With columns that are there. Raises BadInput that names those there are."""
        for name, wanted in zip(self._fields, self, strict=True):
            if wanted not in (None, AUTO):
                column_in(table, str(wanted), f"{name}_column")
        return self._replace(file=self._file_column(table), label=self._label_column(table))

    def _file_column(self, table: Table) -> str:
        found = self.file if self.file != AUTO else first_column_of(table, FILE_COLUMNS)
        if found is None:
            raise BadInput(f"{table.name}: no column of file names; set file_column to one of {named_columns(table)}")
        return found

    def _label_column(self, table: Table) -> str | None:
        if self.label != AUTO:
            return self.label
        found = first_column_of(table, LABEL_COLUMNS)
        if found is None:
            raise BadInput(
                f"{table.name}: no column of labels; set label_column to one of {named_columns(table)}, or to null"
            )
        return found


class NamesOfFiles(NamedTuple):
    """How a table writes names: what stands before and behind them in the source."""

    prefix: str = ""
    suffix: str = ""

    def member(self, text: str) -> str:
        r"""The member that a name stands for, e.g. `images/cat/1.jpg` for `.\cat\1`."""
        name = text.strip().replace("\\", "/")
        while name.startswith(("./", "/")):
            name = name.removeprefix(".").lstrip("/")
        return f"{self.prefix}{name}{self.suffix}"


class Labels:
    """What a table says, by member. It shrinks as files are found, so that what is missing is left."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._conflicts: dict[str, list[str]] = {}
        self._nameless_rows: list[int] = []
        self._same: dict[Known | str, Any] = {}

    @property
    def count(self) -> int:
        """How many files it names that were not taken."""
        return len(self._known)

    def first(self) -> str:
        """The first of them."""
        return next(iter(self._known))

    def add(self, member: str, known: Known) -> None:
        """A row. One that says the same again changes nothing; of several captions the first is kept."""
        before = self._known.get(member)
        if before is None:
            self._known[member] = self._shared(known)
        elif before.meaning != known.meaning:
            self._conflicts.setdefault(member, []).append(_difference(before, known))
        elif before.caption is None:
            self._known[member] = self._shared(known)

    def add_nameless(self, row: int) -> None:
        """A row without the name of a file."""
        self._nameless_rows.append(row)

    def take(self, member: str) -> dict[str, Any] | None:
        """The fields of a file's item; None when no row names it."""
        known = self._known.pop(member, None)
        if known is None:
            return None
        conflicts = self._conflicts.get(member)
        if conflicts:
            return {"problem": "label_table_conflict", "detail": conflicts[0]}
        return _fields(known)

    def missing(self, table_name: str) -> Iterator[SourceItem]:
        """What was not taken, in the order of the table; then rows without a name."""
        for member, known in self._known.items():
            yield SourceItem(member=member, **_fields(known) | {"problem": "missing_file", "detail": None})
            for number, detail in enumerate(self._conflicts.get(member, ()), 2):
                yield SourceItem(member=f"{member}~{number}", problem="duplicate_name", detail=detail)
        for row in self._nameless_rows:
            detail = "the row names no file"
            yield SourceItem(member=f"{table_name}#{row}", problem="missing_file", detail=detail)

    def _shared(self, known: Known) -> Known:
        """The same values once in memory: a large table has few labels, splits and licences."""
        if known.caption is None and known.group is None:
            return self._same.setdefault(known, known)
        once = [self._same.setdefault(text, text) if text else None for text in known[:-1]]
        return Known._make([*once, known.caption])


def read_labels(table: Table, columns: LabelColumns, names: NamesOfFiles) -> Labels:
    """All that a table says. Raises BadInput for one that cannot be read."""
    found = columns.found_in(table)
    labels = Labels()
    for number, row in enumerate(table.rows([column for column in dict.fromkeys(found) if column is not None]), 1):
        name = _value(row, found.file)
        if name is None:
            labels.add_nameless(number)
        else:
            labels.add(names.member(name), _known(row, found))
    return labels


def _known(row: Row, columns: LabelColumns) -> Known:
    _, label, group, split, licence, caption = (_value(row, column) for column in columns)
    return Known(label, group, split, licence, caption)


def _value(row: Row, column: str | None) -> str | None:
    """Text without space around it; None where there is none."""
    value = row[column] if column is not None else None
    return (value.strip() or None) if value is not None else None


def _fields(known: Known) -> dict[str, Any]:
    return known._asdict()


def _difference(one: Known, other: Known) -> str:
    name, first, second = next(
        (name, first, second) for name, first, second in zip(Known._fields, one, other, strict=True) if first != second
    )
    return f"one row gives it the {name} {first!r}, another {second!r}"
