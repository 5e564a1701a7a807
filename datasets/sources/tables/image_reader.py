"""Single images out of a table, by row. Cheap where reads come one after the other, as they do."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock

import pyarrow as pa

from datasets.sources.base import MAX_MEMBER_BYTES, PROBLEMS
from datasets.sources.tables.image_columns import cells
from datasets.sources.tables.image_files import TABLE_ERRORS, Rows, first_line, opened_unchanged
from datasets.sources.trees.archive_file import FileState

KEPT_BATCHES = 2
KEPT_READERS = 4
_opening = Lock()


class TableReader:
    """One open file. The batches read last are kept, since several threads are never quite in order."""

    def __init__(self, state: FileState, images: str) -> None:
        """`images` is the column. Raises TABLE_ERRORS."""
        self._images = images
        self._table = opened_unchanged(state)
        self._lock = Lock()
        self._kept: deque[tuple[int, pa.Array]] = deque(maxlen=KEPT_BATCHES)
        self._batches: Iterator[Rows] | None = None
        self._next_row = 0
        self._broken: dict[int, tuple[int, str]] = {}

    def cell(self, row: int) -> bytes | None:
        """The image in a row; None for null. Raises TABLE_ERRORS."""
        with self._lock:
            array, index = self._kept_at(row) or self._read_up_to(row)
            value: bytes | None = array[index].as_py()
        if value is not None and len(value) > MAX_MEMBER_BYTES:
            raise OSError(PROBLEMS["file_too_large"].sentence)
        return value

    def _kept_at(self, row: int) -> tuple[pa.Array, int] | None:
        return next(((array, row - first) for first, array in self._kept if 0 <= row - first < len(array)), None)

    def _read_up_to(self, row: int) -> tuple[pa.Array, int]:
        """As below. Where a chunk is damaged, nothing behind that is tried again and again."""
        chunk = self._table.chunk_start(row)
        broken_row, reason = self._broken.get(chunk, (row + 1, ""))
        if row >= broken_row:
            raise OSError(reason)
        try:
            return self._advanced_to(row, chunk)
        except TABLE_ERRORS as error:
            if getattr(error, "errno", None) is None:  # not what another try may mend
                self._broken[chunk] = max(chunk, self._next_row), first_line(error)
            raise

    def _advanced_to(self, row: int, chunk: int) -> tuple[pa.Array, int]:
        """Goes on where it is, or begins anew where that is nearer or the row lies before."""
        batches = self._batches
        if batches is None or row < self._next_row or self._next_row < chunk:
            batches = self._table.batches([self._images], None, row)
            self._next_row = chunk
        self._batches = None  # until this went well
        for first, batch in batches:
            array = cells(batch, self._images)
            array.validate(full=True)
            self._kept.append((first, array))
            self._next_row = first + len(array)
            if found := self._kept_at(row):
                self._batches = batches
                return found
        raise OSError("there is no such row")


def table_reader(state: FileState, images: str) -> TableReader:
    """The reader of a file and column, kept per process. Raises TABLE_ERRORS."""
    with _opening:
        return _kept_reader(state, images)


@lru_cache(maxsize=KEPT_READERS)
def _kept_reader(state: FileState, images: str) -> TableReader:
    return TableReader(state, images)
