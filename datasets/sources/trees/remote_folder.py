"""Every file below a URL that fsspec opens, e.g. `s3://bucket/photos`.

No file system is held: fsspec keeps one per process, and one per thread where the driver needs that, so that a
`RemoteFolder` can be pickled, and used after a fork.
"""

import errno
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from datasets.errors import BadInput, UnreachableInput
from datasets.sources.base import MAX_MEMBER_BYTES
from datasets.sources.trees.file_tree import FileTree, TreeFile
from datasets.sources.trees.local_folder import LocalFolder
from datasets.sources.trees.remote_errors import is_missing, may_be_tried_again, reason
from datasets.sources.trees.remote_urls import checked_url, options_of

MAX_DEPTH = 500
_TAGS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "mtime", "created")
_S3_VERSION_MARK = "?versionId="
"""The S3 driver would read the object whose name ends before it."""
_DETAILS = {"unsafe_name": f"a part of its name is empty, . or .., or holds {_S3_VERSION_MARK}"}


@dataclass(frozen=True, slots=True)
class RemoteFolder(FileTree):
    """Every file below a URL, at any depth; `options` is JSON, what fsspec opens it with."""

    url: str
    options: str = "{}"

    @classmethod
    def opened(cls, url: str, storage_options: Mapping[str, Any]) -> FileTree:
        """A folder that is there; for `file://` a LocalFolder. Raises BadInput, within a minute or so."""
        url = checked_url(url)
        protocol, _, path = url.partition("://")
        if protocol in ("file", "local"):
            return _local_folder(url, Path(path))
        tree = cls(url, json.dumps(options_of(protocol, storage_options), sort_keys=True, default=str))
        tree._check()
        return tree

    def files(self) -> Iterator[TreeFile]:
        """Depth first, each folder sorted by name; holds what lies in one folder per level.

        Raises BadInput where the root cannot be listed, UnreachableInput where the connection fails, also on the way:
        what would be missing then is not known.
        """
        try:
            stack = [_listed_folder(self, "")]
        except Exception as error:  # drivers raise anything
            raise _refusal(error)(f"{self.url}: cannot be listed ({reason(error)})") from None
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, TreeFile):
                yield entry
            elif len(stack) > MAX_DEPTH:
                yield TreeFile(f"{entry}/", problem="unreadable_folder", detail=f"more than {MAX_DEPTH} folders deep")
            else:
                try:
                    stack.append(_listed_folder(self, entry))
                except Exception as error:
                    yield self._unlisted(entry, error)

    def top_names(self) -> list[str]:
        """Names directly below the URL, those of folders with a slash. Raises BadInput where they cannot be listed."""
        try:
            entries = list(_listed_folder(self, ""))
        except Exception as error:
            raise BadInput(f"{self.url}: cannot be listed ({reason(error)})") from None
        return [entry.member if isinstance(entry, TreeFile) else f"{entry}/" for entry in entries]

    def holds(self, path: str) -> bool:
        """Whether there is a file or folder of that path below the URL. Raises BadInput where that cannot be told."""
        try:
            system, root = self._opened()
            return bool(system.exists(f"{root}/{path}"))
        except Exception as error:
            raise BadInput(f"{self.url}/{path}: cannot be opened ({reason(error)})") from None

    def read(self, member: str) -> bytes:
        """The whole object. Raises OSError, and UnreachableInput where nothing of the folder can be reached now."""
        if _name_problem(member.split("/")):
            raise OSError(errno.EINVAL, f"no path below {self.url}", member)
        try:
            payload = self._bytes_of(member)
        except Exception as error:
            if may_be_tried_again(error):
                self._check_reached()
            raise OSError(errno.EIO, f"{self.url} does not give it: {reason(error)}", member) from None
        if len(payload) > MAX_MEMBER_BYTES:
            raise OSError(errno.EFBIG, f"more than {MAX_MEMBER_BYTES >> 20} MiB, which is no image", member)
        return payload

    def origin(self, member: str) -> str:
        """The object's URL, quoted, e.g. `s3://bucket/photos/cat/1.png`."""
        protocol, _, path = self.url.partition("://")
        return f"{protocol}://{quote(f'{path}/{member}', safe='/@:')}"

    def _bytes_of(self, member: str) -> bytes:
        """A range is asked for: without one, the S3 driver asks for the size before each object."""
        system, root = self._opened()
        path = f"{root}/{member}"
        try:
            payload: bytes = system.cat_file(path, start=0, end=MAX_MEMBER_BYTES + 1)
        except Exception:
            # Of an empty object there is no range.
            if system.info(path)["size"] == 0:
                return b""
            raise
        return payload

    def _opened(self) -> tuple[Any, str]:
        """The file system of this process (or thread), and the root as it names it."""
        from fsspec.core import url_to_fs

        system, root = url_to_fs(self.url, **_options(self.options))
        return system, root.rstrip("/")

    def _check(self) -> None:
        try:
            system, root = self._opened()
            info = system.info(root)
            is_file = info["type"] == "file"
            if is_file and not info["size"]:  # some tools mark a folder by an empty object of its name
                is_file = [entry["name"] for entry in system.ls(root, detail=True)] == [root]
        except Exception as error:
            if is_missing(error):
                raise BadInput(f"{self.url}: no such bucket or folder; give the one that holds the images") from None
            raise _refusal(error)(f"{self.url}: cannot be opened ({reason(error)})") from None
        if is_file:
            raise BadInput(f"{self.url}: a single object, not a folder; download it first, then give its path")

    def _unlisted(self, member: str, error: Exception) -> TreeFile:
        if may_be_tried_again(error):
            raise UnreachableInput(f"{self.url}/{member}: cannot be listed ({reason(error)})") from None
        return TreeFile(f"{member}/", problem="unreadable_folder", detail=reason(error))

    def _check_reached(self) -> None:
        """One object that fails is a problem of its own; a store that fails says nothing about any object."""
        try:
            system, root = self._opened()
            system.invalidate_cache()  # which would answer for the store
            system.info(root)
        except Exception as error:
            if may_be_tried_again(error):
                raise UnreachableInput(f"{self.url}: cannot be read ({reason(error)})") from None


