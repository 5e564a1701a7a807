"""Verify: re-read all of published versions or of an unpublished folder of shards, and name everything damaged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.errors import BadInput, FormatError
from datasets.tfds_layout import DATASET_INFO_FILE, INDEX_FILE, LATEST_FILE, Index, is_version, read_index
from tasks.parallel import ComputeSettings, map_partitions
from tasks.progress import Progress
from tasks.published_versions import version_numbers
from tasks.verification.faults import Fault, FaultKind, Faults
from tasks.verification.manifest_match import ReadShard, check_manifest
from tasks.verification.shard_pass import FACTS, ShardReport, ShardTask, read_shard
from tasks.verification.side_files import check_side_files

PARTITION_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one folder, which may be at a URL.

    `name` and `version` are None where index.json cannot be read or has none.
    """

    folder: Path | str
    name: str | None
    version: str | None
    shards: int
    records: int
    size_bytes: int
    faults: Faults

    @property
    def is_intact(self) -> bool:
        return len(self.faults) == 0


def folders_at(path: Path) -> tuple[list[Path], list[Fault]]:
    """A version, a folder of shards, `<name>/` or `<name>/latest` -> the folders to verify, and faults of `latest`.

    Raises BadInput where there is none of these.
    """
    if path.name == LATEST_FILE and path.is_file():
        named, faults = _latest(path.parent, _versions(path.parent))
        if named is None:
            raise BadInput(f"{path}: {faults[0].detail}; give <name>/ or <name>/<x.y.z>/")
        return [named], []
    if not path.is_dir():
        raise BadInput(f"{path}: no such folder; give <name>/ or <name>/<x.y.z>/ of a published data set")
    versions = _versions(path)
    if (path / INDEX_FILE).exists() or (is_version(path.name) and not versions):
        return [path], []
    if not versions and not (path / LATEST_FILE).is_file():
        raise BadInput(
            f"{path}: not a data set (no {INDEX_FILE}, no versions, no `{LATEST_FILE}`); give <name>/, <name>/<x.y.z>/ "
            "or a folder of shards"
        )
    return versions, _latest(path, versions)[1]


def verify(folders: Sequence[Path], compute: ComputeSettings, progress: Progress, limit: int = 20) -> list[Verdict]:
    """Read every byte of the folders and compare it with what they say of themselves.

    Goes on after every fault, keeps the first `limit` of each kind per folder and counts the rest.
    """
    indexes = {folder: _index(folder) for folder in folders}
    tasks = [
        task for folder, index in indexes.items() if isinstance(index, Index) for task in _tasks(folder, index, limit)
    ]
    reports: dict[Path, list[tuple[ShardTask, ShardReport]]] = defaultdict(list)
    found = map_partitions(read_shards, _partitions(tasks), compute, progress)
    for task, report in zip(tasks, (report for some in found for report in some), strict=True):
        reports[task.folder].append((task, report))
    return [_verdict(folder, index, reports.pop(folder, []), limit) for folder, index in indexes.items()]


def read_shards(tasks: Sequence[ShardTask]) -> list[ShardReport]:
    """One report per shard."""
    return [read_shard(task) for task in tasks]


def _latest(folder: Path, versions: Sequence[Path]) -> tuple[Path | None, list[Fault]]:
    try:
        name = (folder / LATEST_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None, [Fault(FaultKind.MISSING_FILE, LATEST_FILE, "it is missing, so that readers find no version")]
    except (OSError, UnicodeDecodeError) as error:
        return None, [Fault(FaultKind.UNREADABLE_FILE, LATEST_FILE, f"it cannot be read ({error})")]
    for version in versions:
        if version.name == name:
            return version, []
    there = ", ".join(version.name for version in versions) or "none"
    sentence = f"it names {name[:40]!r}, but there are versions {there}"
    return None, [Fault(FaultKind.CHANGED_FILE, LATEST_FILE, sentence)]


def _versions(folder: Path) -> list[Path]:
    """Also those that were not published to their end, oldest first."""
    found = (inner for inner in folder.iterdir() if inner.is_dir() and is_version(inner.name))
    return sorted(found, key=lambda inner: version_numbers(inner.name))


def _index(folder: Path) -> Index | Fault:
    try:
        index = read_index(folder)
    except FormatError as error:
        return Fault(FaultKind.UNREADABLE_FILE, INDEX_FILE, f"so that nothing else could be verified: {error}")
    if index.version is None and (folder / DATASET_INFO_FILE).exists():
        return Fault(FaultKind.CHANGED_FILE, INDEX_FILE, f"it names no version, but {DATASET_INFO_FILE} is there")
    return index


def _tasks(folder: Path, index: Index, limit: int) -> list[ShardTask]:
    """One per shard. Each goes to a worker, so it does not hold the list of all."""
    shards = [(split, entry) for split, entries in index.splits.items() for entry in entries]
    bare = replace(index, splits={})
    return [
        ShardTask(folder=folder, index=bare, split=split, entry=entry, number=number, limit=limit)
        for number, (split, entry) in enumerate(shards)
    ]


def _partitions(tasks: Sequence[ShardTask]) -> list[list[ShardTask]]:
    """Shards in groups that are worth a worker's while."""
    partitions: list[list[ShardTask]] = []
    size = PARTITION_BYTES
    for task in tasks:
        if size >= PARTITION_BYTES:
            partitions.append([])
            size = 0
        partitions[-1].append(task)
        size += task.entry.bytes
    return partitions


def _verdict(
    folder: Path, index: Index | Fault, reports: Sequence[tuple[ShardTask, ShardReport]], limit: int
) -> Verdict:
    faults = Faults(limit)
    if isinstance(index, Fault):
        faults.add(index)
        return Verdict(folder=folder, name=None, version=None, shards=0, records=0, size_bytes=0, faults=faults)
    check_side_files(folder, index, faults)
    for _, report in reports:
        faults.merge(report.faults)
    facts = np.concatenate([np.empty(0, FACTS), *(report.facts for _, report in reports)])
    shards = [ReadShard(task.split, folder / task.entry.file) for task, _ in reports]
    check_manifest(folder, shards, facts, faults)
    return Verdict(
        folder=folder,
        name=index.name,
        version=index.version,
        shards=len(reports),
        records=sum(report.records for _, report in reports),
        size_bytes=sum(task.entry.bytes for task, _ in reports),
        faults=faults,
    )
