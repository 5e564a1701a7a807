"""A folder as the place where versions are published."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from datasets.atomic_file import atomic_file
from datasets.errors import PlaceFailed, Refused
from datasets.tfds_layout import is_version
from tasks.publishing.target import LOCK_FILE, Entry


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
