"""A URL that fsspec opens as the place of versions, e.g. `s3://bucket/prefix`.

What is there is asked anew each time: fsspec remembers no listings. A single object is written whole or not at all.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.errors import BadInput, PlaceFailed, Refused, Unreachable, UnreachableInput
from datasets.sources.trees.remote_errors import is_missing, may_be_tried_again, reason
from datasets.sources.trees.remote_folder import version_tag
from datasets.sources.trees.remote_urls import checked_url, options_of
from tasks.publishing.target import LOCK_FILE, Entry

PIECE_BYTES = 32 * 2**20
OBJECT_STORES = {"abfs", "abfss", "adl", "az", "gcs", "gs", "oci", "oss", "s3", "s3a"}
"""Protocols without folders, where nothing has to be made before a file is written."""


@dataclass(frozen=True, slots=True)
class RemoteTarget:
    """`options` is JSON, what fsspec opens the URL with."""

    url: str
    options: str = "{}"

    @classmethod
    def opened(cls, url: str, storage_options: Mapping[str, Any]) -> "RemoteTarget":
        """The target at a URL. Raises BadInput for one that cannot be opened, within a minute or so."""
        url = checked_place(url)
        protocol = url.partition("://")[0]
        target = cls(url, json.dumps(options_of(protocol, storage_options), sort_keys=True, default=str))
        target._check()
        return target

    @property
    def shown(self) -> str:
        return self.url

    def entries(self, folder: str) -> dict[str, Entry]:
        with self._told(folder, "listed"):
            system, root = self._opened()
            try:
                found = system.ls(f"{root}/{folder}".rstrip("/"), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return {}
        prefix = f"{root}/{folder}/".replace("//", "/")
        entries = {}
        for entry in sorted(found, key=lambda entry: str(entry["name"])):
            name = str(entry["name"]).rstrip("/").removeprefix(prefix)
            if name in (".", "..") or "\\" in name or "\0" in name:  # a copy of it would lie elsewhere
                raise PlaceFailed(f"{self.url}/{folder} holds the name {name!r}, which no version has; remove it there")
            if name and "/" not in name:
                entries[name] = Entry(entry.get("size") or 0, version_tag(entry), entry["type"] == "directory")
        return entries

    def read(self, path: str) -> bytes | None:
        with self._told(path, "read"):
            system, root = self._opened()
            try:
                payload: bytes = system.cat_file(f"{root}/{path}")
            except Exception as error:
                if is_missing(error):
                    return None
                raise
            return payload

    def write(self, path: str, payload: bytes) -> None:
        with self._told(path, "written"):
            self._path_to_write(path, lambda system, full: system.pipe_file(full, payload))

    def create(self, path: str, payload: bytes) -> bool:
        """Atomic where the store has conditional writes (S3, GCS); elsewhere fsspec looks first, then writes."""
        with self._told(path, "written"):
            try:
                self._path_to_write(path, lambda system, full: system.pipe_file(full, payload, mode="create"))
            except FileExistsError:
                return False
            return True

    def send(self, file: Path, path: str) -> None:
        """Copy a file there, replacing what is there."""
        with self._told(path, "written"):
            self._path_to_write(path, lambda system, full: system.put_file(str(file), full))

    def fetch(self, path: str, file: Path) -> str:
        """Copy a file from there, and give its sha256."""
        temporary = file.with_name(f".{file.name}.tmp")
        digest = hashlib.sha256()
        try:
            with temporary.open("wb") as copy:
                for piece in self._pieces(path):
                    copy.write(piece)
                    digest.update(piece)
            temporary.replace(file)
        except OSError as error:
            raise PlaceFailed(f"{file} cannot be written ({error.strerror or error})") from error
        finally:
            temporary.unlink(missing_ok=True)
        return digest.hexdigest()

    def sha256(self, path: str) -> str:
        """sha256, hex, of a file as it is there: every byte is read back."""
        digest = hashlib.sha256()
        for piece in self._pieces(path):
            digest.update(piece)
        return digest.hexdigest()

    def remove(self, path: str) -> None:
        with self._told(path, "removed"), contextlib.suppress(FileNotFoundError):
            system, root = self._opened()
            system.rm_file(f"{root}/{path}")

    @contextmanager
    def claim(self, name: str, publisher: str) -> Iterator[None]:
        """An object that only one can create. Of a killed run it stays, and its workspace takes it up again."""
        path, payload = f"{name}/{LOCK_FILE}", f"{publisher}\n".encode()
        self.create(path, payload)
        if self.read(path) != payload:
            raise Refused(
                f"{self.url}/{name} is being published or pruned by another run; wait until it ends, run again; "
                f"if it was killed, remove {self.url}/{path}"
            )
        try:
            yield
        finally:
            with contextlib.suppress(PlaceFailed):
                self.remove(path)

    def _pieces(self, path: str) -> Iterator[bytes]:
        with self._told(path, "read"):
            system, root = self._opened()
            size_bytes = system.info(f"{root}/{path}")["size"]
            for start in range(0, size_bytes, PIECE_BYTES):
                yield system.cat_file(f"{root}/{path}", start=start, end=min(start + PIECE_BYTES, size_bytes))

    def _path_to_write(self, path: str, write: Callable[[Any, str], object]) -> None:
        system, root = self._opened()
        full = f"{root}/{path}"
        if self.url.partition("://")[0] not in OBJECT_STORES:
            system.makedirs(full.rpartition("/")[0], exist_ok=True)
        write(system, full)

    def _opened(self) -> tuple[Any, str]:
        """The file system of this process (or thread), and the root as it names it."""
        from fsspec.core import url_to_fs

        system, root = url_to_fs(self.url, **json.loads(self.options))
        return system, root.rstrip("/")

    def _check(self) -> None:
        """A folder that is not there yet is no fault, a bucket is."""
        try:
            system, root = self._opened()
            bucket = root.partition("/")[0] if self.url.partition("://")[0] in OBJECT_STORES else ""
            if bucket and not system.exists(bucket):
                system.info(bucket)  # says why: a server that is away, wrong credentials, or no such bucket
            if system.isfile(root):
                raise BadInput(f"{self.url}: a file, not a folder; give the URL of a folder")
        except BadInput:
            raise
        except Exception as error:
            if is_missing(error):
                raise BadInput(f"{self.url}: no such bucket; make it first, or give another URL") from None
            kind = UnreachableInput if may_be_tried_again(error) else BadInput
            raise kind(f"{self.url}: cannot be opened ({reason(error)})") from None

    @contextmanager
    def _told(self, path: str, done: str) -> Iterator[None]:
        """Drivers raise anything; what leaves here is one sentence without credentials."""
        try:
            yield
        except PlaceFailed:
            raise
        except Exception as error:
            kind = Unreachable if may_be_tried_again(error) else PlaceFailed
            raise kind(f"{self.url}/{path} cannot be {done} ({reason(error)})") from None


def checked_place(url: str) -> str:
    """A URL that versions can be published to. Raises BadInput where it is none."""
    if url.lower().startswith("memory:"):
        raise BadInput(f"{url}: memory ends with the process; give a folder, or a URL such as s3://bucket/prefix")
    return checked_url(url)
