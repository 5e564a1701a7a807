"""Where a table of labels lies: among the files that it names, elsewhere on this machine, or at a URL."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from datasets.errors import BadInput
from datasets.sources.settings import is_url
from datasets.sources.tables.text_tables import Table, open_table
from datasets.sources.trees.file_tree import FileTree
from datasets.sources.trees.local_folder import LocalFolder
from datasets.sources.trees.remote_folder import RemoteFolder


@dataclass(frozen=True, slots=True)
class TablePlace:
    """`member` of the tree, or None and `location` is a path or URL. `text` is what the settings say, for messages."""

    text: str
    member: str | None
    location: str
    options: str = "{}"

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.text.replace("\\", "/").rstrip("/").rpartition("/")[2]

    def identity(self) -> str | None:
        """Changes with the file; "" for one in the tree, None where only reading tells."""
        if self.member is not None:
            return ""
        if is_url(self.location):
            return None
        try:
            status = Path(self.location).stat()
        except OSError:
            return None
        return f"{self.name}-{status.st_size}-{status.st_mtime_ns}"

    def opened(self, tree: FileTree) -> Table:
        """The table. Raises BadInput where there is none, or it cannot be read."""
        if self.member is None and not is_url(self.location):
            return open_table(_checked_file(Path(self.location), self.text), self.text)
        if self.member is not None and isinstance(tree, LocalFolder):
            return open_table(_checked_file(tree.root / self.member, self.text), self.text)
        try:
            payload = self._payload(tree)
        except OSError as error:
            raise BadInput(
                f"{self.text}: no such table in the source or beside the settings ({error.strerror or error}); "
                "set table to a file in the source, or to a path"
            ) from error
        return open_table(payload, self.text)

    def _payload(self, tree: FileTree) -> bytes:
        if self.member is not None:
            return tree.read(self.member)
        folder, _, name = self.location.rpartition("/")
        return RemoteFolder.opened(folder, json.loads(self.options)).read(name)


def table_place(table: str, path: str, options: Mapping[str, Any], tree: FileTree) -> TablePlace:
    """From settings to the place: a relative path, and one below the source's own, is a member of the tree."""
    if is_url(table):
        below = table.removeprefix(f"{path.rstrip('/')}/")
        return TablePlace(table, None if below == table else below, table, json.dumps(dict(options), default=str))
    given = Path(table).expanduser()
    if not given.is_absolute():
        return TablePlace(table, PurePosixPath(table).as_posix(), "")
    root = tree.root.resolve() if isinstance(tree, LocalFolder) else None
    if root is not None and given.resolve().is_relative_to(root):
        return TablePlace(table, given.resolve().relative_to(root).as_posix(), "")
    return TablePlace(table, None, str(given))


def _checked_file(path: Path, text: str) -> Path:
    """A regular file, so that no pipe is waited for."""
    if not path.is_file():
        raise BadInput(f"{text}: no such table; set table to a file in the source, or to a path")
    return path
