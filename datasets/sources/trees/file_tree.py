"""What folders, archives and remote folders have in common: files with paths, and the bytes of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from datasets.sources.base import FetchProgress


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file: `member` is the POSIX path below the root; `problem` is a code of sources.base.PROBLEMS.

    `version_tag` changes whenever the bytes may have changed. Hidden files and folders have the problem `hidden_file`
    and are not looked into.
    """

    member: str
    size_bytes: int | None = None
    version_tag: str = ""
    problem: str | None = None
    detail: str | None = None


class FileTree(Protocol):
    """Files with paths. Can be pickled; lists in the same order every time. Members are unique."""

    @property
    def is_fetched(self) -> bool:
        """Whether `files` and `read` work as they are. Where not, `fetch` comes first."""
        return True

    def fetch(self, progress: FetchProgress) -> None:
        """Unpack or download what cannot be read where it is; `progress(done, total)`. Raises BadInput."""
        return None

    def identity(self) -> str | None:
        """A cheap text that changes whenever any file might; None where only the listing itself can tell."""
        return None

    def files(self) -> Iterator[TreeFile]:
        """Every file, also what cannot be read. Raises BadInput where nothing can be listed at all."""
        ...

    def read(self, member: str) -> bytes:
        """A file's bytes. Raises OSError when it cannot be read, whatever the reason."""
        ...

    def origin(self, member: str) -> str:
        """URI of a file without absolute local paths and credentials, e.g. `zip:photos.zip!/cat/1.png`."""
        ...
