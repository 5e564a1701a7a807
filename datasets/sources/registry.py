"""From settings to a source."""

import os
import stat
from itertools import islice
from pathlib import Path

from datasets.errors import BadInput
from datasets.sources.base import Source
from datasets.sources.folder import FlatFolder, FolderPerClass
from datasets.sources.listing import list_files, text_of
from datasets.sources.settings import SourceKind, SourceSettings

_IMAGE_SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
"""Only for telling a folder of images from a folder with a README; whether a file is an image, its bytes say."""

_KINDS = {"folder_per_class": FolderPerClass, "flat_folder": FlatFolder}
_MAX_NAMED = 3


def open_source(settings: SourceSettings) -> Source:
    """The source that the settings describe.

    Raises BadInput: no such folder, not a folder, no files in it, or (auto) more than one way to read it.
    """
    root = settings.path.expanduser()
    _check_folder(root)
    kind = _detect_kind(root) if settings.kind == "auto" else settings.kind
    return _KINDS[kind](settings.resolved_name, root, settings.licence)


def _check_folder(root: Path) -> None:
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except FileNotFoundError as error:
        raise BadInput(f"{root}: no such folder; give the folder that holds the images") from error
    except OSError as error:
        raise BadInput(f"{root}: cannot be opened ({error.strerror}); give the folder that holds the images") from error
    if not is_folder:
        raise BadInput(f"{root}: a file, not a folder; give the folder that holds the images")
    if next((file for file in list_files(root) if not file.hidden), None) is None:
        raise BadInput(f"{root}: no files in this folder (hidden ones do not count); give one that holds images")


def _detect_kind(root: Path) -> SourceKind:
    """`folder_per_class` when the images lie one folder deep, `flat_folder` when there are no folders."""
    try:
        with os.scandir(root) as entries:
            visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=_entry_name)
    except OSError as error:
        raise BadInput(f"{root}: cannot be listed ({error.strerror}); allow reading it") from error
    folders = [text_of(entry.name) for entry in visible if entry.is_dir() and _has_files(Path(entry.path))]
    if not folders:
        return "flat_folder"
    _check_no_loose_images(root, [text_of(entry.name) for entry in visible if not entry.is_dir()], folders)
    _check_one_folder_deep(root, folders)
    return "folder_per_class"


def _entry_name(entry: os.DirEntry[str]) -> bytes:
    return os.fsencode(entry.name)


def _check_no_loose_images(root: Path, files: list[str], folders: list[str]) -> None:
    loose = [name for name in files if name.lower().endswith(_IMAGE_SUFFIXES)]
    if loose:
        raise BadInput(
            f"{root}: images directly in the folder ({_some(loose)}) and folders beside them ({_some(folders)}); "
            "set kind to folder_per_class (folders are labels, loose images have none) or flat_folder (no labels)"
        )


def _check_one_folder_deep(root: Path, folders: list[str]) -> None:
    """Folders that hold nothing but folders look like splits of classes, not like classes."""
    if any(_has_direct_files(root / folder) for folder in folders):
        return
    raise BadInput(
        f"{root}: its folders ({_some(folders)}) hold only folders; give one of them as path, or set kind to "
        f"folder_per_class (labels {_some(folders)}) or flat_folder (no labels)"
    )


def _has_files(path: Path) -> bool:
    return any(not file.hidden for file in list_files(path))


def _has_direct_files(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(not entry.is_dir() and not entry.name.startswith(".") for entry in entries)
    except OSError:
        return False


def _some(names: list[str]) -> str:
    rest = len(names) - _MAX_NAMED
    return ", ".join(islice(names, _MAX_NAMED)) + (f" and {rest} more" if rest > 0 else "")
