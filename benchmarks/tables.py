"""Markdown tables, which is what benchmarks print: made, found again in what was printed, and the numbers in them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from pydantic import BaseModel, ConfigDict

_RULE = re.compile(r":?-+:?")
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?![\w.])")
_BAR = re.compile(r"(?<!\\)\|")


class Table(BaseModel):
    """Cells are texts as they were printed; every row has as many as there are columns. `title`: the line above it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as text, without a title."""
    return "\n".join([_line(columns), "|" + "---|" * len(columns), *map(_line, rows)])


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def tables_in(text: str) -> tuple[Table, ...]:
    """Every table of a Markdown text; missing cells are empty, and what is left of a table that was cut off counts."""
    found: list[Table] = []
    titles: Counter[str] = Counter()
    title = ""
    for is_table, group in groupby(text.splitlines(), key=lambda line: cells_of(line) is not None):
        lines = list(group)
        if not is_table:
            title = next(filter(None, (line.strip().strip("#").strip() for line in reversed(lines))), title)
            continue
        columns, *rows = (cells_of(line) or [] for line in lines)
        if rows and len(rows[0]) == len(columns) and all(map(_RULE.fullmatch, rows[0])):
            titles[title] += 1
            numbered = title if titles[title] == 1 else f"{title} ({titles[title]})".strip()
            fitted = tuple(_fitted(cells, len(columns)) for cells in rows[1:])
            found.append(Table(title=numbered, columns=tuple(columns), rows=fitted))
    return tuple(found)


def cells_of(line: str) -> list[str] | None:
    """The cells of a line of a table; None where it is none."""
    line = line.strip()
    if len(line) < 2 or not (line.startswith("|") and line.endswith("|")):
        return None
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(line[1:-1])]


def _fitted(cells: Sequence[str], count: int) -> tuple[str, ...]:
    return (*cells[:count], *[""] * (count - len(cells)))


def number_in(cell: str) -> tuple[float, float] | None:
    """The number that a cell begins with, and half a unit of its last digit; None where it begins with none.

    `2,380`, `+1.2`, `97 %`, `3.0 (2.9 to 3.1)` and `12 of 100` are numbers, and so is a name as `75 % of the size`.
    """
    found = _NUMBER.match(cell.strip().replace("−", "-"))
    if found is None:
        return None
    return float(found[0].replace(",", "")), 0.5 * 10.0 ** -len(found[1] or "")