def _refusal(error: Exception) -> type[BadInput]:
    return UnreachableInput if may_be_tried_again(error) else BadInput


def _local_folder(url: str, path: Path) -> LocalFolder:
    if not path.is_absolute() or not path.is_dir():
        raise BadInput(f"{url}: no such folder; give its path without file://, which also reads archives")
    return LocalFolder(path)


def _listed_folder(tree: RemoteFolder, member: str) -> Iterator[TreeFile | str]:
    """What lies in a folder, sorted: files, and names of folders to go into (paths below the root)."""
    system, root = tree._opened()
    folder = f"{root}/{member}".rstrip("/")
    entries = sorted(system.ls(folder, detail=True), key=lambda entry: str(entry["name"]))
    # A list, since it takes a fifth of the memory of what the driver says.
    return iter([listed for entry in entries if (listed := _looked_at(entry, root, folder)) is not None])


def _looked_at(entry: Mapping[str, Any], root: str, folder: str) -> TreeFile | str | None:
    """A file, the path of a folder below the root, or None for the mark of an empty folder."""
    path, is_folder = str(entry["name"]), entry["type"] == "directory"
    # Google's driver says the mark is the folder itself, and the same of keys with // there, which cannot be told.
    if path == folder or (path == f"{folder}/" and not is_folder and not entry.get("size")):
        return None
    name = path.removeprefix(f"{folder}/")
    problem = "unsafe_name" if name == path else _name_problem([name])
    member = path.removeprefix(f"{root}/") if path.startswith(f"{root}/") else path.lstrip("/")
    if not is_folder:
        return _file(member, entry, problem)
    # A slash behind what is not looked into: a file may have the same name.
    return TreeFile(f"{_text_of(member)}/", problem=problem, detail=_DETAILS.get(problem)) if problem else member


def _name_problem(parts: list[str]) -> str | None:
    if any(not part or part in (".", "..") or "/" in part or _S3_VERSION_MARK in part for part in parts):
        return "unsafe_name"
    return "hidden_file" if any(part.startswith(".") for part in parts) else None


def _file(member: str, entry: Mapping[str, Any], problem: str | None) -> TreeFile:
    size_bytes = entry.get("size")
    text = _text_of(member) or "."
    if problem is None and text != member:
        problem = "name_not_utf8"
    if problem is None and entry["type"] != "file":
        problem = "not_a_regular_file"
    if problem is None and (size_bytes or 0) > MAX_MEMBER_BYTES:
        problem = "file_too_large"
    return TreeFile(text, size_bytes, version_tag(entry), problem, _DETAILS.get(problem or ""))


def version_tag(entry: Mapping[str, Any]) -> str:
    """What of an entry of a listing changes whenever the file may have; empty where the driver says nothing."""
    value = next((entry[tag] for tag in _TAGS if entry.get(tag)), "")
    return str(value.isoformat() if hasattr(value, "isoformat") else value).strip('"')


def _text_of(name: str) -> str:
    r"""UTF-8 text; what is none becomes `\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


@lru_cache(maxsize=16)
def _options(options: str) -> dict[str, Any]:
    return {str(key): value for key, value in json.loads(options).items()}
