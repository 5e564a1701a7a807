"""The records of a shard, as many as the index of its version says."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from datasets.errors import FormatError
from datasets.tfrecord import read_tfrecord


def read_shard(file: Path, records: int) -> Iterator[bytes]:
    """Payloads in order, never more than `records`. Raises FormatError for damage, at the end for another number."""
    payloads = read_tfrecord(file)
    count = 0
    for payload in islice(payloads, records):
        yield payload
        count += 1
    count += sum(1 for _ in payloads)
    if count != records:
        raise FormatError(f"{file}: has {count} records, index.json says {records}; copy it again")
