"""Where the records of a TFDS version lie; for our own published versions also by id."""

import functools
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from datasets.errors import BadInput, FormatError
from datasets.example_proto import decode_example, peek_feature
from datasets.sources.base import MAX_MEMBER_BYTES
from datasets.sources.shards.tfds_folder import Shard, TfdsVersion
from datasets.tfrecord import read_record, record_offsets

HEAD_BYTES = 512
"""Holds the id of a record, which comes before the image: features are sorted by name."""
_lock = Lock()


class Place(NamedTuple):
    """Where a record's payload lies."""

    file: Path
    offset: int
    length_bytes: int


@dataclass(frozen=True, slots=True)
class SplitIds:
    """The ids of a split: their hashes, uint64 [N], sorted, the number of each record, and which repeat an id."""

    hashes: np.ndarray
    numbers: np.ndarray
    repeated: frozenset[int]

    def numbers_of(self, record_id: str) -> list[int]:
        """The records whose id has the same hash, in the order of the split: mostly one."""
        wanted = np.uint64(hash_of(record_id))
        first, last = self.hashes.searchsorted(wanted, "left"), self.hashes.searchsorted(wanted, "right")
        return self.numbers[first:last].tolist()


def places_in(version: TfdsVersion, shard: Shard) -> Iterator[Place]:
    """Of all records of a shard. Raises BadInput: damaged, or not as many as told."""
    path = version.folder / shard.file
    offsets, lengths = _offsets(path, shard)
    return (Place(path, offset, length) for offset, length in zip(offsets.tolist(), lengths.tolist(), strict=True))


def place_of(version: TfdsVersion, split: str, number: int) -> Place | None:
    """Of a record by its number in the split; None where there is no such record. Raises as places_in."""
    for shard in version.shards:
        if shard.split == split and 0 <= number - shard.first < shard.records:
            path = version.folder / shard.file
            offsets, lengths = _offsets(path, shard)
            row = number - shard.first
            return Place(path, int(offsets[row]), int(lengths[row]))
    return None


def read_features(place: Place | None) -> dict[str, list]:
    """A record's features, none of no place. Raises FormatError: damaged, too large, or no tf.train.Example."""
    if place is None:
        return {}
    if place.length_bytes > MAX_MEMBER_BYTES:
        raise FormatError(f"{place.file}: the record at byte {place.offset} has more than {MAX_MEMBER_BYTES >> 20} MiB")
    payload = read_record(*place)
    try:
        return decode_example(payload)
    except FormatError as error:
        raise FormatError(f"{place.file}: the record at byte {place.offset} is {error}") from error


def split_ids(version: TfdsVersion, split: str) -> SplitIds:
    """Ids of all records of a split of our own; reads the head of each record, once per process."""
    with _lock:  # threads that begin together would each do the same work
        return _split_ids(version, split)


def id_of(features: dict[str, list]) -> str | None:
    """The id of a record of our own; None where it has none that is text."""
    return text_of(features, "id")


def text_of(features: dict[str, list], name: str) -> str | None:
    """A feature that is one text; None where it is not."""
    values = features.get(name, [])
    if len(values) != 1 or not isinstance(values[0], bytes):
        return None
    return values[0].decode("utf-8", "backslashreplace")


def hash_of(text: str) -> int:
    """64 bits that stand for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _offsets(path: Path, shard: Shard) -> tuple[np.ndarray, np.ndarray]:
    offsets, lengths = _offsets_in(path, shard.version_tag)
    if len(offsets) != shard.records:
        raise BadInput(
            f"{path}: has {len(offsets)} records, its description says {shard.records}; copy the data set again"
        )
    return offsets, lengths


@functools.lru_cache(maxsize=16)
def _offsets_in(path: Path, version_tag: str) -> tuple[np.ndarray, np.ndarray]:
    """`version_tag` is there for the cache only."""
    return record_offsets(path)


@functools.lru_cache(maxsize=8)
def _split_ids(version: TfdsVersion, split: str) -> SplitIds:
    hashes = np.fromiter(_hashes(version, split), dtype=np.uint64)
    numbers = np.argsort(hashes, kind="stable")
    hashes = hashes[numbers]
    repeated = numbers[1:][hashes[1:] == hashes[:-1]]
    return SplitIds(hashes, numbers, frozenset(repeated.tolist()))


def _hashes(version: TfdsVersion, split: str) -> Iterator[int]:
    for shard in version.shards:
        if shard.split == split:
            with (version.folder / shard.file).open("rb", buffering=0) as file:
                for number, place in enumerate(places_in(version, shard), shard.first):
                    record_id = _peeked_id(file.fileno(), place)
                    # A record without an id is known by its number, and repeats no other.
                    yield hash_of(f"\0{number}" if record_id is None else record_id)


def _peeked_id(descriptor: int, place: Place) -> str | None:
    try:
        values = peek_feature(os.pread(descriptor, min(HEAD_BYTES, place.length_bytes), place.offset), "id")
        return id_of(read_features(place) if values is None else {"id": values})
    except FormatError:
        return None
