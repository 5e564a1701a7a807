"""What publishing needs of the place where versions are published: a folder, or a URL that fsspec opens.

Paths are below it, e.g. `digits/1.0.0/gate.json`.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from datasets.sources.settings import URL_MARK
from datasets.tfds_layout import DATASET_INFO_FILE, LATEST_FILE, is_version
from tasks.published_versions import version_numbers

LOCK_FILE = ".publishing"


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies in a folder of a target. `tag` changes whenever the file may have, its size aside."""

    size_bytes: int
    tag: str
    is_folder: bool


class Target(Protocol):
    """What publishing needs of a place. Whatever fails raises PlaceFailed, one sentence that names the place."""

    @property
    def shown(self) -> str:
        """The folder or URL, without anything secret."""

    def entries(self, folder: str) -> dict[str, Entry]:
        """What lies in a folder by name; nothing where it is not there."""

    def read(self, path: str) -> bytes | None:
        """A small file, None where it is not there."""

    def write(self, path: str, payload: bytes) -> None:
        """Write or replace a small file, whole."""

    def create(self, path: str, payload: bytes) -> bool:
        """Write a small file that is not there yet; False, and nothing written, where it is."""

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""

    def claim(self, name: str, publisher: str) -> AbstractContextManager[None]:
        """Keep all others off a data set meanwhile. Raises Refused where another has it."""


def versions_at(target: Target, name: str) -> list[str]:
    """Complete versions of a data set, oldest first."""
    found = [inner for inner, entry in target.entries(name).items() if entry.is_folder and is_version(inner)]
    complete = [version for version in found if DATASET_INFO_FILE in target.entries(f"{name}/{version}")]
    return sorted(complete, key=version_numbers)


def files_of(target: Target, folder: str) -> dict[str, Entry]:
    """The files of a folder and of the folders in it, by relative name, e.g. `generator/generator.json`."""
    found = dict[str, Entry]()
    for name, entry in target.entries(folder).items():
        if entry.is_folder:
            found |= {f"{name}/{inner}": below for inner, below in files_of(target, f"{folder}/{name}").items()}
        else:
            found[name] = entry
    return found


def latest_at(target: Target, name: str) -> str | None:
    """What `latest` of a data set says, None where there is none."""
    text = target.read(f"{name}/{LATEST_FILE}")
    return None if text is None else text.decode("utf-8", "replace").strip()


def is_remote(place: str | Path) -> bool:
    """Whether a place is a URL."""
    return isinstance(place, str) and URL_MARK in place
