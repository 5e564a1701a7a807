"""What a user names: a folder or URL of data sets, of one data set's versions, or of one version."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.errors import BadInput
from datasets.tfds_layout import DATASET_INFO_FILE, INDEX_FILE, LATEST_FILE, is_version
from tasks.published_versions import version_numbers
from tasks.publishing.opening import open_target
from tasks.publishing.target import Entry, Target, is_remote, latest_at, versions_at

GIVE = "give <name>/ or <name>/<x.y.z>/ of a published data set"


@dataclass(frozen=True, slots=True)
class DataSetPlace:
    """A data set below a target, and the version that was named, if one was."""

    target: Target
    name: str
    version: str | None = None

    @property
    def shown(self) -> str:
        return "/".join(filter(None, (self.target.shown, self.name, self.version)))

    def versions(self) -> list[str]:
        """Complete versions, oldest first."""
        return versions_at(self.target, self.name)

    def unfinished(self) -> list[str]:
        """Versions that were not published to their end."""
        found = self.target.entries(self.name)
        versions = [version for version, entry in found.items() if entry.is_folder and is_version(version)]
        return sorted(set(versions) - set(self.versions()), key=version_numbers)

    def latest(self) -> str | None:
        return latest_at(self.target, self.name)

    def one_version(self) -> str:
        """The version that was named, else the latest. Raises BadInput where it is not there."""
        version = self.version or self.latest()
        there = self.versions()
        if version not in there:
            wanted = f"version {version}" if version else f"`{LATEST_FILE}`"
            raise BadInput(
                f"{self.target.shown}/{self.name}: no {wanted}; published versions: {', '.join(there) or 'none'}"
            )
        return version


def data_sets_at(place: str, storage_options: Mapping[str, Any] | None = None) -> list[DataSetPlace]:
    """All data sets at a place: one, one version of it, or those in it. Raises BadInput where there is none."""
    plain = _plain(place)
    last = plain.rpartition("/")[2]
    if last == LATEST_FILE:  # a file, which is no target
        return [_with_version(data_set_at(place, storage_options))]
    target = open_target(plain, storage_options)
    there = target.entries("")
    if _is_data_set(there):
        return [data_set_at(place, storage_options)]
    found = data_sets_in_target(target)
    if found:
        return found
    if is_version(last):
        return [_with_version(data_set_at(place, storage_options))]
    if INDEX_FILE in there and DATASET_INFO_FILE not in there:
        raise BadInput(f"{place}: shards that are not published; {GIVE}")
    raise BadInput(f"{place}: no published data set is here; {GIVE}, or the folder that holds data sets")


def data_sets_in_target(target: Target) -> list[DataSetPlace]:
    """All data sets below a target."""
    inner = [name for name, entry in target.entries("").items() if entry.is_folder and not name.startswith(".")]
    return [DataSetPlace(target, name) for name in inner if _is_data_set(target.entries(name))]


def data_set_at(place: str, storage_options: Mapping[str, Any] | None = None) -> DataSetPlace:
    """One data set: `<name>/`, or `<name>/<x.y.z>/`, or `<name>/latest`. Raises BadInput for anything else."""
    parts = _plain(place).split("/")
    if parts[-1] == LATEST_FILE:
        parts = parts[:-1]
    version = parts.pop() if is_version(parts[-1]) else None
    root, name = "/".join(parts[:-1]), parts[-1]
    if not name or root.endswith(":/"):
        raise BadInput(f"{place}: no data set; {GIVE}")
    target = open_target(root or "/", storage_options)
    if not _is_data_set(target.entries(name)):
        raise BadInput(f"{place}: no published data set is here; {GIVE}")
    return DataSetPlace(target, name, version)


def _with_version(data_set: DataSetPlace) -> DataSetPlace:
    """The version that was named, else the latest; one that was not published to its end may be named too."""
    if data_set.version in data_set.unfinished():
        return data_set
    return replace(data_set, version=data_set.one_version())


def _plain(place: str) -> str:
    return place.rstrip("/") if is_remote(place) else Path(place).expanduser().resolve().as_posix()


def _is_data_set(entries: Mapping[str, Entry]) -> bool:
    return LATEST_FILE in entries or any(entry.is_folder and is_version(name) for name, entry in entries.items())
