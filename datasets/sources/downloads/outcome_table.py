"""The outcomes of all URLs of one source, in a SQLite file, written as they come."""

import sqlite3
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Self

from datasets.errors import FormatError, brief
from datasets.sources.downloads.outcomes import DOWNLOADED, OUTCOMES, Outcome

OUTCOMES_FILE = "outcomes.sqlite"
OUTCOMES_VERSION = 1
LOCK_TIMEOUT_S = 30
_OUTCOMES = "SELECT key, url, code, detail, status, attempts, size_bytes, sha256, final_url, robots FROM outcomes"
"""The fields of Outcome, in their order, which are the first columns of the table."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS outcomes (
    key INTEGER PRIMARY KEY,  -- first 8 bytes of the sha256 of the URL, which itself may hold credentials
    url TEXT NOT NULL,        -- without credentials
    code TEXT NOT NULL,
    detail TEXT,
    status INTEGER,
    attempts INTEGER NOT NULL,
    size_bytes INTEGER,
    sha256 TEXT,
    final_url TEXT,
    robots TEXT,
    passing INTEGER NOT NULL, -- whether another try may end otherwise
    policy TEXT NOT NULL,     -- what the settings refused at that time, as a digest
    ended_at REAL NOT NULL    -- seconds since 1970
);
CREATE INDEX IF NOT EXISTS by_sha256 ON outcomes (sha256) WHERE sha256 IS NOT NULL;
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many URLs ended how."""

    downloaded: int
    passing: int
    permanent: int


class OutcomeTable:
    """Outcomes by key. For one thread at a time; one process writes."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._lock = Lock()
        self._records = False

    @classmethod
    def opened_to_record(cls, folder: Path) -> Self:
        """As `opened`; each record takes microseconds, since it waits for no disk, and loses none to a killed process.

        Between uses it is in the mode that needs no second file and can be read where nothing may be written.
        """
        table = cls.opened(folder)
        table._connection.execute("PRAGMA journal_mode = WAL")
        table._connection.execute("PRAGMA synchronous = NORMAL")
        table._records = True
        return table

    @classmethod
    def opened(cls, folder: Path) -> Self:
        """The table of a folder, which has to be there. Raises FormatError: damaged, or of an unknown version."""
        path = folder / OUTCOMES_FILE
        connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.text_factory = lambda content: content.decode("utf-8", "replace")  # of a damaged page too
        table = cls(connection, path)
        try:
            table._prepare()
        except BaseException:
            table.close()
            raise
        return table

    def close(self) -> None:
        """Nothing works after that."""
        if self._records:
            self._records = False
            self._connection.execute("PRAGMA busy_timeout = 100")
            with suppress(sqlite3.OperationalError):  # someone reads it now: it stays as it is, which works too
                self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._connection.close()

    def record(self, outcomes: Iterable[Outcome], policy: str, clock: Callable[[], float] = time.time) -> None:
        """Write outcomes over older ones of the same URLs; they survive whatever happens to this process."""
        rows = [(*astuple(outcome), outcome.meaning.passing, policy, clock()) for outcome in outcomes]
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )

    def outcome(self, key: int, policy: str) -> Outcome | None:
        """That of one URL, unless it failed under other settings, which says nothing about these."""
        query = f"{_OUTCOMES} WHERE key = ? AND (code = ? OR policy = ?)"
        row = self._connection.execute(query, (key, DOWNLOADED, policy)).fetchone()
        return Outcome(*row) if row and row[2] in OUTCOMES else None

    def checksum(self, key: int) -> str | None:
        """The sha256 (hex) of what was downloaded from one URL. May be called by any thread."""
        with self._lock:
            row = self._connection.execute("SELECT sha256 FROM outcomes WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def final_keys(self, policy: str, *, also_failed: bool, is_there: Callable[[str, int], bool]) -> "array[int]":
        """Keys of URLs that need no other try, sorted; `is_there(sha256, size_bytes)` looks for the bytes."""
        rows = self._connection.execute(
            "SELECT key, sha256, size_bytes FROM outcomes"
            " WHERE code = ? OR (? AND policy = ? AND NOT passing) ORDER BY key",
            (DOWNLOADED, also_failed, policy),
        )
        return array("q", (key for key, checksum, size in rows if checksum is None or is_there(checksum, size)))

    def has_downloads(self) -> bool:
        """Whether any URL was downloaded."""
        return self._value("SELECT EXISTS (SELECT 1 FROM outcomes WHERE sha256 IS NOT NULL)") == 1

    def checksums(self, start: str) -> set[str]:
        """Those of all downloaded bytes that begin with two hex digits."""
        rows = self._connection.execute(
            "SELECT sha256 FROM outcomes WHERE sha256 >= ? AND sha256 < ?", (start, f"{start}g")
        )
        return {checksum for (checksum,) in rows}

    def keep_only(self, keys: "array[int]") -> None:
        """Forget all URLs but these."""
        if self._value("SELECT count(*) FROM outcomes") == 0:
            return
        with self._transaction():
            self._connection.execute("CREATE TEMP TABLE listed (key INTEGER PRIMARY KEY)")
            self._connection.executemany("INSERT INTO listed VALUES (?)", ((key,) for key in keys))
            self._connection.execute("DELETE FROM outcomes WHERE key NOT IN (SELECT key FROM listed)")
            self._connection.execute("DROP TABLE listed")

    def counts(self) -> Counts:
        """Of all URLs."""
        totals = "SELECT count(*), count(sha256), total(passing) FROM outcomes"
        everything, downloaded, passing = self._connection.execute(totals).fetchone()
        return Counts(downloaded, int(passing), everything - downloaded - int(passing))

    def _value(self, query: str) -> Any:
        return self._connection.execute(query).fetchone()[0]

    def _prepare(self) -> None:
        remedy = "delete the folder it lies in, then everything is downloaded again"
        try:
            if not self._value("SELECT count(*) FROM sqlite_master"):
                # Through a lock, so that of two processes that find nothing, one makes the table.
                self._connection.executescript(
                    f"BEGIN EXCLUSIVE; {_SCHEMA} PRAGMA user_version = {OUTCOMES_VERSION}; COMMIT;"
                )
            version = self._value("PRAGMA user_version")
            if version == OUTCOMES_VERSION:
                for query in (_OUTCOMES, "SELECT passing, policy, ended_at FROM outcomes"):
                    self._connection.execute(f"{query} LIMIT 1").fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise FormatError(f"{self._path}: cannot be read ({brief(error)}); {remedy}") from error
        if version != OUTCOMES_VERSION:
            raise FormatError(f"{self._path}: version {version}, this code reads {OUTCOMES_VERSION}; {remedy}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
