"""Images at the URLs of a list, downloaded once and kept in the cache."""

import json
import os
import re
import sqlite3
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from errno import EIO, ENOENT
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import Field

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError
from datasets.sources.base import FetchProgress, Source, SourceItem
from datasets.sources.downloads.blobs import Blobs
from datasets.sources.downloads.outcome_table import OUTCOMES_FILE, OutcomeTable
from datasets.sources.downloads.outcomes import Outcome
from datasets.sources.downloads.settings import DownloadSettings
from datasets.sources.downloads.url_index import Repeats, UrlIndex, index_of, key_from_text, key_of, key_text
from datasets.sources.downloads.url_rows import UrlRows
from datasets.sources.downloads.urls import UnsafeUrl, Wanted, WebUrl
from datasets.sources.settings import CommonSourceSettings, Location, local_path

MARK_FILE = "fetched.json"
LOCK_FILE = "fetch.lock"
MARK_VERSION = 1
PROGRESS_EVERY_S = 0.25
MAX_KEY = 2**63 - 1
_IMAGE_SUFFIXES = {
    *("avif", "bmp", "gif", "heic", "heif", "jfif", "jp2", "jpe", "jpeg", "jpg", "jxl", "pbm", "pgm", "png", "pnm"),
    *("ppm", "tga", "tif", "tiff", "webp"),
}
_MEMBER = re.compile(r"[^/]+/([0-9a-f]{16})(\.[a-z0-9]+)?")


class UrlListSettings(DownloadSettings, CommonSourceSettings):
    """A list of URLs, and how to download them."""

    kind: Literal["url_list"] = Field(description="images at the URLs of a list")
    path: Location = Field(description="list of URLs: a text with one a line, CSV, JSON Lines or Parquet")
    url_column: str = Field("url", min_length=1, description="column of the URLs, where the list is a table")
    label_column: str | None = Field(None, min_length=1, description="column of the labels; null = no labels")
    caption_column: str | None = Field(None, min_length=1, description="column of the captions")
    group_column: str | None = Field(None, min_length=1, description="column of what must stay in one split")
    licence_column: str | None = Field(None, min_length=1, description="column of the licences")
    split_column: str | None = Field(None, min_length=1, description="column of the splits (train, validation, test)")

    @property
    def columns(self) -> tuple[str | None, ...]:
        """In the order of the fields of UrlRow."""
        return (
            self.url_column,
            self.label_column,
            self.caption_column,
            self.group_column,
            self.licence_column,
            self.split_column,
        )


def open_url_list(settings: UrlListSettings, cache: Path) -> Source:
    """Raises BadInput: no such list, of no known format, empty, or without a column that the settings name."""
    rows = UrlRows(local_path(settings.path, "a list of URLs"), settings.columns)
    rows.check()
    return UrlList(settings.resolved_name, rows, settings, cache, settings.limit)


