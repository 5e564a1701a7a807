"""Remembers size, version tag and sha256 of every member, so that only new and changed ones are read.

A small database beside the stage outputs, not in them: times of files are no content. What was hashed is kept as it
comes, so that a killed run loses little; memory does not grow with the number of members.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from datasets.sources.base import SourceItem

LISTING_FILE = "listing.sqlite"
LISTING_VERSION = 2
EXAMPLES = 5
_SCHEMA = """
CREATE TABLE places (source TEXT PRIMARY KEY, place TEXT NOT NULL);
CREATE TABLE members (
    source TEXT NOT NULL,
    member TEXT NOT NULL,
    size_bytes INTEGER,            -- as listed
    version_tag TEXT NOT NULL,
    sha256 TEXT,                   -- NULL where it could not be read
    payload_bytes INTEGER,
    sha256_before TEXT,            -- of the last finished listing
    was_listed INTEGER NOT NULL,   -- in the last finished listing
    is_listed INTEGER NOT NULL,    -- in the one being made
    PRIMARY KEY (source, member)
) WITHOUT ROWID;
"""
_AS_MADE = """
SELECT place, member, size_bytes, version_tag, sha256, payload_bytes, sha256_before, was_listed, is_listed
FROM places JOIN members USING (source) LIMIT 1
"""

_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_FULL)
_SHA256 = re.compile("[0-9a-f]{64}")
_NEW = "is_listed AND NOT was_listed"
_CHANGED = "is_listed AND was_listed AND sha256_before IS NOT NULL AND sha256 IS NOT sha256_before"
_GONE = "was_listed AND NOT is_listed"
_DISTRUSTED = "sha256 IS NULL AND sha256_before IS NOT NULL"


class Payload(NamedTuple):
    """What is remembered of a member's bytes."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from the last finished listing, with some names. Changed is what had other bytes then."""

    new: int
    changed: int
    gone: int
    changed_examples: tuple[str, ...]
    gone_examples: tuple[str, ...]


class ListingCache:
    """The last finished listing and the one being made. For one thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._database = connection

    def begin(self, places: dict[str, str]) -> None:
        """Start a listing of sources, {name: place}; what is known of a name at another place is forgotten."""
        known = dict(self._database.execute("SELECT source, place FROM places"))
        for source, place in places.items():
            if known.get(source, place) != place:
                self._database.execute("DELETE FROM members WHERE source = ?", (source,))
        self._database.executemany("INSERT OR REPLACE INTO places VALUES (?, ?)", places.items())
        self._database.execute("UPDATE members SET is_listed = 0 WHERE is_listed")
        self._database.commit()

    def known(self, source: str, items: Sequence[SourceItem]) -> list[Payload | None]:
        """What is remembered of each item's bytes, None where they are new or may have changed."""
        marks = ",".join("?" * len(items))
        rows = self._database.execute(
            "SELECT member, size_bytes, version_tag, sha256, payload_bytes FROM members "  # noqa: S608, only marks
            f"WHERE source = ? AND member IN ({marks})",
            (source, *(item.member for item in items)),
        )
        found = {row[0]: row[1:] for row in rows}
        return [_fitting(item, found.get(item.member)) for item in items]

    def remember(self, source: str, items: Sequence[SourceItem], payloads: Sequence[Payload | None]) -> None:
        """Note what was listed, and its bytes, None where they cannot be read."""
        self._database.executemany(
            "INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, NULL, 0, 1) ON CONFLICT DO UPDATE SET "
            "size_bytes = excluded.size_bytes, version_tag = excluded.version_tag, sha256 = excluded.sha256, "
            "payload_bytes = excluded.payload_bytes, is_listed = 1",
            (
                (source, item.member, item.size_bytes, item.version_tag, *(payload or (None, None)))
                for item, payload in zip(items, payloads, strict=True)
            ),
        )
        self._database.commit()

    def finish(self) -> Changes:
        """Close the listing: what differs from the last one; this one is the last from now on."""
        (new, _), (changed, changed_examples), (gone, gone_examples) = map(self._found, (_NEW, _CHANGED, _GONE))
        changes = Changes(new, changed, gone, changed_examples, gone_examples)
        self._database.execute("DELETE FROM members WHERE NOT is_listed")
        self._database.execute(
            "UPDATE members SET sha256_before = sha256, was_listed = 1 "
            "WHERE NOT was_listed OR sha256_before IS NOT sha256"
        )
        self._database.commit()
        return changes

    def distrust(self, members: Iterable[tuple[str, str]]) -> None:
        """Forget the bytes of (source, member) that were found to be others: the next listing reads them again."""
        self._database.executemany("UPDATE members SET sha256 = NULL WHERE source = ? AND member = ?", members)
        self._database.commit()

    def distrusted(self) -> int:
        """How many members are to be read again, although nothing says that they changed."""
        return self._found(_DISTRUSTED)[0]

    def count(self) -> int:
        """How many members were in the last finished listing."""
        return int(self._database.execute("SELECT COUNT(*) FROM members WHERE was_listed").fetchone()[0])

    def forget_versions(self) -> None:
        """Distrust size and version of every member: the next listing reads them all."""
        self._database.execute("UPDATE members SET version_tag = ''")
        self._database.commit()

    def _found(self, condition: str) -> tuple[int, tuple[str, ...]]:
        """How many members fulfil one of the conditions below, and some of their names."""
        where = f"FROM members WHERE {condition}"
        count = int(self._database.execute(f"SELECT COUNT(*) {where}").fetchone()[0])
        names = self._database.execute(f"SELECT source || '/' || member {where} LIMIT ?", (EXAMPLES,))
        return count, tuple(row[0] for row in names)


