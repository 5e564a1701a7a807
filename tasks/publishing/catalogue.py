"""What is published somewhere: each version with its counts, size, digest and verdict. No shard is read."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import FormatError
from datasets.gate_file import GATE_FILE, read_gate
from datasets.tfds_layout import INDEX_FILE, Index, read_index
from tasks.publishing.places import DataSetPlace
from tasks.publishing.target import Target, files_of

UNFINISHED, UNREADABLE, NO_GATE = "not finished", "unreadable", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One version. `records` by split; of one that is unfinished or cannot be read, only its size is known."""

    name: str
    version: str
    is_latest: bool
    size_bytes: int
    records: dict[str, int]
    classes: int | None
    content_digest: str
    gate: str
    real: tuple[str, str] | None = None  # name and content digest of the real version behind a synthetic one

    @property
    def images(self) -> int:
        return sum(self.records.values())


def listed_versions(place: DataSetPlace) -> Iterator[Listed]:
    """All versions of a data set, newest first, those too that were not published to their end."""
    latest, complete = place.latest(), set(place.versions())
    for version in [*reversed(place.unfinished()), *reversed(place.versions())]:
        if place.version in (None, version):
            yield listed(place, version, is_latest=version == latest, is_complete=version in complete)


def listed(place: DataSetPlace, version: str, *, is_latest: bool = False, is_complete: bool = True) -> Listed:
    """What index.json and gate.json of a version say."""
    path = f"{place.name}/{version}"
    size_bytes = sum(entry.size_bytes for entry in files_of(place.target, path).values())
    index, gate = read_small_files(place.target, path) if is_complete else (None, UNFINISHED)
    real = index.lineage.get("real") if index else None
    return Listed(
        name=place.name,
        version=version,
        is_latest=is_latest,
        size_bytes=size_bytes,
        records={split: index.records(split) for split in index.splits} if index else {},
        classes=len(index.features.class_names) if index and index.features.class_names is not None else None,
        content_digest=index.content_digest if index else "",
        gate=gate,
        real=(str(real.get("name")), str(real.get("content_digest"))) if isinstance(real, dict) else None,
    )


def read_small_files(target: Target, path: str) -> tuple[Index | None, str]:
    """The index of a version, None where it is damaged, and the verdict of its gate in a word."""
    with tempfile.TemporaryDirectory(prefix="augment-dataset-list-") as scratch:
        folder = Path(scratch)
        for name in (INDEX_FILE, GATE_FILE):
            payload = target.read(f"{path}/{name}")
            if payload is not None:
                (folder / name).write_bytes(payload)
        try:
            index = read_index(folder)
        except FormatError:
            return None, UNREADABLE
        if not (folder / GATE_FILE).exists():
            return index, NO_GATE
        try:
            return index, read_gate(folder).verdict
        except FormatError:
            return index, UNREADABLE
