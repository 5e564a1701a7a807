"""A tar archive as files that are read where they are; a compressed one is decompressed once, into a cache."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple, overload
from urllib.parse import quote

from datasets.errors import BadInput
from datasets.sources.base import FetchProgress
from datasets.sources.trees.archive_file import (
    ArchiveFile,
    FileState,
    file_state,
    head_of,
    input_state,
    openable,
    without_folder,
)
from datasets.sources.trees.file_tree import FileTree, TreeFile
from datasets.sources.trees.member_table import MemberTable
from datasets.sources.trees.tar_compression import NOT_READ, begins_as_tar, compression_of, decompress, plain_copy
from datasets.sources.trees.tar_headers import BLOCK_BYTES, is_tar_header, tar_headers

_OPEN_ARCHIVES = 32
_MAX_TIME_S = 1 << 62
_opening = Lock()


class TarEntry(NamedTuple):
    """One file of a tar archive: a unique, safe name, where its bytes lie, its time, and what is wrong with it."""

    name: str
    offset: int
    size: int
    mtime: int
    problem: str | None


class TarIndex(Sequence[TarEntry]):
    """Every file of an uncompressed tar archive, in little memory, and the archive open for reading."""

    def __init__(self, file: ArchiveFile) -> None:
        """Raises BadInput for an archive that is damaged or cut off; OSError."""
        self.file = file
        self.members = MemberTable()
        self._offsets, self._times = array("q"), array("q")
        for header in tar_headers(file):
            self.members.add(header.name, header.size_bytes, header.problem)
            self._offsets.append(header.offset)
            self._times.append(max(-_MAX_TIME_S, min(header.mtime_s, _MAX_TIME_S)))
        self.members.seal()

    def __len__(self) -> int:
        return len(self.members)

    @overload
    def __getitem__(self, number: int) -> TarEntry: ...

    @overload
    def __getitem__(self, number: slice) -> list[TarEntry]: ...

    def __getitem__(self, number: int | slice) -> TarEntry | list[TarEntry]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        number = range(len(self))[number]
        members = self.members
        size, problem = members.sizes[number], members.problem(number)
        return TarEntry(members.name(number), self._offsets[number], size, self._times[number], problem)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises OSError for one that is not there, has a problem or cannot be read."""
        number = self.members.readable(name, self.file.name)
        return self.file.read_at(self._offsets[number], self.members.sizes[number])


def is_tar(path: Path) -> bool:
    """Whether the content says that it is a tar archive, plain or compressed. Raises BadInput where it cannot be read.

    Zstandard and LZ4 are not read, so that every file compressed by them counts as one, and is refused by name later.
    """
    head = head_of(path, BLOCK_BYTES)
    if is_tar_header(head) or head[:4] in NOT_READ:
        return True
    compression = compression_of(path)
    if compression is None:
        return False
    with openable(path):
        return begins_as_tar(path, compression)


@dataclass(frozen=True, slots=True)
class TarArchive(FileTree):
    """The files of a tar archive, or of the folder `root` in it. A compressed one is fetched into `cache` first."""

    path: Path
    cache: Path
    root: str = ""

    @property
    def is_fetched(self) -> bool:
        """Whether it is plain, or decompressed already. Raises BadInput where neither can be."""
        state = input_state(self.path)
        return not _is_compressed(state) or plain_copy(state, self.cache).exists()

    def fetch(self, progress: FetchProgress) -> None:
        """Decompress it; `progress` counts compressed bytes. Raises BadInput, OSError where the disk is full."""
        state = input_state(self.path)
        compression = compression_of(self.path)
        if compression is not None:
            decompress(state, compression, self.cache, progress)

    def identity(self) -> str:
        """Name, size and time of the archive, and the folder in it. Raises BadInput."""
        return f"{self.path.name} {input_state(self.path).tag} {self.root}"

    def files(self) -> Iterator[TreeFile]:
        """In the archive's order. Raises BadInput for an archive that is damaged, or has no such folder."""
        state = input_state(self.path)
        members = self._index(state).members
        return (
            _tree_file(member, members.sizes[number], state.tag, problem)
            for number, member, problem in members.below(self.root, str(self.path))
        )

    def read(self, member: str) -> bytes:
        """The file's bytes. Raises OSError."""
        try:
            index = self._index(input_state(self.path))
        except BadInput as error:
            raise OSError(without_folder(error, self.path)) from error
        return index.read(f"{self.root}/{member}" if self.root else member)

    def origin(self, member: str) -> str:
        """E.g. `tar:photos.tar.gz!/cat/1.png`."""
        return f"tar:{quote(self.path.name)}!/{quote(f'{self.root}/{member}' if self.root else member)}"

    def _index(self, state: FileState) -> TarIndex:
        """Raises BadInput; what it says names the archive itself, never its copy in the cache."""
        if not _is_compressed(state):
            return tar_index(state, self.path)
        try:
            return tar_index(file_state(plain_copy(state, self.cache)), self.path)
        except FileNotFoundError as error:
            raise BadInput(f"{self.path}: it is compressed, and has to be decompressed by `fetch` first") from error


def _tree_file(member: str, size_bytes: int, tag: str, problem: str | None) -> TreeFile:
    detail = "a sparse file; pack it again without --sparse" if problem == "unsupported_compression" else None
    return TreeFile(member, size_bytes, tag, problem, detail)


def tar_index(state: FileState, shown: Path) -> TarIndex:
    """Every file of an uncompressed tar archive but folders, in its order; kept for as long as the file stays the same.

    Threads wait for one of them to read the headers, instead of each reading them. Raises BadInput for an archive that
    is damaged, cut off or cannot be opened.
    """
    with _opening, openable(shown):
        return _cached(state, shown)


@lru_cache(maxsize=_OPEN_ARCHIVES)
def _cached(state: FileState, shown: Path) -> TarIndex:
    return TarIndex(ArchiveFile(Path(state.path), shown))


@lru_cache(maxsize=1024)
def _is_compressed(state: FileState) -> bool:
    return compression_of(Path(state.path)) is not None
