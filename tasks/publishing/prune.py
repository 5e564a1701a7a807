"""Removing old versions: never the latest, and none that a synthetic version was learned from unless forced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datasets.errors import BadInput, Refused
from datasets.tfds_layout import DATASET_INFO_FILE
from tasks.progress import Progress
from tasks.publishing.catalogue import UNFINISHED, Listed, listed_versions
from tasks.publishing.places import DataSetPlace, data_sets_in_target
from tasks.publishing.target import files_of


@dataclass(frozen=True, slots=True)
class Pruning:
    """What would be removed, and of what stays, why it stays beyond the newest ones."""

    remove: tuple[Listed, ...]
    stay: tuple[tuple[Listed, str], ...]
    latest: str | None

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.remove)


def plan_pruning(place: DataSetPlace, keep: int, force: bool = False) -> Pruning:
    """Keep the newest `keep` complete versions; what was not published to its end goes."""
    if place.version is not None:
        raise BadInput(f"{place.shown}: one version; give {place.target.shown}/{place.name}")
    found = list(listed_versions(place))
    complete = [entry for entry in found if entry.gate != UNFINISHED]
    learned = learned_from(place)
    remove, stay = [entry for entry in found if entry.gate == UNFINISHED], list[tuple[Listed, str]]()
    for number, entry in enumerate(complete):
        if number < keep:
            stay.append((entry, "latest" if entry.is_latest else f"one of the newest {keep}"))
        elif entry.is_latest:
            stay.append((entry, "latest"))
        elif entry.content_digest in learned and not force:
            stay.append((entry, f"{learned[entry.content_digest]} was learned from it"))
        else:
            remove.append(entry)
    return Pruning(tuple(remove), tuple(stay), place.latest())


def learned_from(place: DataSetPlace) -> Mapping[str, str]:
    """Content digests of the versions that synthetic ones beside this data set name -> the synthetic version."""
    others = [other for other in data_sets_in_target(place.target) if other.name != place.name]
    synthetic = [entry for other in others for entry in listed_versions(other) if entry.real is not None]
    return {
        entry.real[1]: f"{entry.name} {entry.version}"
        for entry in synthetic
        if entry.real is not None and entry.real[0] == place.name
    }


def prune(place: DataSetPlace, planned: Pruning, publisher: str, progress: Progress) -> None:
    """Remove versions; the file that makes one visible goes first. Raises Refused where `latest` moved meanwhile."""
    with place.target.claim(place.name, publisher):
        if place.latest() != planned.latest:
            raise Refused(f"nothing is removed: `latest` of {place.shown} was moved meanwhile; run again")
        for done, entry in enumerate(planned.remove, start=1):
            remove_version(place, entry.version)
            progress(done, len(planned.remove))


def remove_version(place: DataSetPlace, version: str) -> None:
    """Remove one version, hidden at once."""
    path = f"{place.name}/{version}"
    names: Sequence[str] = sorted(files_of(place.target, path), key=lambda name: (name != DATASET_INFO_FILE, name))
    for name in names:
        place.target.remove(f"{path}/{name}")
