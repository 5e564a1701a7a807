"""Published versions: which there are, which is the latest, and whether one is intact."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE
from datasets.tfds_layout import (
    DATASET_INFO_FILE,
    FEATURES_FILE,
    LABELS_FILE,
    LATEST_FILE,
    Index,
    ShardEntry,
    is_version,
    read_index,
)
from tasks.digests import digest_of, file_sha256


@dataclass(frozen=True, slots=True)
class Published:
    """One complete version on disk."""

    path: Path
    index: Index

    @property
    def version(self) -> str:
        assert self.index.version is not None
        return self.index.version


def synthetic_name(dataset: str) -> str:
    """Name of the synthetic data set that belongs to a real one."""
    return f"{dataset}_synthetic"


def latest(folder: Path) -> Published | None:
    """The version that `latest` names in the folder of a data set, None where it names none. Raises FormatError."""
    try:
        version = (folder / LATEST_FILE).read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not is_version(version) or not is_complete(folder / version):
        return None
    return Published(folder / version, read_index(folder / version))


def latest_or_refuse(folder: Path) -> Published:
    """The same. Raises BadInput where nothing was published yet."""
    found = latest(folder)
    if found is None:
        raise BadInput(f"{folder} holds no published version; run `augment-dataset prepare` first")
    return found


def is_complete(path: Path) -> bool:
    """Whether a version was published to its end: the file that makes it visible is there."""
    return (path / DATASET_INFO_FILE).is_file()


def versions(folder: Path) -> list[str]:
    """All complete versions, oldest first."""
    names = [path.name for path in folder.glob("*.*.*") if is_version(path.name) and is_complete(path)]
    return sorted(names, key=version_numbers)


def version_numbers(version: str) -> tuple[int, ...]:
    """`1.2.3` -> (1, 2, 3)."""
    return tuple(map(int, version.split(".")))


def content_digest(folder: Path, shards: Iterable[ShardEntry]) -> str:
    """Digest of all that a reader of a data set sees: shards, features and class names."""
    files = {shard.file: shard.sha256 for shard in shards}
    for name in (FEATURES_FILE, LABELS_FILE):
        if (folder / name).exists():
            files[name] = file_sha256(folder / name)
    return digest_of(files)


def damage(published: Published) -> str | None:
    """What in a version is not as its index says, None if nothing."""
    for shards in published.index.splits.values():
        for shard in shards:
            path = published.path / shard.file
            if not path.is_file():
                return f"{path.name} of {published.version} is gone"
            if file_sha256(path) != shard.sha256:
                return f"{path.name} of {published.version} was changed"
    entries = [shard for shards in published.index.splits.values() for shard in shards]
    if content_digest(published.path, entries) != published.index.content_digest:
        return f"features or class names of {published.version} were changed"
    manifest = published.path / MANIFEST_FILE
    if not manifest.is_file() or file_sha256(manifest) != published.index.lineage.get("manifest_sha256"):
        return f"{MANIFEST_FILE} of {published.version} was changed"
    for name, digest in published.index.files.items():
        path = published.path / name
        if not path.is_file() or file_sha256(path) != digest:
            return f"{name} of {published.version} {'was changed' if path.is_file() else 'is gone'}"
    return None
