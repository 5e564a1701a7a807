"""How large the columns of a Parquet file are, and whether they hold nulls, read from the file's footer.

pyarrow knows this, too, but asking it about a damaged column ends the process. The footer is a struct in the compact
protocol of Thrift (https://github.com/apache/parquet-format, parquet.thrift); only what is needed here is kept of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

MAX_FOOTER_BYTES = 64 << 20
_END_BYTES = 8
_MAX_DEPTH = 16
_MAX_VARINT_BYTES = 10

_STATISTICS: Mapping[int, Any] = {3: {}}  # null_count
_COLUMN: Mapping[int, Any] = {3: {}, 6: {}, 12: _STATISTICS}  # path_in_schema, total_uncompressed_size, statistics
_FOOTER: Mapping[int, Any] = {4: {1: {3: _COLUMN}}}  # row groups, their columns, the description of each


class ColumnFacts(NamedTuple):
    """Of one column in one row group; None for what its writer did not say."""

    size_bytes: int
    null_count: int | None


def column_facts(path: Path) -> list[dict[str, ColumnFacts]]:
    """For every row group the columns by their path, e.g. `image.bytes`. Nothing for a very large footer.

    Raises OSError, ValueError for a damaged footer.
    """
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - _END_BYTES))
        length = int.from_bytes(file.read(4), "little")
        if length > MAX_FOOTER_BYTES:
            return []
        if length + _END_BYTES > end:
            raise ValueError("its footer is longer than the file")
        file.seek(end - _END_BYTES - length)
        content = file.read(length)
    try:
        groups = _Compact(content).struct(_FOOTER).get(4, [])
        return [dict(_facts(column[3]) for column in group.get(1, []) if 3 in column) for group in groups]
    except (IndexError, TypeError, AttributeError, KeyError) as error:
        raise ValueError("a damaged footer") from error


def _facts(column: dict[int, Any]) -> tuple[str, ColumnFacts]:
    path = ".".join(str(part, "utf-8", "replace") for part in column[3])
    null_count = column.get(12, {}).get(3)
    return path, ColumnFacts(int(column.get(6, 0)), null_count if isinstance(null_count, int) else None)


class _Compact:
    """Reads values of the compact protocol one after the other. Raises IndexError, ValueError for damaged ones."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def struct(self, wanted: Mapping[int, Any], depth: int = 0) -> dict[int, Any]:
        """The wanted fields by their numbers; structs in them are read by the mapping that is their value."""
        fields: dict[int, Any] = {}
        number = 0
        while header := self._byte():
            number = number + (header >> 4) if header >> 4 else self._number()
            value = self._value(header & 15, wanted.get(number, {}), depth + 1)
            if number in wanted:
                fields[number] = value
        return fields

    def _value(self, kind: int, wanted: Mapping[int, Any], depth: int) -> Any:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._number()
        if kind in (7, 8):
            return self._bytes(8 if kind == 7 else self._varint())
        if depth > _MAX_DEPTH:
            raise ValueError("values within values without end")
        if kind in (9, 10):
            return self._list(wanted, depth)
        if kind == 11:
            return self._skip_map(depth)
        if kind == 12:
            return self.struct(wanted, depth)
        raise ValueError(f"a value of the unknown kind {kind}")

    def _list(self, wanted: Mapping[int, Any], depth: int) -> list[Any]:
        header = self._byte()
        count = header >> 4 if header >> 4 < 15 else self._varint()
        kind = 3 if header & 15 in (1, 2) else header & 15  # a flag in a list is a byte
        return [self._value(kind, wanted, depth + 1) for _ in range(count)]

    def _skip_map(self, depth: int) -> None:
        count = self._varint()
        kinds = self._byte() if count else 0
        for _ in range(count):
            for kind in (kinds >> 4, kinds & 15):
                self._value(3 if kind in (1, 2) else kind, {}, depth + 1)

    def _byte(self) -> int:
        byte = self._content[self._position]
        self._position += 1
        return byte

    def _bytes(self, count: int) -> bytes:
        taken = self._content[self._position : self._position + count]
        if len(taken) < count:
            raise IndexError("beyond the end")
        self._position += count
        return taken

    def _number(self) -> int:
        """A signed number, which stands zigzag."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _varint(self) -> int:
        value = 0
        for index in range(_MAX_VARINT_BYTES):
            byte = self._byte()
            value |= (byte & 127) << (7 * index)
            if byte < 128:
                return value
        raise ValueError("a number that is too long")
