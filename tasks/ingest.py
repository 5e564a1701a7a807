"""Ingest: any source -> a manifest with one row per file, each with the sha256 of its bytes.

Only files whose size or time changed since the last listing are read.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, Kind, Status, reason_counts, status_counts, table_of, write_table
from datasets.sources.base import PROBLEMS, Source, SourceItem
from datasets.sources.registry import open_source
from datasets.sources.settings import SourceSettings
from tasks.listing_cache import ListingCache
from tasks.stage_context import StageContext, Summary

SOURCE_FILE = "source.json"
CHUNK_ITEMS = 2_000
HASHING_THREADS = 4


def listing_digest(settings: SourceSettings, context: StageContext) -> dict[str, Any]:
    """Number of files of the source, and one digest of their names, sizes, times and labels."""
    digest = hashlib.sha256()
    files = 0
    for item in open_source(settings).items():
        digest.update(repr((item.member, item.size_bytes, item.mtime_ns, item.label, item.problem)).encode())
        files += 1
    return {"files": files, "listing": digest.hexdigest()}


def ingest(settings: SourceSettings, context: StageContext) -> Summary:
    """List the source and hash what is new. Raises BadInput when there is no file."""
    source = open_source(settings)
    total = sum(1 for _ in source.items())
    if total == 0:
        raise BadInput(f"{settings.path} holds no files; expected images in it or in one folder per class")
    cache = ListingCache(context.shared, settings.path)
    tables: list[pa.Table] = []
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        for items in _chunks(source, CHUNK_ITEMS):
            tables.append(table_of(list(pool.map(partial(_row, source, settings, cache), items))))
            context.progress(sum(map(len, tables)), total)
    table = pa.concat_tables(tables)
    write_table(table, context.out / MANIFEST_FILE)
    (context.out / SOURCE_FILE).write_text(settings.model_dump_json(indent=1), encoding="utf-8")
    cache.save()
    counts = status_counts(table)
    return {
        "images_in": len(table),
        "images_out": counts[Status.KEPT],
        "rejected": reason_counts(table),
        "bytes_in": sum(table["size_bytes"].to_pylist()),
        "hidden_files_left_out": source.hidden_files(),
    } | cache.changes()


def read_source_settings(folder: Path) -> SourceSettings:
    """The settings of the source that a manifest was listed from."""
    return SourceSettings.model_validate_json((folder / SOURCE_FILE).read_text(encoding="utf-8"))


def _chunks(source: Source, size: int) -> Iterator[tuple[SourceItem, ...]]:
    items = iter(source.items())
    while chunk := tuple(islice(items, size)):
        yield chunk


def _row(source: Source, settings: SourceSettings, cache: ListingCache, item: SourceItem) -> dict[str, Any]:
    row = {
        "source": source.name,
        "member": item.member,
        "frame": 0,
        "kind": Kind.REAL,
        "size_bytes": item.size_bytes,
        "label": item.label,
        "group": item.group,
        "licence": item.licence or settings.licence,
        "status": Status.KEPT,
    }
    if item.problem:
        return row | {"status": Status.REJECTED, "reason": item.problem, "detail": PROBLEMS[item.problem]}
    try:
        return row | {"sha256": cache.sha256(source, item)}
    except OSError as error:
        detail = f"the file cannot be read ({error.strerror}); check its permissions"
        return row | {"status": Status.REJECTED, "reason": "unreadable_file", "detail": detail}
