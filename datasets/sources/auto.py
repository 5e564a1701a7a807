"""Finds out what lies at a location: which kind of source reads it, where that is beyond doubt."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from datasets.errors import BadInput
from datasets.sources.base import FetchProgress, Source, SourceItem
from datasets.sources.cifar import CifarSettings, open_cifar
from datasets.sources.files import FilesSettings, FolderSettings, check_not_empty, open_folder
from datasets.sources.idx import IdxSettings, open_idx
from datasets.sources.image_table import ImageTableSettings, open_image_table
from datasets.sources.settings import CommonSourceSettings, is_url
from datasets.sources.split_names import split_of
from datasets.sources.tfds import TfdsSettings, open_tfds
from datasets.sources.trees.file_tree import FileTree
from datasets.sources.trees.local_folder import LocalFolder, list_files, text_of
from datasets.sources.trees.opening import ROOT_MARK, open_tree
from datasets.sources.trees.tar_archive import TarArchive
from datasets.sources.webdataset import WebDatasetSettings, open_webdataset

IMAGE_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""Only for telling a folder of images from a folder with a README; whether a file is an image, its bytes say."""
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
IDX_MARKS = ("images-idx3-ubyte", "images.idx3-ubyte", "images.idx")
CIFAR_MARKS = ("data_batch_1", "cifar-10-batches", "cifar-100-", "fine_label_names.txt")
CIFAR_100_FILES = {"train", "test", "meta"}
SIDE_SUFFIXES = (".cls", ".json")
OPENERS: dict[type[CommonSourceSettings], Callable[[Any, Path], Source]] = {
    CifarSettings: open_cifar,
    FolderSettings: open_folder,
    IdxSettings: open_idx,
    ImageTableSettings: open_image_table,
    TfdsSettings: open_tfds,
    WebDatasetSettings: open_webdataset,
}
_MAX_NAMED = 3
_HEAD_BYTES = 8


class AutoSettings(FilesSettings):
    """Images at a location that tells by itself how they are labelled."""

    kind: Literal["auto"] = Field("auto", description="how it is read; auto = as its folders and files say")


@dataclass(frozen=True, slots=True)
class Unfetched(Source):
    """A packed archive of which nothing is known before it is unpacked."""

    name: str
    tree: FileTree

    @property
    def is_fetched(self) -> bool:
        """It is not: otherwise its kind would be known."""
        return False

    def fetch(self, progress: FetchProgress) -> None:
        """Unpack it; opened again, it is what it holds."""
        self.tree.fetch(progress)

    def identity(self) -> str | None:
        """That of the archive."""
        return self.tree.identity()

    def items(self) -> Iterator[SourceItem]:
        """Not known yet."""
        raise RuntimeError(f"{self.name} is listed before it was fetched")

    def read(self, member: str) -> bytes:
        """Not there yet."""
        raise OSError(f"{member}: {self.name} is not fetched yet")


def open_auto(settings: AutoSettings, cache: Path) -> Source:
    """What `detected` finds. Raises BadInput: nothing there, or more than one way to read it."""
    found = detected(settings, cache)
    if isinstance(found, AutoSettings):
        return Unfetched(settings.resolved_name, open_tree(settings.path, cache, settings.storage_options))
    return OPENERS[type(found)](found, cache)


def detected(settings: AutoSettings, cache: Path) -> CommonSourceSettings:
    """The settings of the kind that reads what lies there; the same settings where it has to be fetched first.

    Raises BadInput: nothing there, or more than one way to read it.
    """
    given = {name: getattr(settings, name) for name in CommonSourceSettings.model_fields} | {"path": settings.path}
    if not is_url(settings.path) and (made := _data_files(Path(settings.path).expanduser())):
        kind, model = made
        return model.model_validate({"kind": kind, **given})
    tree = open_tree(settings.path, cache, settings.storage_options)
    if not tree.is_fetched:
        return settings
    check_not_empty(tree, settings.place)
    top = _top_of_folder(tree.root) if isinstance(tree, LocalFolder) else _top_of_tree(tree)
    if any(name.startswith(CIFAR_MARKS) for name in (*top.files, *top.folders)) or {*top.files} >= CIFAR_100_FILES:
        return CifarSettings(kind="cifar", **given)
    if isinstance(tree, TarArchive) and not top.folders and any(name.endswith(SIDE_SUFFIXES) for name in top.files):
        return WebDatasetSettings(kind="webdataset", **given)
    kind = "folder_per_class" if _has_class_folders(top, settings.place) else "flat_folder"
    return FolderSettings(kind=kind, storage_options=settings.storage_options, **given)


