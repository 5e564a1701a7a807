"""Downloaded bytes in a folder, each file named by the sha256 of what it holds."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Blobs:
    """`<folder>/blobs/<2 hex>/<64 hex>`; files that are still written lie in `<folder>/partial`."""

    folder: Path

    @contextmanager
    def new(self) -> "Iterator[NewBlob]":
        """A file to fill, and to keep by `NewBlob.keep`; otherwise it is removed."""
        path = self._partial / f"{os.getpid()}-{next(_NUMBERS)}"
        try:
            with path.open("wb") as file:
                yield NewBlob(file, self)
        finally:
            path.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the bytes of this checksum lie."""
        return self._kept / sha256[:2] / sha256

    def has(self, sha256: str, size_bytes: int) -> bool:
        """Whether a file of this size is there; its bytes are checked when they are read."""
        try:
            return self.path(sha256).stat().st_size == size_bytes
        except OSError:
            return False

    def read(self, sha256: str) -> bytes:
        """Bytes with this very checksum. Raises OSError: missing or damaged."""
        payload = self.path(sha256).read_bytes()
        if hashlib.sha256(payload).hexdigest() != sha256:
            raise OSError("other bytes than were downloaded")
        return payload

    def prepare(self) -> None:
        """Make the folders, and remove what a killed run left half written."""
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True, exist_ok=True)
        self._kept.mkdir(exist_ok=True)

    def finish(self) -> None:
        """Remove what is half written."""
        shutil.rmtree(self._partial, ignore_errors=True)

    def keep_only(self, wanted: Callable[[str], Iterable[str]]) -> None:
        """Remove all but `wanted(first two hex digits)`."""
        for folder in sorted(self._kept.iterdir()):
            names = set(wanted(folder.name))
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name not in names:
                        Path(entry.path).unlink(missing_ok=True)

    @property
    def _kept(self) -> Path:
        return self.folder / "blobs"

    @property
    def _partial(self) -> Path:
        return self.folder / "partial"


class NewBlob:
    """A file being filled; hashes what it is given."""

    def __init__(self, file: BinaryIO, blobs: Blobs) -> None:
        self.size_bytes = 0
        self._file = file
        self._blobs = blobs
        self._hash = hashlib.sha256()

    def append(self, chunk: bytes) -> None:
        """The next bytes. Raises OSError, e.g. for a full disk."""
        self._hash.update(chunk)
        self._file.write(chunk)
        self.size_bytes += len(chunk)

    def keep(self) -> str:
        """Close it, give it its final name, and return its sha256 (hex).

        Not synced to disk, which would take longer than most downloads: whoever reads it checks its bytes.
        """
        sha256 = self._hash.hexdigest()
        self._file.close()
        path = self._blobs.path(sha256)
        path.parent.mkdir(exist_ok=True)
        Path(self._file.name).replace(path)
        return sha256
