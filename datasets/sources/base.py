"""What a source of images is: a listing of members, and the bytes of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

PROBLEMS = {
    "broken_link": "a symbolic link to nothing",
    "name_not_utf8": "the file's name is not UTF-8, so that it cannot be written into a manifest; rename it",
    "not_a_regular_file": "a socket, pipe or device, not a file",
    "symlink_loop": "a symbolic link to a folder that holds it",
    "unreadable_file": "the file's size and time cannot be read",
    "unreadable_folder": "the folder cannot be listed, so that what it holds is not in this data set",
}
"""What may be wrong with a member before its bytes are read: code -> sentence."""


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One member: `member` is its POSIX path relative to the source; `problem` is a code of PROBLEMS.

    An item with a problem cannot be read. Its size and time are 0 where they are unknown.
    """

    member: str
    size_bytes: int
    mtime_ns: int
    label: str | None = None
    group: str | None = None
    licence: str | None = None
    problem: str | None = None


class Source(Protocol):
    """Where images come from. Can be pickled; `items` may be called again and lists in the same order."""

    @property
    def name(self) -> str:
        """First part of every key of the manifest."""
        ...

    def items(self) -> Iterator[SourceItem]:
        """Every member, in a fixed order, without holding all of them."""
        ...

    def read(self, member: str) -> bytes:
        """A member's bytes. Raises OSError when it cannot be read."""
        ...

    def hidden_files(self) -> int:
        """How many dot-files and dot-folders (`.DS_Store`, `.git`) `items` leaves out."""
        ...
