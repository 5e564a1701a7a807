"""From a location to the files there: a folder, an archive (its content says which), or a remote folder."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.errors import BadInput
from datasets.sources.settings import is_url
from datasets.sources.trees.file_tree import FileTree
from datasets.sources.trees.local_folder import LocalFolder
from datasets.sources.trees.remote_folder import RemoteFolder
from datasets.sources.trees.tar_archive import TarArchive, is_tar
from datasets.sources.trees.zip_archive import ZipArchive, is_zip

ROOT_MARK = "!/"
"""Between an archive and a folder in it, as in `photos.zip!/raw/cats`."""


def open_tree(location: str, cache: Path, storage_options: Mapping[str, Any] | None = None) -> FileTree:
    """The files at a location. Raises BadInput: nothing there, neither folder nor archive, or not to be opened."""
    if is_url(location):
        return RemoteFolder.opened(location, storage_options or {})
    path, root = _archive_and_root(location)
    status = _status(path)
    if stat.S_ISDIR(status.st_mode):
        _check_listable(path)
        return LocalFolder(path)
    if is_zip(path):
        return ZipArchive(path, root)
    if is_tar(path):
        return TarArchive(path, cache, root)
    raise BadInput(
        f"{path}: a file that is no zip or tar archive; give the folder or archive that holds the images, "
        "or set the kind of the source (`augment-dataset sources` lists them)"
    )


def _archive_and_root(location: str) -> tuple[Path, str]:
    """`photos.zip!/raw/cats` -> the archive and the folder in it; any other location as it is."""
    path = Path(location).expanduser()
    if not path.exists():
        text = f"{path}/"
        for mark in re.finditer(ROOT_MARK, text):
            archive = Path(text[: mark.start()])
            if archive.is_file():
                return archive, text[mark.end() :].strip("/")
    return path, ""


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such folder or file; give what holds the images") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be opened ({error.strerror}); give what holds the images") from error


def _check_listable(path: Path) -> None:
    try:
        os.scandir(path).close()
    except OSError as error:
        raise BadInput(f"{path}: cannot be listed ({error.strerror}); allow reading it") from error
