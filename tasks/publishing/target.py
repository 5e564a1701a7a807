"""Where versions are published: a folder, or a URL that fsspec opens.

Paths are below it, e.g. `digits/1.0.0/gate.json`.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from datasets.atomic_file import atomic_file
from datasets.errors import PlaceFailed, Refused
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


def open_target(place: str | Path, storage_options: Mapping[str, Any] | None = None) -> Target:
    """The target at a folder or URL, which need not be there yet. Raises BadInput for a URL that cannot be opened."""
    if isinstance(place, str) and URL_MARK in place:
        from tasks.publishing.remote_target import RemoteTarget

        return RemoteTarget.opened(place, storage_options or {})
    return LocalTarget(Path(place))


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A folder of this machine or of a network file system."""

    folder: Path

    @property
    def shown(self) -> str:
        return str(self.folder)

    def entries(self, folder: str) -> dict[str, Entry]:
        with _told(self.folder / folder, "read"):
            if not (self.folder / folder).is_dir():
                return {}
            return {found.name: _entry(found) for found in sorted((self.folder / folder).iterdir())}

    def read(self, path: str) -> bytes | None:
        with _told(self.folder / path, "read"):
            try:
                return (self.folder / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, path: str, payload: bytes) -> None:
        with _told(self.folder / path, "written"):
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(self.folder / path) as file:
                file.write(payload)

    def create(self, path: str, payload: bytes) -> bool:
        """Looks first: those who publish keep each other off by `claim`."""
        if (self.folder / path).exists():
            return False
        self.write(path, payload)
        return True

    def remove(self, path: str) -> None:
        with _told(self.folder / path, "removed"):
            (self.folder / path).unlink(missing_ok=True)
            for parent in (self.folder / path).parents:  # folders of a version go with their last file
                if not any(is_version(part) for part in parent.parts[-2:]) or any(parent.iterdir()):
                    break
                parent.rmdir()

    @contextmanager
    def claim(self, name: str, publisher: str) -> Iterator[None]:
        """A lock of the operating system: that of a dead process is free again."""
        with _told(self.folder / name, "written"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / name / LOCK_FILE)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise Refused(
                    f"{self.folder / name} is being published or pruned by another run; wait until it ends, run again"
                ) from None
        try:
            yield
        finally:
            lock.release()


@contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PlaceFailed(f"{path} cannot be {done} ({(error.strerror or str(error)).lower()})") from error


def _entry(path: Path) -> Entry:
    status = path.stat()
    return Entry(status.st_size, str(status.st_mtime_ns), path.is_dir())
