"""Writes small versions by hand, in the layout that `publish` leaves, for the tests of verify and export."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from datasets.gate_file import Gate, write_gate
from datasets.image_codec import encode_image
from datasets.image_record import ImageRecord, encode_record
from datasets.manifest import MANIFEST_FILE, table_of, write_table
from datasets.normalise import Normalise, constants_of, normalise, pixel_ranges, range_constants
from datasets.tfds_layout import (
    Index,
    ShardFeatures,
    describe_shard,
    has_ranges,
    shard_filename,
    write_dataset_info,
    write_features,
    write_index,
)
from datasets.tfrecord import write_tfrecord
from tasks.digests import file_sha256
from tasks.published_versions import content_digest

CLASSES = ("cat", "dog", "eel")
SPLITS = {"train": 14, "validation": 4, "test": 3, "train_augmented": 5}


def picture(number, shape=(8, 6, 3)):
    """Uint8 pixels of their own for each number."""
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


@dataclass
class TinyVersion:
    """What is written; a test changes it before `write`, or the files afterwards."""

    name: str = "tiny"
    version: str | None = "1.0.0"
    features: ShardFeatures = field(default_factory=lambda: ShardFeatures(8, 6, 3, "png", CLASSES))
    normalise: Normalise = field(default_factory=lambda: Normalise((0.5,) * 3, (0.25,) * 3, "symmetric"))
    shard_records: int = 6
    kind: str = "real"
    splits: dict = field(default_factory=lambda: dict(SPLITS))
    records: dict = field(init=False)
    rows: list = field(init=False)

    def __post_init__(self):
        self.records, self.rows = {}, []
        number = 0
        for split, count in self.splits.items():
            self.records[split] = []
            for _ in range(count):
                self.records[split].append(self._record(split, number))
                self.rows.append(self._row(split, number))
                number += 1

    def _record(self, split, number):
        row = self._row(split, number)
        image, pixel_range = self._payload(number)
        return ImageRecord(
            image=image,
            id=f"source/{row['member']}#0",
            kind=row["kind"],
            derived_from=row["derived_from"] or "",
            label=row["class_id"],
            pixel_range=pixel_range,
        )

    def _payload(self, number):
        levels = picture(number, self.features.shape)
        if self.features.encoding != "raw":
            return encode_image(levels, self.features.encoding), None
        if self.features.pixels == "uint8":
            return levels.tobytes(), None
        if not has_ranges(self.features, self.normalise.method):
            return normalise(levels, constants_of(self.normalise)).astype("<f4").tobytes(), None
        ranges = pixel_ranges(levels[np.newaxis], self.normalise)
        values = normalise(levels[np.newaxis], range_constants(ranges, self.normalise))
        return values.astype("<f4").tobytes(), tuple(map(int, ranges[0]))

    def _row(self, split, number):
        kind = "augmented" if split == "train_augmented" else self.kind
        parents = {"real": None, "augmented": "source/0.png#0", "synthetic": "generator"}
        return {
            "source": "source",
            "member": f"{number}.png" if kind == "real" else f"{number}.png@{kind}",
            "frame": 0,
            "kind": kind,
            "status": "kept",
            "split": split,
            "derived_from": parents[kind],
            "class_id": None if self.features.class_names is None else number % len(self.features.class_names),
            "licence": "CC0-1.0",
        }

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        splits = {}
        for split, records in self.records.items():
            some = [records[at : at + self.shard_records] for at in range(0, len(records), self.shard_records)]
            entries = []
            for number, part in enumerate(some):
                path = folder / shard_filename(self.name, split, number, len(some))
                entries.append(describe_shard(path, write_tfrecord(path, map(encode_record, part))))
            splits[split] = tuple(entries)
        write_features(folder, self.features, self.normalise.method)
        rejected = {"source": "source", "member": "bad.png", "frame": 0, "kind": "real", "status": "rejected"}
        write_table(table_of([*self.rows, rejected]), folder / MANIFEST_FILE)
        everything = [entry for entries in splits.values() for entry in entries]
        index = Index(
            name=self.name,
            version=self.version,
            content_digest=content_digest(folder, everything),
            features=self.features,
            normalise=self.normalise,
            splits=splits,
            lineage={"kind": self.kind, "manifest_sha256": file_sha256(folder / MANIFEST_FILE)},
        )
        write_index(folder, index)
        if self.version is not None:
            self._publish(folder, splits)
        return folder

    def _publish(self, folder, splits):
        write_gate(Gate(gate="data", metrics=(), decided_on="all"), folder)
        lengths = {
            split: {"shard_lengths": [entry.records for entry in entries], "bytes": sum(e.bytes for e in entries)}
            for split, entries in splits.items()
        }
        write_dataset_info(folder, name=self.name, version=self.version, description="tiny", splits=lengths)
        (folder.parent / "latest").write_text(self.version + "\n")


def tiny(**changes) -> TinyVersion:
    """A version whose features differ in the fields that are named, e.g. encoding="jpeg"."""
    names = {name: changes.pop(name) for name in list(changes) if name in ShardFeatures.__dataclass_fields__}
    features = replace(ShardFeatures(8, 6, 3, "png", CLASSES), **names)
    return TinyVersion(features=features, **changes)
