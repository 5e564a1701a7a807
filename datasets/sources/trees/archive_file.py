# ruff: noqa: PTH116
"""An archive's file, open for reads at any position from any number of threads."""

import os
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from datasets.errors import BadInput


class FileState(NamedTuple):
    """What tells one state of a file from another."""

    path: str
    size_bytes: int
    mtime_ns: int

    @property
    def tag(self) -> str:
        """Changes whenever the file does."""
        return f"{self.size_bytes}-{self.mtime_ns}"


def file_state(path: Path) -> FileState:
    """The file as it is now. Raises OSError."""
    status = os.stat(path)
    return FileState(str(path), status.st_size, status.st_mtime_ns)


@contextmanager
def openable(path: Path) -> Iterator[None]:
    """Raises BadInput where the file cannot be opened or read."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}); give an archive that can") from error


def without_folder(error: BadInput, path: Path) -> str:
    """What it says, without the place of the file on this machine."""
    return str(error).replace(str(path), path.name)


def input_state(path: Path) -> FileState:
    """The file as it is now. Raises BadInput where it cannot be looked at."""
    with openable(path):
        return file_state(path)


def head_of(path: Path, size_bytes: int) -> bytes:
    """The first bytes of a regular file; none of anything else, so that no pipe is waited for. Raises BadInput."""
    with openable(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        with path.open("rb", buffering=0) as file:
            return file.read(size_bytes)


class ArchiveFile:
    """Open until nobody refers to it any more, so that no thread ever reads a closed file."""

    __slots__ = ("__weakref__", "_descriptor", "name", "path", "size_bytes")

    def __init__(self, path: Path, shown: Path | None = None) -> None:
        """`shown` stands in messages instead of a path that people do not know. Raises OSError."""
        self.path = shown or path
        self.name = self.path.name
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._descriptor)
        self.size_bytes = os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Exactly so many bytes. Raises OSError where the file ends before."""
        payload = os.pread(self._descriptor, size_bytes, offset)
        while len(payload) < size_bytes:
            more = os.pread(self._descriptor, size_bytes - len(payload), offset + len(payload))
            if not more:
                raise OSError(f"{self.name}: it ends at byte {offset + len(payload)}, in the middle of a file")
            payload += more
        return payload

    def read_up_to(self, offset: int, size_bytes: int) -> bytes:
        """So many bytes, or fewer where the file ends before."""
        return os.pread(self._descriptor, size_bytes, offset)
