"""Ingest: any source -> a manifest with one row per member, each with the sha256 of its bytes.

Only members whose size or version changed since the last listing are read. Memory does not grow with their number.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datasets.errors import BadInput
from datasets.manifest import (
    MANIFEST_FILE,
    SCHEMA,
    Kind,
    Status,
    manifest_writer,
    read_table,
    reason_counts,
    status_counts,
)
from datasets.sources.arrays.raw_pixels import BLOCK_IMAGES, block_digests, pnm_size_bytes
from datasets.sources.base import PROBLEMS, Source, SourceItem, without_folders
from datasets.sources.registry import SourceSettings, open_sources, places_of, settings_from_json, settings_to_json
from datasets.sources.settings import CommonSourceSettings
from tasks.listing_cache import ListingCache, Payload, listing_cache
from tasks.parallel import partitions_of
from tasks.source_limits import limited_sources
from tasks.stage_context import StageContext, Summary

SOURCE_FILE = "source.json"
CHUNK_ITEMS = 2_000
READING_THREADS = 4
READ_AT_ONCE = 20
WHICH_IMAGE = ("image_column", "image_feature")
MOSTLY_WAITING = 4.0  # times the CPU time: more than other processes on the machine make of it
Outcome = Payload | str  # or the sentence that says why it cannot be read
KEPT = (Status.KEPT.value, None, None)  # status, reason and detail


def source_cache(shared: Path) -> Path:
    """Where sources keep what they fetched: downloads and unpacked archives."""
    return shared / "sources"


def listing_digest(settings: SourceSettings, context: StageContext) -> dict[str, Any]:
    """For each source what stands for its listing, and the number of its members where they were listed."""
    sources = open_sources(settings, source_cache(context.shared))
    return {name: _listing_digest(source) for name, source in sources.items()}


def ingest(settings: SourceSettings, context: StageContext) -> Summary:
    """Fetch and list the sources, and hash what is new. Raises BadInput when there is no member."""
    sources = _fetched(settings, context)
    (context.out / SOURCE_FILE).write_text(settings_to_json(settings), encoding="utf-8")
    with listing_cache(context.shared) as cache, manifest_writer(context.out / MANIFEST_FILE) as manifest:
        cache.begin({leaf.resolved_name: _place(leaf) for leaf in settings.leaves})
        total = _expected(context, cache)
        counts = _Counts()
        with ThreadPoolExecutor(READING_THREADS) as pool:
            for source in limited_sources(settings.leaves, sources):
                for items in _chunks(source):
                    table = _table(source, items, _outcomes(source, items, cache, pool))
                    manifest.write(table)
                    counts.add(table)
                    context.progress(counts.images, max(total, counts.images))
        if counts.images == 0:
            raise BadInput(f"{', '.join(places_of(settings).values())}: no files in it; give what holds images")
        changes = cache.finish()
    return counts.summary() | {key: value for key, value in asdict(changes).items() if value != ()}


def listing_holds_still(settings: SourceSettings, context: StageContext, folder: Path) -> str | None:
    """Why an old listing should be made again although nothing else changed, None mostly."""
    for source in open_sources(settings, source_cache(context.shared)).values():
        if not source.is_fetched:
            return f"{source.name} is to be fetched"
        if reason := source.unfinished():
            return reason
    with listing_cache(context.shared) as cache:
        distrusted = cache.distrusted()
    if distrusted:
        return f"{distrusted} files were found to hold other bytes than listed"
    unread = reason_counts(read_table(folder / MANIFEST_FILE, ["status", "reason"])).get("unreadable_file", 0)
    return f"{unread} files could not be read" if unread else None


def reopened_sources(ingested: Path, shared: Path) -> dict[str, Source]:
    """The sources that a manifest was listed from, by name."""
    text = (ingested / SOURCE_FILE).read_text(encoding="utf-8")
    return open_sources(settings_from_json(text), source_cache(shared))


def _fetched(settings: SourceSettings, context: StageContext) -> dict[str, Source]:
    cache = source_cache(context.shared)
    for source in open_sources(settings, cache).values():
        if not source.is_fetched or source.unfinished():
            source.fetch(lambda done, total: context.progress(done, total, fetching=1))
    for source in open_sources(settings, cache).values():
        if not source.is_fetched:  # an unpacked archive turned out to be of a kind that is fetched in its own way
            source.fetch(lambda done, total: context.progress(done, total, fetching=1))
    return open_sources(settings, cache)


def _place(leaf: CommonSourceSettings) -> str:
    """Where a source is, and which of several images of a record it reads: members of others have other bytes."""
    chosen = [str(value) for name in WHICH_IMAGE if (value := getattr(leaf, name, None)) is not None]
    return "#".join([leaf.place, *chosen])


def _listing_digest(source: Source) -> dict[str, Any]:
    identity = source.identity()
    if identity is not None:
        return {"listing": hashlib.sha256(identity.encode()).hexdigest()}
    digest, files = hashlib.sha256(), 0
    for item in source.items():
        known = (item.label, item.group, item.licence, item.caption, item.split, item.problem)
        digest.update(repr((item.member, item.size_bytes, item.version_tag, *known)).encode())
        files += 1
    return {"files": files, "listing": digest.hexdigest()}


def _expected(context: StageContext, cache: ListingCache) -> int:
    """How many members there are, as far as that is known beforehand."""
    counted: Mapping[str, Mapping[str, Any]] = context.reads or {}
    if counted and all("files" in listing for listing in counted.values()):
        return sum(int(listing["files"]) for listing in counted.values())
    return cache.count()


def _chunks(source: Source) -> Iterator[list[SourceItem]]:
    items = iter(source.items())
    while chunk := list(islice(items, CHUNK_ITEMS)):
        yield chunk


def _outcomes(
    source: Source, items: list[SourceItem], cache: ListingCache, pool: ThreadPoolExecutor
) -> list[Outcome | None]:
    """What is known of each item's bytes, from the cache or by reading them; None for items with a problem."""
    outcomes: list[Outcome | None] = list(cache.known(source.name, items))
    unread = [index for index, item in enumerate(items) if outcomes[index] is None and item.problem is None]
    for index, outcome in zip(unread, _read_all(source, [items[index].member for index in unread], pool), strict=True):
        outcomes[index] = outcome
    payloads = [outcome if isinstance(outcome, Payload) else None for outcome in outcomes]
    cache.remember(source.name, items, payloads)
    return outcomes


