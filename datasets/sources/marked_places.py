"""Places with a mark in them, e.g. `incoming/{partition}.zip`, and the names that stand for the mark there."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.errors import BadInput
from datasets.sources.trees.file_tree import FileTree
from datasets.sources.trees.local_folder import LocalFolder
from datasets.sources.trees.opening import ROOT_MARK, open_tree
from datasets.sources.trees.remote_folder import RemoteFolder

_OPEN = re.compile(r"[*?{}\[\]]")
_TOKEN = re.compile(r"(\*)|(\?)|\{[^{}]*\}")


def names_at(location: str, mark: str, storage_options: Mapping[str, Any] | None = None) -> list[str]:
    """What stands for the mark in the names of folders and files that fit what is around it, sorted; no hidden ones.

    Only of folders, where a slash follows. Behind the mark there may be `*`, `?` and `{...}`, each for any text of a
    name. Raises BadInput where the folder before the mark is not there, cannot be listed, or is not certain.
    """
    location = location if mark not in location.partition(ROOT_MARK)[0] else location.partition(ROOT_MARK)[0]
    parent, _, prefix = location.partition(mark)[0].rpartition("/")
    level, slash, rest = location[len(location.partition(mark)[0]) - len(prefix) :].partition("/")
    if ROOT_MARK in location or _OPEN.search(parent):
        raise BadInput(f"{location}: {mark} cannot be listed inside an archive, nor behind * and {{}}; name partitions")
    tree = open_tree(parent or "/", Path(), storage_options)
    fits = _pattern(level, mark)
    entries = [name.rstrip("/") for name in _top_names(tree) if name.endswith("/") or not slash]
    names = {match["name"] for entry in entries if (match := fits.fullmatch(entry))}
    whole = f"{level}/{rest}".rstrip("/")
    if rest.strip("/") and not _OPEN.search(whole.replace(mark, "")):
        names = {name for name in names if _holds(tree, whole.replace(mark, name))}
    return sorted(names)


def _pattern(level: str, mark: str) -> re.Pattern[str]:
    """What a name has to be like; where the mark stands twice, the same stands for both."""
    first, *others = [_text(piece) for piece in level.split(mark)]
    return re.compile(rf"{first}(?P<name>[^.].*?){'(?P=name)'.join(others)}", re.DOTALL)


def _text(piece: str) -> str:
    found, end = [], 0
    for token in _TOKEN.finditer(piece):
        found += [re.escape(piece[end : token.start()]), "." if token[2] else ".*"]
        end = token.end()
    return "".join(found) + re.escape(piece[end:])


def _top_names(tree: FileTree) -> list[str]:
    if isinstance(tree, RemoteFolder):
        return tree.top_names()
    if not isinstance(tree, LocalFolder):
        raise BadInput(f"{tree}: no folder, so that what it holds cannot be listed")
    with os.scandir(tree.root) as entries:
        return [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]


def _holds(tree: FileTree, path: str) -> bool:
    if isinstance(tree, RemoteFolder):
        return tree.holds(path)
    assert isinstance(tree, LocalFolder)
    return (tree.root / path).exists()
