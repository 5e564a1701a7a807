"""A zip archive as files that are read where they are, without unpacking."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from datasets.errors import BadInput
from datasets.sources.trees.archive_file import (
    ArchiveFile,
    FileState,
    file_state,
    head_of,
    input_state,
    openable,
    without_folder,
)
from datasets.sources.trees.decompression import (
    CHUNK_BYTES,
    LZMA_PROPERTIES_BYTES,
    RAW_DEFLATE,
    DamagedData,
    Decompressor,
    Inflater,
    bzip2_decompressor,
    lzma_decompressor,
    pieces,
)
from datasets.sources.trees.file_tree import FileTree, TreeFile
from datasets.sources.trees.zip_directory import DEFLATED, LZMA, METHODS, STORED, ZipDirectory, find_place

_MARKS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_LOCAL_MARK = b"PK\x03\x04"
_LOCAL_BYTES = 30
_OPEN_ARCHIVES = 8
_opening = Lock()


def is_zip(path: Path) -> bool:
    """Whether the content says that it is a zip archive, whatever its name. Raises BadInput where it cannot be read."""
    if head_of(path, 4) in _MARKS:
        return True
    if not head_of(path, 1):
        return False
    try:
        with openable(path):
            file = ArchiveFile(path)
            return file.read_up_to(find_place(file).start, 4) == b"PK\x01\x02"
    except BadInput:
        return False


@dataclass(frozen=True, slots=True)
class ZipArchive(FileTree):
    """The files of a zip archive, or of the folder `root` in it."""

    path: Path
    root: str = ""

    def identity(self) -> str:
        """Name, size and time of the archive, and the folder in it. Raises BadInput."""
        state = input_state(self.path)
        return f"{self.path.name} {state.tag} {self.root}"

    def files(self) -> Iterator[TreeFile]:
        """In the archive's order. Raises BadInput for an archive that is damaged or hostile, or has no such folder."""
        directory = _opened(self.path).directory
        return (
            _tree_file(directory, number, member, problem)
            for number, member, problem in directory.members.below(self.root, str(self.path))
        )

    def read(self, member: str) -> bytes:
        """The file's bytes, checked against its checksum. Raises OSError."""
        try:
            archive = _opened(self.path)
        except BadInput as error:
            raise OSError(without_folder(error, self.path)) from error
        return archive.read(f"{self.root}/{member}" if self.root else member)

    def origin(self, member: str) -> str:
        """E.g. `zip:photos.zip!/cat/1.png`."""
        return f"zip:{quote(self.path.name)}!/{quote(f'{self.root}/{member}' if self.root else member)}"


class _OpenZip:
    """A zip archive's file and the list of what is in it."""

    def __init__(self, path: Path) -> None:
        self._file = ArchiveFile(path)
        self.directory = ZipDirectory(self._file)

    def read(self, name: str) -> bytes:
        number = self.directory.members.readable(name, self._file.name)
        try:
            payload = b"".join(self._pieces(number))
        except DamagedData as error:
            raise self._damaged(name, str(error)) from error
        if len(payload) != self.directory.members.sizes[number]:
            raise self._damaged(name, f"it has {len(payload)} of {self.directory.members.sizes[number]} bytes")
        if zlib.crc32(payload) != self.directory.crcs[number]:
            raise self._damaged(name, "its checksum does not fit")
        return payload

    def _pieces(self, number: int) -> Iterator[bytes]:
        """At most as many bytes as the list of files says. Raises DamagedData for damage, OSError."""
        size_bytes, method = self.directory.members.sizes[number], self.directory.methods[number]
        start = self._start(self.directory.offsets[number])
        end = start + self.directory.stored_bytes[number]
        if method == STORED:
            return iter([self._file.read_at(start, min(size_bytes, end - start))])
        if method == LZMA:
            decompressor, start = self._lzma(start, size_bytes)
        else:
            decompressor = Inflater(RAW_DEFLATE) if method == DEFLATED else bzip2_decompressor()
        chunks = (self._file.read_at(place, min(CHUNK_BYTES, end - place)) for place in range(start, end, CHUNK_BYTES))
        return pieces(decompressor, lambda: next(chunks, b""), size_bytes)

    def _start(self, offset: int) -> int:
        """Where the bytes of a file begin, from its own header, which may be longer than the list says."""
        head = self._file.read_at(offset, _LOCAL_BYTES)
        if not head.startswith(_LOCAL_MARK):
            raise DamagedData("it does not begin where the list of files says")
        return offset + _LOCAL_BYTES + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")

    def _lzma(self, start: int, size_bytes: int) -> tuple[Decompressor, int]:
        """Version and length of the properties, the properties, then the data."""
        head = self._file.read_at(start, 4 + LZMA_PROPERTIES_BYTES)
        if int.from_bytes(head[2:4], "little") != LZMA_PROPERTIES_BYTES:
            raise DamagedData("no LZMA properties")
        return lzma_decompressor(head[4:], size_bytes), start + len(head)

    def _damaged(self, name: str, what: str) -> OSError:
        return OSError(f"{self._file.name}: {name!r} in it is damaged ({what}); copy or download the archive again")


def _tree_file(directory: ZipDirectory, number: int, member: str, problem: str | None) -> TreeFile:
    method = directory.methods[number]
    detail = None
    if problem == "unsupported_compression":
        detail = f"compressed by {METHODS.get(method, f'method {method}')}; pack it again without"
    return TreeFile(member, directory.members.sizes[number], f"{directory.crcs[number]:08x}", problem, detail)


def _opened(path: Path) -> _OpenZip:
    """Raises BadInput. Threads wait for one of them to read the list, instead of each reading it."""
    with _opening, openable(path):
        return _cached(file_state(path))


@lru_cache(maxsize=_OPEN_ARCHIVES)
def _cached(state: FileState) -> _OpenZip:
    return _OpenZip(Path(state.path))
