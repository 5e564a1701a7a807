# ruff: noqa: PTH114, PTH116, PTH208
"""Every file below a folder, in a fixed order, whatever lies there.

Paths are text here, not `Path`: this runs once per file of the data set, and text is three times as fast.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from datasets.errors import BadInput
from datasets.sources.base import MAX_MEMBER_BYTES
from datasets.sources.trees.file_tree import FileTree, TreeFile


@dataclass(frozen=True, slots=True)
class LocalFolder(FileTree):
    """Every file below a folder of this machine, at any depth."""

    root: Path

    def files(self) -> Iterator[TreeFile]:
        """Depth first, each folder sorted by the bytes of its names, links followed."""
        return list_files(self.root)

    def read(self, member: str) -> bytes:
        """The file's bytes. Raises BadInput for a path that leads out of the folder, OSError as `open` does."""
        if member.startswith("/") or ".." in member.split("/"):
            raise BadInput(f"got member {member!r}; members are paths below {self.root}, as `items` gives them")
        with open(f"{self.root}/{member}", "rb", buffering=0, opener=_regular_file) as file:
            return file.readall()

    def origin(self, member: str) -> str:
        """E.g. `file:photos/cat/1.png` for a file of a folder `photos`, wherever that lies."""
        return f"file:{quote(f'{self.root.name}/{member}')}"


@dataclass(frozen=True, slots=True)
class _Level:
    """A folder being listed: its path, the path below the root with a slash, and the names still to come."""

    path: str
    prefix: str
    identity: tuple[int, int]
    names: Iterator[str]


def _regular_file(path: str, flags: int) -> int:
    """Open a file that may be another than was listed: no pipe is waited for, no device read without end."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_MEMBER_BYTES:
        return descriptor
    os.close(descriptor)
    if stat.S_ISREG(status.st_mode):
        raise OSError(errno.EFBIG, f"more than {MAX_MEMBER_BYTES >> 20} MiB, which is no image", path)
    raise OSError(errno.EINVAL, "it is no file any more, but a folder, pipe or device", path)


def list_files(root: Path) -> Iterator[TreeFile]:
    """Depth first, each folder sorted by the bytes of its names, links followed.

    Holds the names of one folder per level. Never raises for what lies in the folder: that is a `problem`.
    """
    stack: list[_Level] = []
    entry: TreeFile | _Level | None = _entered(str(root), "", stack)
    while entry is not None:
        if isinstance(entry, _Level):
            stack.append(entry)
        else:
            yield entry
        entry = _next_entry(stack)


def text_of(name: str) -> str:
    r"""A name from the file system as UTF-8 text; bytes that are not UTF-8 become `\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _next_entry(stack: list[_Level]) -> TreeFile | _Level | None:
    """What comes next, after leaving the folders that are done; None at the end."""
    while stack:
        name = next(stack[-1].names, None)
        if name is not None:
            return _looked_at(name, stack)
        stack.pop()
    return None


def _looked_at(name: str, stack: list[_Level]) -> TreeFile | _Level:
    """What one name in the innermost folder is: a file, a folder to go into, hidden, or a problem."""
    path, below_root = f"{stack[-1].path}/{name}", stack[-1].prefix + name
    if name.startswith("."):
        return TreeFile(text_of(below_root), problem="hidden_file")
    try:
        status = os.stat(path)
    except OSError:
        return TreeFile(text_of(below_root), problem="broken_link" if os.path.islink(path) else "unreadable_file")
    if stat.S_ISDIR(status.st_mode):
        return _entered(path, below_root + "/", stack)
    return _listed_file(below_root, status)


def _entered(path: str, prefix: str, stack: list[_Level]) -> TreeFile | _Level:
    """The folder opened for listing, unless it cannot be listed or is one of those that hold it."""
    member = text_of(prefix.rstrip("/")) or "."
    try:
        status = os.stat(path)
        identity = status.st_dev, status.st_ino
        if any(level.identity == identity for level in stack):
            return TreeFile(member, problem="symlink_loop")
        names = iter(sorted(os.listdir(path), key=os.fsencode))
    except OSError:
        return TreeFile(member, problem="unreadable_folder")
    return _Level(path, prefix, identity, names)


def _listed_file(name: str, status: os.stat_result) -> TreeFile:
    member = text_of(name)
    problem = None
    if not stat.S_ISREG(status.st_mode):
        problem = "not_a_regular_file"
    elif member != name:
        problem = "name_not_utf8"
    elif status.st_size > MAX_MEMBER_BYTES:
        problem = "file_too_large"
    return TreeFile(member, status.st_size, str(status.st_mtime_ns), problem)