@dataclass(frozen=True, slots=True)
class UrlList(Source):
    """One item for every row of the list; what was downloaded lies in `cache`, with what came of every URL."""

    name: str
    rows: UrlRows
    settings: DownloadSettings
    cache: Path
    limit: int | None = None

    @property
    def is_fetched(self) -> bool:
        """Whether every URL of the list has an outcome under these settings."""
        return self._mark().get("list") == self._list_identity()

    def fetch(self, progress: FetchProgress) -> None:
        """Download what has no final outcome. Raises BadInput when no server answers; OSError e.g. for a full disk."""
        self.cache.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.cache / LOCK_FILE, timeout=0):
                self._fetch(progress)
        except Timeout as error:
            raise BadInput(f"{self.name}: another run downloads this source now; wait until it is done") from error

    def identity(self) -> str | None:
        """Of the list alone: what came of its URLs changes only by fetching, which `unfinished` asks for."""
        return self._list_identity()

    def unfinished(self) -> str | None:
        """Downloads that failed and may work now."""
        mark = self._mark()
        if not self.is_fetched or time.time() < mark["ended_at"] + self.settings.retry_failed_after_s:
            return None
        if mark["passing"]:
            return _tried_again(mark["passing"], "for a passing reason ")
        return _tried_again(mark["permanent"]) if mark["permanent"] and self.settings.retry_permanent else None

    def items(self) -> Iterator[SourceItem]:
        """Every row, in the order of the list; what failed or is not asked for has a problem."""
        if not (self.cache / OUTCOMES_FILE).exists():
            yield from self._items(lambda key: None)
            return
        with OutcomeTable.opened(self.cache) as table:
            yield from self._items(partial(table.outcome, policy=self.settings.policy))

    def read(self, member: str) -> bytes:
        """The bytes as they were downloaded. Raises OSError: no such member, not downloaded, or damaged since."""
        sha256 = self._checksum(member)
        if sha256 is None:
            raise OSError(ENOENT, "it was not downloaded", member)
        try:
            return Blobs(self.cache).read(sha256)
        except OSError as error:
            self._forget(sha256)
            detail = "what was downloaded is missing or damaged; the next run downloads it again"
            raise OSError(EIO, detail, member) from error

    def _fetch(self, progress: FetchProgress) -> None:
        identity, index, blobs = self._list_identity(), index_of(self.rows), Blobs(self.cache)
        with OutcomeTable.opened_to_record(self.cache) as table:
            blobs.prepare()
            try:
                self._download(table, blobs, index, progress)
            finally:
                blobs.finish()
            table.keep_only(index.keys)
            blobs.keep_only(table.checksums)
            mark = asdict(table.counts())
        mark |= {"format_version": MARK_VERSION, "list": identity, "ended_at": time.time()}
        write_text_atomically(self.cache / MARK_FILE, json.dumps(mark, indent=1))

    def _download(self, table: OutcomeTable, blobs: Blobs, index: UrlIndex, progress: FetchProgress) -> None:
        from datasets.sources.downloads.parallel import download_all  # with an HTTP client, which few need

        settings, total = self.settings, len(index.keys)
        final = table.final_keys(settings.policy, also_failed=not settings.retry_permanent, is_there=blobs.has)
        remaining = _Remaining(self.rows, index, final, _last_key(index, self.limit))
        ended, reported_at = 0, 0.0
        batches = download_all(remaining, settings, blobs, may_all_fail=table.has_downloads())
        with closing(batches):
            for batch in batches:
                table.record(batch, settings.policy)
                ended += len(batch)
                if time.monotonic() >= reported_at + PROGRESS_EVERY_S:
                    progress(remaining.skipped + ended, total)
                    reported_at = time.monotonic()
        progress(total, total)

    def _items(self, outcome_of: Callable[[int], Outcome | None]) -> Iterator[SourceItem]:
        index = index_of(self.rows)
        repeats, last_key = Repeats(index.repeated), _last_key(index, self.limit)
        for number, row in enumerate(self.rows):
            known: dict[str, Any] = {
                "label": row.label,
                "caption": row.caption,
                "group": row.group,
                "licence": row.licence,
            }
            known["split"] = row.split
            if row.url is None:
                yield SourceItem(member=f"row/{number:08d}", problem="no_image", detail="the row has no URL", **known)
            else:
                key = key_of(row.url)
                item = self._item(key, row.url, known, outcome_of)
                if key > last_key and item.problem is None:
                    detail = f"the settings take {self.limit} of the URLs, and it is not among them"
                    item = replace(item, problem="over_limit", detail=detail)
                yield repeats.marked(key, row, item)

    def _item(
        self, key: int, text: str, known: Mapping[str, Any], outcome_of: Callable[[int], Outcome | None]
    ) -> SourceItem:
        try:
            url = WebUrl.parsed(text)
        except UnsafeUrl as error:
            return SourceItem(member=f"unsafe/{key_text(key)}", problem="unsafe_url", detail=str(error), **known)
        member = f"{url.host.replace(':', '_')}/{key_text(key)}{_suffix(url)}"
        outcome = outcome_of(key)
        told = {} if outcome is None else self._told(outcome)
        return SourceItem(member=member, origin=url.shown, **told, **known)

    def _told(self, outcome: Outcome) -> dict[str, Any]:
        """What an outcome says of its item."""
        problem, detail = outcome.meaning.problem, outcome.detail
        if problem is None and outcome.robots and self.settings.respect_robots_tag:
            # Downloaded while the settings allowed it.
            problem, detail = "not_allowed", f"the server's X-Robots-Tag says {outcome.robots}"
        tag = outcome.sha256 or ""
        return {"size_bytes": outcome.size_bytes, "version_tag": tag, "problem": problem, "detail": detail}

    def _checksum(self, member: str) -> str | None:
        match = _MEMBER.fullmatch(member)
        path = self.cache / OUTCOMES_FILE
        if match is None or not path.exists():
            return None
        status = path.stat()
        try:
            table = _shared_table(self.cache, status.st_size, status.st_mtime_ns, os.getpid())
            return table.checksum(key_from_text(match[1]))
        except (sqlite3.Error, FormatError) as error:
            raise OSError(EIO, f"what was downloaded cannot be looked up ({error})", member) from error

    def _forget(self, sha256: str) -> None:
        """Let the next run see that these bytes are missing."""
        with suppress(OSError):
            Blobs(self.cache).path(sha256).unlink(missing_ok=True)
            (self.cache / MARK_FILE).unlink(missing_ok=True)

    def _mark(self) -> dict[str, Any]:
        """What the last complete fetch left; empty where there was none."""
        try:
            mark = json.loads((self.cache / MARK_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(mark, dict) or mark.get("format_version") != MARK_VERSION:
            return {}
        numbers = (mark.get(name) for name in ("ended_at", "passing", "permanent"))
        return mark if all(isinstance(number, int | float) for number in numbers) else {}

    def _list_identity(self) -> str:
        size, mtime_ns = self.rows.stamp()
        return f"{self.rows.path.name} {size} {mtime_ns} {self.rows.columns} {self.settings.policy} {self.limit}"


class _Remaining:
    """The URLs of a list that have no final outcome, each once; counts the others."""

    def __init__(self, rows: UrlRows, index: UrlIndex, final: "array[int]", last_key: int) -> None:
        self.skipped = 0
        self._last_key = last_key
        self._rows = rows
        self._index = index
        self._final = final

    def __iter__(self) -> Iterator[Wanted]:
        seen: set[int] = set()
        for row in self._rows:
            if row.url is None or (key := key_of(row.url)) in seen:
                continue
            if key in self._index.repeated:
                seen.add(key)
            wanted = None if key > self._last_key or self._is_final(key) else _wanted(key, row.url)
            if wanted is None:
                self.skipped += 1
            else:
                yield wanted

    def _is_final(self, key: int) -> bool:
        place = bisect_left(self._final, key)
        return place < len(self._final) and self._final[place] == key


def _last_key(index: UrlIndex, limit: int | None) -> int:
    """The highest key among the first `limit`: keys are hashes, so that is a choice spread evenly, and stable."""
    return index.keys[limit - 1] if limit is not None and limit < len(index.keys) else MAX_KEY


def _wanted(key: int, url: str) -> Wanted | None:
    """None for a URL that is not asked for: its item says so."""
    try:
        return Wanted(key, WebUrl.parsed(url))
    except UnsafeUrl:
        return None


@lru_cache(maxsize=4)
def _shared_table(cache: Path, size: int, mtime_ns: int, process: int) -> OutcomeTable:
    """One table for all reads of a process; SQLite must not be shared with a forked one."""
    return OutcomeTable.opened(cache)


def _suffix(url: WebUrl) -> str:
    stem, dot, suffix = url.target.partition("?")[0].lower().rpartition(".")
    return dot + suffix if suffix in _IMAGE_SUFFIXES and not stem.endswith("/") else ""


def _tried_again(count: int, why: str = "") -> str:
    return (
        f"1 download failed {why}and is tried again"
        if count == 1
        else f"{count} downloads failed {why}and are tried again"
    )
