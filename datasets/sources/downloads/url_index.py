"""Which URLs a list names, in 8 bytes each, and how its rows are told apart."""

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from datasets.sources.base import SourceItem
from datasets.sources.downloads.url_rows import UrlRow, UrlRows


@dataclass(frozen=True, slots=True)
class UrlIndex:
    """Keys of all URLs of a list, each once, sorted; and those that stand in it more than once."""

    keys: "array[int]"
    repeated: frozenset[int]


def key_of(url: str) -> int:
    """What stands for a URL: the first 8 bytes of its sha256, signed."""
    return int.from_bytes(hashlib.sha256(url.encode("utf-8", "backslashreplace")).digest()[:8], "big", signed=True)


def key_text(key: int) -> str:
    """A key as 16 hex digits."""
    return key.to_bytes(8, "big", signed=True).hex()


def key_from_text(text: str) -> int:
    """The inverse of `key_text`."""
    return int.from_bytes(bytes.fromhex(text), "big", signed=True)


def index_of(rows: UrlRows) -> UrlIndex:
    """Of the list as it is now; read once as long as it does not change. Raises BadInput where it cannot be read."""
    return _index(rows, rows.stamp())


@lru_cache(maxsize=4)
def _index(rows: UrlRows, stamp: tuple[int, int]) -> UrlIndex:
    listed = array("q", _keys(rows))
    keys, counts = np.unique(np.frombuffer(listed, np.int64), return_counts=True)
    return UrlIndex(array("q", keys.tobytes()), frozenset(keys[counts > 1].tolist()))


def _keys(rows: UrlRows) -> Iterator[int]:
    return (key_of(row.url) for row in rows if row.url is not None)


class Repeats:
    """Gives the second and later rows of one URL names of their own; remembers nothing of other rows."""

    def __init__(self, repeated: frozenset[int]) -> None:
        self._repeated = repeated
        self._first: dict[int, str | None] = {}
        self._count: dict[int, int] = {}

    def marked(self, key: int, row: UrlRow, item: SourceItem) -> SourceItem:
        """The item of a row; a repetition of its URL has the problem `duplicate_name`."""
        if key not in self._repeated:
            return item
        number = self._count[key] = self._count.get(key, 0) + 1
        if number == 1:
            self._first[key] = row.label
            return item
        detail = "an earlier row has the same URL"
        if self._first[key] != row.label:
            detail += f" with another label ({self._first[key] or 'none'}, here {row.label or 'none'})"
        return replace(
            item,
            member=f"{item.member}~{number}",
            size_bytes=None,
            version_tag="",
            problem="duplicate_name",
            detail=detail,
        )
