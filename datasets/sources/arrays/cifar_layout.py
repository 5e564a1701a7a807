"""Which files of a folder or archive are CIFAR's, and what is in each."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS
from datasets.sources.trees.file_tree import FileTree, TreeFile

MAX_FILE_BYTES = 1 << 29


class _Version(NamedTuple):
    """How a version names its files."""

    words: str
    batches: str
    names: dict[str, str]
    is_binary: bool
    label_bytes: int


_VERSIONS = (
    _Version("CIFAR-10 python", r"data_batch_\d+|test_batch", {"fine": "batches.meta"}, False, 1),
    _Version("CIFAR-10 binary", r"(data_batch_\d+|test_batch)\.bin", {"fine": "batches.meta.txt"}, True, 1),
    _Version("CIFAR-100 python", r"train|test", {"fine": "meta", "coarse": "meta"}, False, 2),
    _Version(
        "CIFAR-100 binary",
        r"(train|test)\.bin",
        {"fine": "fine_label_names.txt", "coarse": "coarse_label_names.txt"},
        True,
        2,
    ),
)
_NEEDS_NAMES = "CIFAR-100 python"  # whose batches have names that much else has, too


class CifarFile(NamedTuple):
    """One file: where it lies in the tree, its name without ending, and what names it for people."""

    member: str
    name: str
    place: str
    origin: str
    version_tag: str
    size_bytes: int | None
    is_binary: bool
    label_bytes: int

    @property
    def split(self) -> str:
        """As the name says."""
        return "test" if self.name.startswith("test") else "train"


class CifarLayout(NamedTuple):
    """The batches in their order, and the file of class names, if there is one."""

    batches: tuple[CifarFile, ...]
    names: CifarFile | None

    def identity(self) -> str:
        """Names, sizes and times of all files."""
        files = (*self.batches, *((self.names,) if self.names else ()))
        return json.dumps([(file.member, file.size_bytes, file.version_tag) for file in files])


def find_layout(tree: FileTree, place: str, labels_of: str) -> CifarLayout:
    """Raises BadInput: no CIFAR files, several versions of them, or labels that they do not have."""
    found = list(_found(tree))
    if not found:
        raise BadInput(
            f"{place}: no CIFAR files in it; give the folder or archive with data_batch_1 (CIFAR-10), train and meta "
            "(CIFAR-100), or with data_batch_1.bin or train.bin of the binary version"
        )
    if len(found) > 1:
        several = " and ".join(f"{version.words} in {folder or '.'}" for version, folder, _ in found)
        raise BadInput(f"{place}: got {several}; give the folder of one of them")
    version, _, files = found[0]
    if labels_of not in version.names:
        raise BadInput(f"{place}: {version.words} has no {labels_of} labels; set labels_of to fine, or leave it out")
    batches = [files[name] for name in sorted(files, key=_in_order) if re.fullmatch(version.batches, name)]
    names = files.get(version.names[labels_of])
    return CifarLayout(
        tuple(_checked(tree, file, place, version) for file in batches),
        _checked(tree, names, place, version) if names else None,
    )


def _found(tree: FileTree) -> Iterator[tuple[_Version, str, dict[str, TreeFile]]]:
    """Every version in every folder."""
    known = re.compile("|".join(f"({version.batches})" for version in _VERSIONS))
    names = {name for version in _VERSIONS for name in version.names.values()}
    folders: dict[str, dict[str, TreeFile]] = defaultdict(dict)
    for file in tree.files():
        folder, _, name = file.member.rpartition("/")
        if known.fullmatch(name) or name in names:
            folders[folder][name] = file
    for folder, files in sorted(folders.items()):
        for version in _VERSIONS:
            has_batches = any(re.fullmatch(version.batches, name) for name in files)
            if has_batches and (version.words != _NEEDS_NAMES or "meta" in files):
                yield version, folder, files


def _checked(tree: FileTree, file: TreeFile, place: str, version: _Version) -> CifarFile:
    if file.problem:
        raise BadInput(f"{place}: {file.member} cannot be read: {PROBLEMS[file.problem].sentence}")
    if file.size_bytes is not None and file.size_bytes > MAX_FILE_BYTES:
        raise BadInput(
            f"{place}: {file.member} has {file.size_bytes} bytes; no CIFAR file has more than {MAX_FILE_BYTES}"
        )
    name = file.member.rpartition("/")[2].removesuffix(".bin")
    return CifarFile(
        member=file.member,
        name=name,
        place=f"{place}: {file.member}",
        origin=tree.origin(file.member),
        version_tag=file.version_tag,
        size_bytes=file.size_bytes,
        is_binary=version.is_binary,
        label_bytes=version.label_bytes,
    )


def _in_order(name: str) -> tuple[Sequence[int], str]:
    """Batches by their number, the test batch last."""
    digits = re.search(r"\d+", name)
    return (name.startswith("test"), int(digits[0]) if digits else 0), name
