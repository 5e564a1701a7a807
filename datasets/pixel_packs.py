"""Pixel packs: append-only files of prepared images, addressed by (pack, offset, length) from the manifest.

A pack is a header (magic, version), then payloads, each followed by its crc32c: a flipped bit is found when the
payload is read, and costs four bytes.
"""

import os
import struct
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import google_crc32c
import numpy as np

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput, FormatError

PACK_VERSION = 1

_MAGIC = b"PXLPACK\n"
_HEADER = struct.Struct("<8sI")
_CHECKSUM = struct.Struct("<I")
_MAX_OPEN_PACKS = 128
"""Below the usual limit of 1024 files per process, with room for everything else that is open."""


class PackWriter:
    """Writes one pack under a temporary name in the same folder; a clean exit syncs and renames it.

    An exception removes what was written. To be used in a `with` statement.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._offset = _HEADER.size

    def __enter__(self) -> Self:
        self._file = self._stack.enter_context(atomic_file(self._path))
        self._file.write(_HEADER.pack(_MAGIC, PACK_VERSION))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def append(self, payload: bytes) -> tuple[int, int]:
        """A payload -> (offset, length) in bytes, to be given to PackReader.read."""
        offset = self._offset
        self._file.write(payload)
        self._file.write(_CHECKSUM.pack(google_crc32c.value(payload)))
        self._offset += len(payload) + _CHECKSUM.size
        return offset, len(payload)

    def append_all(self, payloads: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """The same for N payloads at once -> offsets and lengths, int64 [N] each."""
        lengths = np.fromiter(map(len, payloads), np.int64, len(payloads))
        ends = self._offset + np.cumsum(lengths + _CHECKSUM.size)
        checksums = (_CHECKSUM.pack(google_crc32c.value(payload)) for payload in payloads)
        self._file.write(b"".join(chain.from_iterable(zip(payloads, checksums, strict=True))))
        self._offset = int(ends[-1]) if len(payloads) else self._offset
        return ends - lengths - _CHECKSUM.size, lengths


class PackReader:
    """Reads payloads from the packs of one folder. Keeps the most recently used packs open; not for many threads.

    Reads with `pread` rather than through a memory map: a map of a file that has shrunk kills the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handles: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, pack: str, offset: int, length: int) -> bytes:
        """The payload as it was appended; `pack` is the file's name.

        Raises FormatError naming the pack when it is missing, damaged, or of another version.
        """
        if length < 0 or offset < _HEADER.size:
            raise BadInput(
                f"{self._folder / pack}: no payload lies at offset {offset} with length {length}; "
                f"offsets begin at {_HEADER.size}, lengths at 0; take both from the manifest"
            )
        record = _pread_all(self._handle(pack), length + _CHECKSUM.size, offset)
        payload = record[:length]
        if record[length:] != _CHECKSUM.pack(google_crc32c.value(payload)):
            raise FormatError(
                f"{self._folder / pack}: damaged at offset {offset}, length {length}; delete it and run the scan again"
            )
        return payload

    def close(self) -> None:
        """Close all packs. Reading again opens them again."""
        while self._handles:
            os.close(self._handles.popitem()[1])

    def _handle(self, pack: str) -> int:
        if pack in self._handles:
            self._handles.move_to_end(pack)
            return self._handles[pack]
        while len(self._handles) >= _MAX_OPEN_PACKS:
            os.close(self._handles.popitem(last=False)[1])
        handle = _open_pack(self._folder / pack)
        self._handles[pack] = handle
        return handle


def _open_pack(path: Path) -> int:
    """File descriptor of a pack whose header was checked."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise FormatError(f"{path}: cannot be opened ({error.strerror}); run the scan again") from error
    try:
        _check_header(path, _pread_all(handle, _HEADER.size, 0))
    except BaseException:
        os.close(handle)
        raise
    return handle


def _check_header(path: Path, header: bytes) -> None:
    if len(header) < _HEADER.size or header[: len(_MAGIC)] != _MAGIC:
        raise FormatError(f"{path}: not a pixel pack; delete it and run the scan again")
    version = _HEADER.unpack(header)[1]
    if version != PACK_VERSION:
        raise FormatError(f"{path}: pack version {version}, this code reads {PACK_VERSION}; run the scan again")


def _pread_all(handle: int, length: int, offset: int) -> bytes:
    """`length` bytes from the offset, fewer only at the end of the file; one `pread` may return less."""
    data = os.pread(handle, length, offset)
    while len(data) < length and (more := os.pread(handle, length - len(data), offset + len(data))):
        data += more
    return data
