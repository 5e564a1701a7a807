"""Seeded choices of rows to show. The same run seed shows the same samples."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def pick(count: int, wanted: int, seed: int, purpose: str) -> np.ndarray:
    """int64 [min(count, wanted)]: sorted positions in range(count), drawn for this purpose."""
    if count <= wanted:
        return np.arange(count)
    key = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "big")
    return np.sort(np.random.default_rng([seed, key]).choice(count, wanted, replace=False))


def pick_rows(table: pa.Table, wanted: int, seed: int, purpose: str) -> list[dict[str, Any]]:
    """Some rows of a table, in its order."""
    rows: list[dict[str, Any]] = table.take(pa.array(pick(len(table), wanted, seed, purpose))).to_pylist()
    return rows


def where(table: pa.Table, column: str, values: Sequence[str]) -> pa.Table:
    """The rows whose column has one of the values."""
    return table.filter(pc.is_in(table[column], value_set=pa.array(list(values), type=pa.string())))


def value_counts(table: pa.Table, column: str) -> dict[str, int]:
    """Rows per value, most frequent first; without nulls."""
    entries = table[column].drop_null().value_counts().to_pylist()
    ordered = sorted(entries, key=lambda entry: (-entry["counts"], entry["values"]))
    return {entry["values"]: entry["counts"] for entry in ordered}