def _read_all(source: Source, members: Sequence[str], pool: ThreadPoolExecutor) -> Iterator[Outcome]:
    """Arrays many at once, files one by one."""
    for some in partitions_of(members, BLOCK_IMAGES):
        yield from _read_block(source, some) or _read_files(source, some, pool)


def _read_block(source: Source, members: Sequence[str]) -> list[Payload]:
    """What `_read` would find of each member of a source of arrays; nothing where they are to be read one by one."""
    try:
        images = source.read_block(members)
    except OSError:
        return []
    if images is None:
        return []
    size_bytes = pnm_size_bytes(*images.shape[1:])
    return [Payload(sha256, size_bytes) for sha256 in block_digests(images)]


def _read_files(source: Source, members: Sequence[str], pool: ThreadPoolExecutor) -> Iterator[Outcome]:
    """Read in several threads where reading is mostly waiting, as over a network; else threads only get in the way."""
    groups = partitions_of(members, READ_AT_ONCE)
    for number, group in enumerate(groups):
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        yield from _read_some(source, group)
        wall_s, cpu_s = time.perf_counter() - wall_s, time.thread_time() - cpu_s
        if wall_s > MOSTLY_WAITING * cpu_s:
            yield from chain.from_iterable(pool.map(partial(_read_some, source), groups[number + 1 :]))
            return


def _read_some(source: Source, members: Sequence[str]) -> list[Outcome]:
    return [_read(source, member) for member in members]


def _read(source: Source, member: str) -> Outcome:
    try:
        payload = source.read(member)
    except OSError as error:
        return f"it cannot be read ({without_folders(error)})"
    return Payload(hashlib.sha256(payload).hexdigest(), len(payload))


def _table(source: Source, items: list[SourceItem], outcomes: list[Outcome | None]) -> pa.Table:
    """Rows of the manifest, column by column: this is ten times as fast as row by row."""
    payloads = [
        outcome if isinstance(outcome, Payload) and not item.problem else None
        for item, outcome in zip(items, outcomes, strict=True)
    ]
    verdicts = [
        KEPT if payload else _verdict(item, outcome)
        for item, outcome, payload in zip(items, outcomes, payloads, strict=True)
    ]
    columns: dict[str, list[Any]] = {
        "source": [source.name] * len(items),
        "member": [item.member for item in items],
        "frame": [0] * len(items),
        "kind": [Kind.REAL.value] * len(items),
        "sha256": [payload and payload.sha256 for payload in payloads],
        "size_bytes": [
            payload.size_bytes if payload else item.size_bytes for item, payload in zip(items, payloads, strict=True)
        ],
        "label": [item.label for item in items],
        "group": [item.group for item in items],
        "licence": [item.licence for item in items],
        "caption": [item.caption for item in items],
        "origin": [item.origin for item in items],
        "source_split": [item.split for item in items],
        "status": [verdict[0] for verdict in verdicts],
        "reason": [verdict[1] for verdict in verdicts],
        "detail": [verdict[2] for verdict in verdicts],
    }
    arrays = [
        pa.array(columns[field.name], type=field.type) if field.name in columns else pa.nulls(len(items), field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _verdict(item: SourceItem, outcome: Outcome | None) -> tuple[str, str | None, str | None]:
    """Status, reason and detail of a row."""
    if item.problem:
        problem = PROBLEMS[item.problem]
        status = Status.UNSELECTED if problem.by_policy else Status.REJECTED
        return status.value, item.problem, item.detail or problem.sentence
    if isinstance(outcome, str):
        return Status.REJECTED.value, "unreadable_file", outcome
    return KEPT


class _Counts:
    """What the rows add up to."""

    def __init__(self) -> None:
        self.images = 0
        self.kept = 0
        self.bytes = 0
        self.reasons: Counter[str] = Counter()

    def add(self, table: pa.Table) -> None:
        self.images += len(table)
        self.kept += status_counts(table)[Status.KEPT]
        self.bytes += pc.sum(table["size_bytes"]).as_py() or 0
        self.reasons.update(reason_counts(table))

    def summary(self) -> Summary:
        return {
            "images_in": self.images,
            "images_out": self.kept,
            "rejected": dict(self.reasons.most_common()),
            "bytes_in": self.bytes,
        }
