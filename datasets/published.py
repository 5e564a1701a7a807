"""Find the shards of a split: from what a user names to the files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.errors import BadInput, FormatError
from datasets.tfds_layout import (
    DATASET_INFO_FILE,
    INDEX_FILE,
    LATEST_FILE,
    Index,
    ShardEntry,
    is_version,
    read_index,
)


@dataclass(frozen=True, slots=True)
class OpenedSplit:
    """One split, or several joined, of the data set in `folder`.

    Of the records of its shards, in their order, it has every `step`-th from `first` on.
    """

    folder: Path
    index: Index
    names: tuple[str, ...]
    shards: tuple[ShardEntry, ...]
    first: int = 0
    step: int = 1

    @property
    def records(self) -> int:
        return len(range(self.first, sum(shard.records for shard in self.shards), self.step))

    @property
    def size_bytes(self) -> int:
        return sum(shard.bytes for shard in self.shards)

    @property
    def files(self) -> list[Path]:
        return [self.folder / shard.file for shard in self.shards]


def resolve_version(path: str | Path) -> Path:
    """`<name>/` (follows `latest`), `<name>/<x.y.z>/` or an unpublished folder of shards -> the folder of shards.

    Raises BadInput when there is no such folder or version, FormatError when what is there is incomplete or unknown.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; give <name>/ or <name>/<x.y.z>/ of a published data set")
    if not (folder / INDEX_FILE).is_file():
        folder = _latest_version(folder)
    if read_index(folder).version is not None and not (folder / DATASET_INFO_FILE).is_file():
        raise FormatError(
            f"{folder}: {DATASET_INFO_FILE} is missing, so that this version was not published to the end; "
            "give another version or publish again"
        )
    return folder


def open_split(path: str | Path, split: str) -> OpenedSplit:
    """The shards of a split; `a+b` joins splits in that order.

    Raises BadInput, naming the splits there are, for an unknown or repeated one, and as resolve_version does.
    """
    folder = resolve_version(path)
    index = read_index(folder)
    names = tuple(split.split("+"))
    for name in names:
        if name not in index.splits:
            there = ", ".join(index.splits)
            raise BadInput(f"{folder}: got split {name!r}; this data set has {there}; join several with +")
        if names.count(name) > 1:
            raise BadInput(f"{folder}: got split {split!r}, which names {name} twice; name each split once")
    shards = tuple(shard for name in names for shard in index.splits[name])
    return OpenedSplit(folder, index, names, shards)


def share_of(opened: OpenedSplit, worker: tuple[int, int]) -> OpenedSplit:
    """What the worker (index, count) reads: every record belongs to exactly one of the workers.

    Where there are shards enough, each worker reads shards of its own; else all read all shards, and of every `count`
    records each takes one. Raises BadInput for a worker that cannot be.
    """
    is_pair = isinstance(worker, Sequence) and len(worker) == 2 and all(map(is_whole, worker))
    if not is_pair or not 0 <= worker[0] < worker[1]:
        raise BadInput(f"got worker {worker!r}; allowed is (index, count) with an index from 0 to count - 1")
    index, count = worker
    if len(opened.shards) >= count:
        return replace(opened, shards=opened.shards[index::count])
    return replace(opened, first=index, step=count)


def is_whole(value: object) -> bool:
    """Whether it is a whole number, Python's or NumPy's; callers without a type checker give anything."""
    return isinstance(value, int | np.integer)


def _latest_version(folder: Path) -> Path:
    """The folder that `latest` names."""
    versions = sorted((inner.name for inner in folder.iterdir() if is_version(inner.name)), key=_version_number)
    there = ", ".join(versions) or "none"
    latest = folder / LATEST_FILE
    if latest.is_file():
        version = latest.read_text(encoding="utf-8", errors="replace").strip()
        if version not in versions:
            raise FormatError(f"{latest}: names version {version!r}; versions here: {there}; write one of them into it")
        return folder / version
    if versions:
        raise BadInput(f"{folder}: no `{LATEST_FILE}` file; give the folder of a version: {there}")
    raise BadInput(f"{folder}: not a data set (no {INDEX_FILE}, no `{LATEST_FILE}`); give <name>/ or <name>/<x.y.z>/")


def _version_number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
