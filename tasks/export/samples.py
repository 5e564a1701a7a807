"""The records of a version as samples of an export: payloads as files, a name for each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from datasets.errors import FormatError
from datasets.image_codec import encode_image
from datasets.image_record import ImageRecord, decode_record
from datasets.published import OpenedSplit
from datasets.record_pixels import levels_of
from datasets.shard_records import read_shard
from datasets.tfds_layout import Index


@dataclass(frozen=True)
class Sample:
    """One record, with its image as PNG or JPEG. `key` is unique, without dot and slash: e.g. `train-00000012`."""

    key: str
    record: ImageRecord
    image: bytes
    encoding: str
    class_name: str | None

    @property
    def extension(self) -> str:
        return {"jpeg": "jpg"}.get(self.encoding, self.encoding)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is known of it besides the pixels, as JSON values."""
        record = self.record
        facts: dict[str, Any] = {"id": record.id, "kind": record.kind, "derived_from": record.derived_from}
        return facts if self.class_name is None else {"label": self.class_name, **facts}

    @property
    def facts_json(self) -> bytes:
        return json.dumps(self.facts, sort_keys=True, ensure_ascii=False).encode("utf-8")


def samples_of(opened: OpenedSplit) -> Iterator[Sample]:
    """All records of one split, in the order of its shards.

    Raises FormatError, naming the shard, for damage, and where records are missing or not as index.json says.
    """
    (split,) = opened.names
    number = 0
    for file, shard in zip(opened.files, opened.shards, strict=True):
        for payload in read_shard(file, shard.records):
            yield _sample(f"{split}-{number:08d}", decode_record(payload), opened.index, file)
            number += 1


def exported_encoding(index: Index) -> str:
    """PNG and JPEG are copied as they are; pixels become PNG, which loses nothing of uint8 levels."""
    return "jpeg" if index.features.encoding == "jpeg" else "png"


def _sample(key: str, record: ImageRecord, index: Index, file: Path) -> Sample:
    names = index.features.class_names
    try:
        levels = levels_of(record, index)
    except FormatError as error:
        raise _damaged(file, record, str(error)) from error
    if (names is None) is not (record.label is None) or (names and not 0 <= (record.label or 0) < len(names)):
        raise _damaged(file, record, f"its label is {record.label}, index.json names {len(names or ())} classes")
    image = encode_image(levels, "png") if index.features.encoding == "raw" else record.image
    name = None if names is None or record.label is None else names[record.label]
    return Sample(key, record, image, exported_encoding(index), name)


def _damaged(file: Path, record: ImageRecord, what: str) -> FormatError:
    return FormatError(f"{file}: record {record.id!r}: {what}; run augment-dataset verify")
