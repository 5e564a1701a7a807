"""What the manifest of a version that this project published knows of each image beside its label."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import KEY, MANIFEST_FILE, Kind, read_table
from datasets.sources.shards.tfds_records import hash_of

_COLUMNS = ("group", "licence", "caption", "origin")


@dataclass(frozen=True, slots=True)
class Facts:
    """By id; nothing for other people's data sets. Held as Arrow columns: a Python object per row would be large."""

    hashes: np.ndarray
    rows: np.ndarray
    table: pa.Table

    def of(self, record_id: str) -> dict[str, str]:
        """Those of group, licence, caption and origin that are known."""
        wanted = np.uint64(hash_of(record_id))
        first, last = (int(np.searchsorted(self.hashes, wanted, side)) for side in ("left", "right"))
        for row in self.rows[first:last].tolist():
            if self.table["id"][row].as_py() == record_id:
                values = ((name, self.table[name][row].as_py()) for name in self.table.column_names if name != "id")
                return {name: value for name, value in values if value}
        return {}


def known_facts(folder: Path) -> Facts | None:
    """What `manifest.parquet` beside the shards says; None where there is none, or it says nothing.

    Raises FormatError for a damaged one.
    """
    path = folder / MANIFEST_FILE
    if not path.is_file():
        return None
    table = read_table(path, [*KEY, "kind", *_COLUMNS])
    table = table.filter(pc.equal(table["kind"], Kind.REAL.value))
    known = [name for name in _COLUMNS if table[name].null_count < len(table)]
    if not known:
        return None
    table = table.select(known).append_column("id", _ids(table)).combine_chunks()
    hashes = np.fromiter((hash_of(text.as_py()) for text in table["id"]), dtype=np.uint64, count=len(table))
    rows = np.argsort(hashes, kind="stable")
    return Facts(hashes[rows], rows, table)


def _ids(table: pa.Table) -> pa.ChunkedArray:
    """As manifest.key_text, for all rows at once."""
    member = pc.binary_join_element_wise(table["source"], table["member"], "/")
    return pc.binary_join_element_wise(member, pc.cast(table["frame"], pa.string()), "#")