@contextmanager
def listing_cache(folder: Path) -> Iterator[ListingCache]:
    """The cache in a folder. One that is damaged or of another version is begun anew: that costs time only."""
    path = folder / LISTING_FILE
    connection = _opened(path)
    try:
        yield ListingCache(connection)
    finally:
        connection.close()


def forget_listing(folder: Path) -> None:
    """Distrust size and version of every member of the listing in a folder, if there is one."""
    if (folder / LISTING_FILE).exists():
        with listing_cache(folder) as cache:
            cache.forget_versions()


def _fitting(item: SourceItem, row: tuple | None) -> Payload | None:
    if row is None or not item.version_tag or (item.size_bytes, item.version_tag) != row[:2] or row[2] is None:
        return None
    sha256, size_bytes = row[2:]
    if not _SHA256.fullmatch(sha256) or not isinstance(size_bytes, int):  # SQLite has no checksums of its pages
        return None
    return Payload(sha256, size_bytes)


def _opened(path: Path) -> sqlite3.Connection:
    """What is damaged is begun anew. Raises OSError where another process holds it, or the disk is full."""
    for attempt in range(2):
        connection = sqlite3.connect(path)
        connection.text_factory = _text
        try:
            connection.execute("PRAGMA synchronous = OFF")  # what a power cut damages is begun anew
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == LISTING_VERSION and connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                connection.execute(_AS_MADE)  # a damaged page may say of a table what it likes
                connection.execute(f"PRAGMA user_version = {LISTING_VERSION}")  # and that nothing may be written
                return connection
            if version == 0 and not attempt and not connection.execute("SELECT name FROM sqlite_master").fetchone():
                return _made(connection)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorcode", None) in _PASSING:
                connection.close()
                raise OSError(f"{path}: {error}") from error
        connection.close()
        for leftover in path.parent.glob(f"{path.name}*"):
            leftover.unlink()
    return _made(sqlite3.connect(path))


def _text(content: bytes) -> str:
    """Of a damaged page too: what comes of it equals nothing that was listed."""
    return content.decode("utf-8", "replace")


def _made(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.executescript(f"{_SCHEMA}PRAGMA user_version = {LISTING_VERSION};")
    return connection