@dataclass(frozen=True, slots=True)
class _TopLevel:
    """What lies at the top of a tree: files, folders that hold files at any depth, those that hold some directly."""

    files: Sequence[str]
    folders: Sequence[str]
    direct: Sequence[str]


def _has_class_folders(top: _TopLevel, place: str) -> bool:
    images = [name for name in top.files if name.lower().endswith(IMAGE_SUFFIXES)]
    if not top.folders:
        if images:
            _check_no_table(top, place, "images", " or flat_folder (no labels)")
        return False
    if images:
        raise BadInput(
            f"{place}: images directly in the folder ({_some(images)}) and folders beside them ({_some(top.folders)}); "
            "set kind to folder_per_class (folders are labels, loose images have none) or flat_folder (no labels)"
        )
    _check_folders_are_labels(top, place)
    return True


def _check_folders_are_labels(top: _TopLevel, place: str) -> None:
    others = f"folder_per_class (labels {_some(top.folders)}) or flat_folder (no labels)"
    if not top.direct:
        example = f" ({place}{ROOT_MARK}{top.folders[0]})" if Path(place).is_file() else ""
        raise BadInput(
            f"{place}: its folders ({_some(top.folders)}) hold only folders; give one of them as path{example}, or set "
            f"kind to label_pattern (say where in the path split and label stand), {others}"
        )
    if all(map(split_of, top.folders)):
        raise BadInput(
            f"{place}: its folders ({_some(top.folders)}) are named like splits, not like labels; set kind to "
            f"label_pattern (pattern: '{{split}}/**'), {others}"
        )
    _check_no_table(top, place, f"folders ({_some(top.folders)})", f", {others}")


def _check_no_table(top: _TopLevel, place: str, what: str, others: str) -> None:
    tables = [name for name in top.files if name.lower().endswith(TABLE_SUFFIXES)]
    if tables:
        raise BadInput(
            f"{place}: {what} and a table beside them ({_some(tables)}); set kind to label_table (table: {tables[0]})"
            f"{others}"
        )


def _top_of_folder(root: Path) -> _TopLevel:
    """Without listing everything, which takes long for a large folder."""
    with os.scandir(root) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=_entry_name)
    folders = [entry for entry in visible if entry.is_dir() and _has_files(Path(entry.path))]
    return _TopLevel(
        files=[text_of(entry.name) for entry in visible if not entry.is_dir()],
        folders=[text_of(entry.name) for entry in folders],
        direct=[text_of(entry.name) for entry in folders if _has_direct_files(Path(entry.path))],
    )


def _top_of_tree(tree: FileTree) -> _TopLevel:
    files: dict[str, None] = {}
    folders: dict[str, None] = {}
    direct: dict[str, None] = {}
    for file in tree.files():
        if file.problem == "hidden_file":
            continue
        first, slash, rest = file.member.partition("/")
        (folders if slash else files)[first] = None
        if slash and "/" not in rest:
            direct[first] = None
    return _TopLevel(tuple(files), tuple(folders), tuple(direct))


def _data_files(path: Path) -> tuple[str, type[CommonSourceSettings]] | None:
    """The kind of source that reads a file or folder of data that is no folder of images, and its settings."""
    try:
        names = sorted(os.listdir(path)) if path.is_dir() else [path.name]  # noqa: PTH208, only names are needed
    except OSError:
        return None  # opening it says why
    if path.is_file():
        is_table = _head(path).startswith((b"PAR1", b"ARROW1"))
        return ("image_table", ImageTableSettings) if is_table else None
    if "features.json" in names or ("latest" in names and list(path.glob("*/features.json"))):
        return "tfds", TfdsSettings
    if any(mark in name for name in names for mark in IDX_MARKS):
        return "idx", IdxSettings
    visible = [name for name in names if not name.startswith(".")]
    if visible and all(name.lower().endswith(".tar") for name in visible):
        return "webdataset", WebDatasetSettings
    if visible and all(name.lower().endswith((".parquet", ".arrow", ".feather")) for name in visible):
        return "image_table", ImageTableSettings
    return None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


def _entry_name(entry: os.DirEntry[str]) -> bytes:
    return os.fsencode(entry.name)


def _has_files(path: Path) -> bool:
    return any(file.problem != "hidden_file" for file in list_files(path))


def _has_direct_files(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(not entry.is_dir() and not entry.name.startswith(".") for entry in entries)
    except OSError:
        return False


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _MAX_NAMED
    return ", ".join(islice(names, _MAX_NAMED)) + (f" and {rest} more" if rest > 0 else "")
