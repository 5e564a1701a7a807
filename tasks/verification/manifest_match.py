"""Whether each used row of the manifest is in exactly one record, and the reverse.

About 50 bytes are held for each record, not its texts; an id is looked up again when it is to be shown. Of the
manifest, the columns that are compared are held.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from datasets.errors import FormatError
from datasets.image_record import decode_record
from datasets.manifest import KEY, MANIFEST_FILE, in_use, read_table
from datasets.tfrecord import salvage_tfrecord
from tasks.verification.faults import Fault, FaultKind, Faults, shown_id
from tasks.verification.shard_pass import FACTS, NO_LABEL, id_digest, kind_number, text_number

COLUMNS = [*KEY, "kind", "derived_from", "status", "split", "class_id"]
PIECE_ROWS = 64 * 1024
NO_SHARD = -1


class ReadShard(NamedTuple):
    """A shard that was read: FACTS of its records hold its place in the list of these."""

    split: str
    path: Path


def check_manifest(folder: Path, shards: Sequence[ReadShard], records: np.ndarray, faults: Faults) -> None:
    """Compare all records of a version, FACTS [N], with one another and with the manifest."""
    splits = [shard.split for shard in shards]
    records = np.sort(records, order=["id", "shard", "record"])
    repeated = records[1:][records["id"][1:] == records["id"][:-1]]
    _add(shards, repeated, FaultKind.REPEATED_ID, "another record has the same id", faults)
    try:
        table = in_use(read_table(folder / MANIFEST_FILE, COLUMNS))
    except FormatError as error:
        if (folder / MANIFEST_FILE).exists():  # said elsewhere where it does not
            faults.add(Fault(FaultKind.UNREADABLE_FILE, MANIFEST_FILE, str(error)))
        return
    rows = manifest_facts(table)
    order = np.argsort(rows["id"], kind="stable")
    sorted_rows = rows[order]
    known, place = _places(records["id"], sorted_rows["id"])
    unknown = "no used row of manifest.parquet has its id"
    _add(shards, records[~known], FaultKind.NOT_IN_MANIFEST, unknown, faults)
    _add_differences(
        shards, records[known], sorted_rows[place[known]], _split_numbers(table, splits)[order][place[known]], faults
    )
    is_there, _ = _places(sorted_rows["id"], records["id"])
    _add_rows(table, order[~is_there], FaultKind.NOT_IN_SHARDS, "is in use, but no readable record has its id", faults)
    twice = order[1:][sorted_rows["id"][1:] == sorted_rows["id"][:-1]]
    _add_rows(table, twice, FaultKind.REPEATED_ID, "is there more than once", faults)


def manifest_facts(table: pa.Table) -> np.ndarray:
    """Rows in use -> FACTS [N]; they are in no shard."""
    facts = np.zeros(len(table), dtype=FACTS)
    facts["id"] = np.frombuffer(bytearray().join(map(id_digest, _keys(table))), dtype="V16")
    facts["label"] = table["class_id"].fill_null(NO_LABEL).to_numpy()
    facts["kind"] = _by_value(table["kind"], kind_number)
    facts["derived_from"] = _by_value(table["derived_from"], text_number)
    facts["shard"] = NO_SHARD
    return facts


def _split_numbers(table: pa.Table, splits: Sequence[str]) -> np.ndarray:
    """The place of each row's split among those of the shards, the first of its name; -1 where there is none."""
    return _by_value(table["split"], lambda split: splits.index(split) if split in splits else NO_SHARD)


def _by_value(column: pa.ChunkedArray, number_of: Callable[[str], int]) -> np.ndarray:
    """A number for each row of a column of texts; each value is worked out once. Null is an empty text."""
    encoded = column.fill_null("").combine_chunks().dictionary_encode()
    numbers = np.array([number_of(value) for value in encoded.dictionary.to_pylist()], dtype=np.int64)
    return numbers[encoded.indices.to_numpy()]


def _add_differences(
    shards: Sequence[ReadShard], records: np.ndarray, rows: np.ndarray, row_splits: np.ndarray, faults: Faults
) -> None:
    """Records beside the rows of the same ids."""
    splits = [shard.split for shard in shards]
    first_of = np.array([splits.index(split) for split in splits], dtype=np.int64)
    wrong = {name: records[name] != rows[name] for name in ("label", "kind", "derived_from")}
    wrong["split"] = first_of[records["shard"]] != row_splits
    for name, differs in wrong.items():
        sentence = f"its {name} is not that of its row in manifest.parquet"
        _add(shards, records[differs], FaultKind.NOT_AS_IN_MANIFEST, sentence, faults)


def _keys(table: pa.Table) -> Iterator[str]:
    """As datasets.manifest.key_text has them."""
    for start in range(0, len(table), PIECE_ROWS):
        piece = table.slice(start, PIECE_ROWS)
        for source, member, frame in zip(*(piece[name].to_pylist() for name in KEY), strict=True):
            yield f"{source}/{member}#{frame}"


def _places(wanted: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each id whether it is among the sorted others, bool [N], and where, int [N]."""
    if not len(among):
        return np.zeros(len(wanted), bool), np.zeros(len(wanted), np.int64)
    place = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    return among[place] == wanted, place


def _add(shards: Sequence[ReadShard], records: np.ndarray, kind: FaultKind, sentence: str, faults: Faults) -> None:
    named = min(faults.room(kind), len(records))
    for record in records[:named]:
        path, number = shards[record["shard"]].path, int(record["record"])
        faults.add(Fault(kind, path.name, sentence, number, _id_of(path, number)))
    faults.count_unnamed(kind, len(records) - named)


def _id_of(path: Path, number: int) -> str | None:
    found = next((found for index, found in enumerate(salvage_tfrecord(path)) if index == number), None)
    return decode_record(found.payload).id if found and found.payload is not None else None


def _add_rows(table: pa.Table, rows: np.ndarray, kind: FaultKind, sentence: str, faults: Faults) -> None:
    named = min(faults.room(kind), len(rows))
    for key in _keys(table.take(pa.array(np.sort(rows)[:named], pa.int64()))):
        faults.add(Fault(kind, MANIFEST_FILE, f"the row of {shown_id(key)} {sentence}"))
    faults.count_unnamed(kind, len(rows) - named)
