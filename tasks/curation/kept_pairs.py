"""Near copies that stay in use, as curate leaves them to later stages: they must share a split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.curation.finding_list import is_usable

PAIRS_FILE = "near_pairs.parquet"
PAIRS_SCHEMA = pa.schema([("first", pa.string()), ("second", pa.string())])


def write_kept_pairs(folder: Path, rows: Sequence[Mapping[str, Any]], pairs: np.ndarray) -> None:
    """Keep the confirmed pairs of which both images are still in use, by sha256."""
    kept = [
        (rows[first]["sha256"], rows[second]["sha256"])
        for first, second in pairs.tolist()
        if is_usable(rows[first]) and is_usable(rows[second])
    ]
    columns = {"first": [pair[0] for pair in kept], "second": [pair[1] for pair in kept]}
    pq.write_table(pa.Table.from_pydict(columns, schema=PAIRS_SCHEMA), folder / PAIRS_FILE)


def read_kept_pairs(folder: Path) -> list[tuple[str, str]]:
    """Pairs of sha256 of near copies that are both in use."""
    with pq.ParquetFile(folder / PAIRS_FILE) as file:
        table = file.read()
    return list(zip(table["first"].to_pylist(), table["second"].to_pylist(), strict=True))
