"""What differs between two tables of the same benchmark: figures beyond a threshold, and rows that one alone has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.tables import Table, number_in

Rows = Mapping[tuple[str, ...], Mapping[str, str]]  # cells by column, by the cells that name the row
NOT_COMPARED = ("load", "wall")  # columns of what the machine did besides


@dataclass(frozen=True)
class Change:
    """A cell that differs. `times`: the new number over the old one; None where one is no number, or 0."""

    table: str
    row: str
    column: str
    before: str
    now: str
    times: float | None


@dataclass(frozen=True)
class Differences:
    """Between two tables, or sums of such: cells that were compared, those that differ, and what one alone has."""

    compared: int = 0
    changes: tuple[Change, ...] = ()
    only_before: tuple[str, ...] = ()
    only_now: tuple[str, ...] = ()

    def __add__(self, other: "Differences") -> "Differences":
        return Differences(
            self.compared + other.compared,
            self.changes + other.changes,
            self.only_before + other.only_before,
            self.only_now + other.only_now,
        )


def all_differences(before: Iterable[Table], now: Iterable[Table], threshold: float) -> Differences:
    """Of all tables of a benchmark; the threshold is a share, 0.15 for 15 %.

    Tables are matched by their titles, and what is left of them, as titles may hold figures, by columns and order.
    """
    old, new = list(before), list(now)
    pairs = []
    for is_like in (_has_title_of, _has_columns_of):
        for table in tuple(old):
            if other := next((each for each in new if is_like(each, table)), None):
                pairs.append((table, other))
                old.remove(table)
                new.remove(other)
    found = Differences(only_before=tuple(map(_name, old)), only_now=tuple(map(_name, new)))
    return sum((differences(table, other, threshold) for table, other in pairs), found)


def _has_title_of(one: Table, other: Table) -> bool:
    return one.title == other.title


def _has_columns_of(one: Table, other: Table) -> bool:
    return one.columns == other.columns


def _name(table: Table) -> str:
    return f"table “{table.title}”"


def differences(before: Table, now: Table, threshold: float) -> Differences:
    """Rows are matched by as few columns as tell them apart: the first, then texts, then numbers ahead of texts."""
    columns = [name for name in before.columns if name in now.columns]
    naming = _naming_columns(columns, before, now)
    old, new = (_rows(table, naming) for table in (before, now))
    both = [key for key in old if key in new]
    valued = [name for name in columns if name not in naming and not any(word in name for word in NOT_COMPARED)]
    cells = [(key, name, old[key][name], new[key][name]) for key in both for name in valued]
    changes = (
        Change(before.title, " / ".join(key), name, was, is_, _times(was, is_))
        for key, name, was, is_ in cells
        if differs(was, is_, threshold)
    )
    only_before = (*_columns_alone(before, now), *_rows_alone(old, new, before.title))
    only_now = (*_columns_alone(now, before), *_rows_alone(new, old, before.title))
    return Differences(sum(bool(was or is_) for _, _, was, is_ in cells), tuple(changes), only_before, only_now)


def _columns_alone(one: Table, other: Table) -> Iterator[str]:
    return (f"column “{name}”{_of(one.title)}" for name in one.columns if name not in other.columns)


def _rows_alone(one: Rows, other: Rows, title: str) -> Iterator[str]:
    return (f"row “{' / '.join(key)}”{_of(title)}" for key in one if key not in other)


def _of(title: str) -> str:
    return f" of “{title}”" if title else ""


def _naming_columns(columns: Sequence[str], *tables: Table) -> list[str]:
    texts = [name for name in columns[1:] if not _is_number_column(name, tables)]
    ahead = columns[1 : max([columns.index(name) for name in texts], default=1)]
    order = [*columns[:1], *texts, *(name for name in ahead if name not in texts)]
    counts = range(1, len(order))
    enough = (count for count in counts if all(_are_told_apart(table, order[:count]) for table in tables))
    return order[: next(enough, len(order))]


def _is_number_column(name: str, tables: Iterable[Table]) -> bool:
    cells = [row[table.columns.index(name)] for table in tables for row in table.rows]
    filled = [cell for cell in cells if cell]
    return 2 * sum(number_in(cell) is not None for cell in filled) >= len(filled)


def _are_told_apart(table: Table, names: Sequence[str]) -> bool:
    keys = [tuple(row[table.columns.index(name)] for name in names) for row in table.rows]
    return len(set(keys)) == len(keys)


def _rows(table: Table, naming: Sequence[str]) -> dict[tuple[str, ...], dict[str, str]]:
    """Rows of one name are numbered from the second on."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in table.rows:
        cells = dict(zip(table.columns, row, strict=True))
        key = tuple(cells[name] for name in naming)
        number = 1
        while (numbered := key if number == 1 else (*key, str(number))) in found:
            number += 1
        found[numbered] = cells
    return found


def differs(before: str, now: str, threshold: float) -> bool:
    """Whether texts are not the same, or numbers by more than the threshold, however they were rounded."""
    old, new = number_in(before), number_in(now)
    if old is None or new is None:
        return before != now
    (was, was_half), (is_, is_half) = old, new
    if was * is_ < 0:
        return abs(was - is_) > was_half + is_half
    was, is_ = abs(was), abs(is_)
    most = 1 + threshold
    return is_ - is_half > most * (was + was_half) or was - was_half > most * (is_ + is_half)


def _times(before: str, now: str) -> float | None:
    old, new = number_in(before), number_in(now)
    return new[0] / old[0] if old and new and old[0] else None
