"""Find a shard file, or a record in one, by the first digits of a sha256, without decoding what is not looked for.

A record holds the sha256 of its image as text, so that a search for bytes in the mapped file finds it.
"""

import hashlib
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import FormatError
from datasets.image_record import decode_record
from datasets.tfds_layout import Index
from datasets.tfrecord import read_tfrecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShard:
    """A shard file of a version, by the sha256 of its bytes."""

    dataset: str
    version: str
    split: str
    file: str
    sha256: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """A record of a shard, by the sha256 of the image in it. `record` counts from 0 within the shard."""

    dataset: str
    version: str
    split: str
    file: str
    record: int
    sha256: str
    id: str
    kind: str
    derived_from: str


def find_shards(folder: Path, index: Index, digits: str) -> Iterator[FoundShard]:
    """Shards whose sha256, as index.json has it, begins with the digits."""
    for split, shards in index.splits.items():
        for shard in shards:
            if shard.sha256.startswith(digits):
                yield FoundShard(
                    dataset=index.name,
                    version=folder.name,
                    split=split,
                    file=shard.file,
                    sha256=shard.sha256,
                    records=shard.records,
                )


def find_records(folder: Path, index: Index, digits: str) -> Iterator[FoundRecord]:
    """Records whose image has a sha256 that begins with the digits.

    Every byte of the version is read, and of a shard that holds the digits, every record. Raises FormatError for a
    shard that is missing, and for damage in one of those.
    """
    for split, shards in index.splits.items():
        for shard in shards:
            path = folder / shard.file
            if not _holds(path, digits.encode("ascii")):
                continue
            for number, payload in enumerate(read_tfrecord(path)):
                if digits.encode("ascii") not in payload:
                    continue
                record = decode_record(payload)
                sha256 = hashlib.sha256(record.image).hexdigest()
                if sha256.startswith(digits):
                    yield FoundRecord(
                        dataset=index.name,
                        version=folder.name,
                        split=split,
                        file=shard.file,
                        record=number,
                        sha256=sha256,
                        id=record.id,
                        kind=record.kind,
                        derived_from=record.derived_from,
                    )


def _holds(path: Path, text: bytes) -> bool:
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return mapped.find(text) >= 0
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); run augment-dataset verify") from error
