"""Remembers size, time and sha256 of every member of a source, so that only new and changed files are read.

It lies beside the stage outputs, not in them: times of files are no content.
"""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.atomic_file import atomic_file
from datasets.sources.base import Source, SourceItem

LISTING_FILE = "listing.parquet"
LISTING_VERSION = "1"
SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("member", pa.string()),
        ("size_bytes", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("sha256", pa.string()),
    ],
)
Entry = tuple[int, int, str]  # size_bytes, mtime_ns, sha256


class ListingCache:
    """The last listing and the one being made. Several threads may ask at once."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.path = folder / LISTING_FILE
        self._root = str(root.resolve())
        self._before = self._read()
        self._now: dict[tuple[str, str], Entry] = {}

    def sha256(self, source: Source, item: SourceItem) -> str:
        """sha256, hex, of a member: the known one when size and time are as they were. Raises OSError."""
        key = (source.name, item.member)
        known = self._before.get(key)
        if known and known[:2] == (item.size_bytes, item.mtime_ns):
            self._now[key] = known
            return known[2]
        sha256 = hashlib.sha256(source.read(item.member)).hexdigest()
        self._now[key] = (item.size_bytes, item.mtime_ns, sha256)
        return sha256

    def changes(self) -> dict[str, int]:
        """How many members are new, changed in content, and gone since the last listing."""
        both = self._before.keys() & self._now.keys()
        return {
            "new": len(self._now) - len(both),
            "changed": sum(self._before[key][2] != self._now[key][2] for key in both),
            "gone": len(self._before) - len(both),
        }

    def save(self) -> None:
        """Replace the last listing by this one."""
        keys = sorted(self._now)
        columns = [
            [key[0] for key in keys],
            [key[1] for key in keys],
            *([self._now[key][position] for key in keys] for position in range(3)),
        ]
        arrays = [pa.array(column, type=field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        with atomic_file(self.path) as file:
            pq.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata(self._metadata())), file)

    def _read(self) -> dict[tuple[str, str], Entry]:
        try:
            table = pq.read_table(self.path)
        except (OSError, pa.ArrowException):  # a cache: without it, everything is read
            return {}
        if table.schema.metadata != {key.encode(): value.encode() for key, value in self._metadata().items()}:
            return {}  # of another folder, or another version
        columns = table.to_pydict()
        keys = zip(columns["source"], columns["member"], strict=True)
        entries = zip(columns["size_bytes"], columns["mtime_ns"], columns["sha256"], strict=True)
        return dict(zip(keys, entries, strict=True))

    def _metadata(self) -> dict[str, str]:
        return {"listing_version": LISTING_VERSION, "root": self._root}


def forget_listing(folder: Path) -> None:
    """Distrust size and time of every file: the next listing reads them all."""
    (folder / LISTING_FILE).unlink(missing_ok=True)
