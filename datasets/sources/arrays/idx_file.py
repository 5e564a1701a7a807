"""The IDX format of MNIST: a header of big-endian dimensions, then unsigned bytes; plain or packed by gzip.

What a header promises is compared with what the file holds before anything is allocated for it.
"""

from __future__ import annotations

import gzip
import math
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from datasets.errors import BadInput
from datasets.sources.base import MAX_MEMBER_BYTES
from datasets.sources.trees.archive_file import ArchiveFile, FileState, file_state
from datasets.sources.trees.local_folder import text_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_UNPACKED_BYTES = 2 << 30
MAX_KEPT_BYTES = 64 << 20
"""A file of images that is not larger is kept when it was unpacked to be checked: who opens it mostly reads it."""
MAX_LABELS = 1 << 30
LABELS_MAGIC = b"\0\0\x08\x01"
GREY_MAGIC = b"\0\0\x08\x03"
COLOUR_MAGIC = b"\0\0\x08\x04"

_GZIP_MAGIC = b"\x1f\x8b"
_HEAD_BYTES = 1 << 16
_HEADER_BYTES = 4 + 4 * 4
_CHUNK_BYTES = 1 << 20
_ALLOWED = (
    "read are unsigned bytes: images (00000803: number, rows, columns; 00000804: also 1 or 3 channels) "
    "and labels (00000801)"
)
_unpacking = threading.Lock()


class IdxFile(NamedTuple):
    """One file: its state, whether gzip packed it, and its dimensions.

    Those are (number, H, W) of grey images, (number, H, W, C) of images with channels, (number,) of labels.
    """

    state: FileState
    is_packed: bool
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return text_of(Path(self.state.path).name)

    @property
    def holds_labels(self) -> bool:
        """Labels, not images."""
        return len(self.shape) == 1

    @property
    def header_bytes(self) -> int:
        """Where the values begin."""
        return 4 + 4 * len(self.shape)

    @property
    def record_bytes(self) -> int:
        """Size of one image, or of one label."""
        return math.prod(self.shape[1:])


def looks_like_idx(path: Path) -> bool:
    """Whether the content begins as an IDX file of images or labels does. Raises OSError."""
    return _head(path)[0][:4] in (LABELS_MAGIC, GREY_MAGIC, COLOUR_MAGIC)


def open_idx_file(path: Path) -> IdxFile:
    """The file's header, and proof that the file is as long as that says. Raises BadInput."""
    try:
        head, is_packed = _head(path)
        file = IdxFile(file_state(path), is_packed, _shape(path, head))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}); give an IDX file that can") from error
    _check_shape(path, file)
    if is_packed:
        _check_packed(file)
    else:
        _check_length(file, file.state.size_bytes)
    return file


def pixels_at(file: IdxFile, index: int) -> bytes:
    """The pixels of the image of that number, row by row. Raises OSError where the file is not as it was."""
    offset, size_bytes = file.header_bytes + index * file.record_bytes, file.record_bytes
    if file.is_packed:
        return bytes(memoryview(_unpacked(file))[offset : offset + size_bytes])
    return _opened(file.state).read_at(offset, size_bytes)


def block_at(file: IdxFile, indices: Sequence[int]) -> NDArray[np.uint8]:
    """uint8 [N, bytes of an image], the pixels of the images of these numbers. Raises OSError as `pixels_at` does."""
    import numpy as np

    if file.is_packed:
        images = np.frombuffer(_unpacked(file), np.uint8, offset=file.header_bytes).reshape(-1, file.record_bytes)
        return images[np.asarray(indices)]
    numbers = np.asarray(indices)
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    places = [(file.header_bytes + int(run[0]) * file.record_bytes, len(run) * file.record_bytes) for run in runs]
    pixels = b"".join(_opened(file.state).read_at(*place) for place in places)
    return np.frombuffer(pixels, np.uint8).reshape(-1, file.record_bytes)


def labels_of(file: IdxFile) -> NDArray[np.uint8]:
    """uint8 [N], the label of every image. Raises BadInput where the file is not as it was."""
    import numpy as np

    try:
        content = b"".join(_content(file)) if file.is_packed else _opened(file.state).read_at(0, file.state.size_bytes)
    except OSError as error:
        raise BadInput(f"{file.state.path}: {error.strerror or error}; start again") from error
    return np.frombuffer(content, np.uint8, offset=file.header_bytes)


def same_content(plain: IdxFile, packed: IdxFile) -> bool:
    """Whether one file is the other one unpacked, by the checksum and size at the end of what gzip wrote."""
    if plain.is_packed or not packed.is_packed or plain.shape != packed.shape:
        return False
    checksum = 0
    with Path(plain.state.path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            checksum = zlib.crc32(chunk, checksum)
    end = _opened(packed.state).read_at(packed.state.size_bytes - 8, 8)
    return bool(end == struct.pack("<II", checksum, plain.state.size_bytes & 0xFFFFFFFF))


def _head(path: Path) -> tuple[bytes, bool]:
    """The first bytes of the content, and whether gzip packed it. Raises OSError."""
    if not path.is_file():
        return b"", False
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.startswith(_GZIP_MAGIC):
        return head[:_HEADER_BYTES], False
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEADER_BYTES), True
    except zlib.error:
        return b"", True


def _shape(path: Path, head: bytes) -> tuple[int, ...]:
    if head[:4] not in (LABELS_MAGIC, GREY_MAGIC, COLOUR_MAGIC):
        got = f"begins with {head[:4].hex()}" if head else "is empty, or damaged at its beginning"
        raise BadInput(f"{path}: {got}, which is no IDX file that is read; {_ALLOWED}")
    dimensions = head[3]
    if len(head) < 4 + 4 * dimensions:
        raise BadInput(f"{path}: ends within its header; the file is cut off, fetch it again")
    return struct.unpack_from(f">{dimensions}I", head, 4)


def _check_shape(path: Path, file: IdxFile) -> None:
    promised = file.header_bytes + math.prod(file.shape)
    if file.holds_labels:
        if promised > MAX_LABELS:
            raise BadInput(f"{path}: its header promises {file.shape[0]} labels; at most {MAX_LABELS} are read")
        return
    if len(file.shape) == 4 and file.shape[3] not in (1, 3):
        raise BadInput(f"{path}: images with {file.shape[3]} channels; 1 (grey) and 3 (RGB) are read, in last place")
    if file.shape[0] and not 0 < file.record_bytes <= MAX_MEMBER_BYTES:
        raise BadInput(
            f"{path}: its header promises images of {_by(file.shape[1:])}; they need pixels, "
            f"and at most {MAX_MEMBER_BYTES >> 20} MiB each"
        )
    if file.is_packed and promised > MAX_UNPACKED_BYTES:
        raise BadInput(
            f"{path}: its header promises {promised} bytes, and a packed file is read up to "
            f"{MAX_UNPACKED_BYTES >> 20} MiB; unpack it with gunzip"
        )


def _check_length(file: IdxFile, size_bytes: int) -> None:
    """Raises BadInput where a file is not exactly as long as its header says."""
    promised = file.header_bytes + math.prod(file.shape)
    if size_bytes != promised:
        held = f"{size_bytes}" if size_bytes < promised else "more"
        raise BadInput(
            f"{file.state.path}: its header promises {_by(file.shape)} values, a file of {promised} bytes, "
            f"but it holds {held}; it is damaged or cut off, fetch it again"
        )


@lru_cache(maxsize=64)
def _check_packed(file: IdxFile) -> None:
    """Unpacks the whole file once per process, as only this shows that nothing is cut off; keeps little of it."""
    try:
        if not file.holds_labels and math.prod(file.shape) <= MAX_KEPT_BYTES:
            with _unpacking:
                _kept(file)
        else:
            for _ in _content(file):
                pass
    except OSError as error:
        raise BadInput(f"{file.state.path}: {error.strerror or error}; fetch it again") from error


def _content(file: IdxFile) -> Iterator[bytes]:
    """What gzip packed, checked against header and checksum while it is unpacked. Raises BadInput, OSError."""
    size_bytes, promised = 0, file.header_bytes + math.prod(file.shape)
    try:
        with gzip.open(file.state.path) as packed:
            while chunk := packed.read(_CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > promised:
                    break
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OSError("what gzip packed is damaged or cut off") from error
    _check_length(file, size_bytes)


def _unpacked(file: IdxFile) -> bytearray:
    """The whole content; two files are kept per process. Raises OSError."""
    _check_unchanged(file.state)
    try:
        with _unpacking:
            return _kept(file)
    except BadInput as error:
        raise OSError(str(error)) from error


@lru_cache(maxsize=2)
def _kept(file: IdxFile) -> bytearray:
    """The content of the last two files that were asked for. Raises BadInput, OSError."""
    content = bytearray()
    for chunk in _content(file):
        content += chunk
    return content


@lru_cache(maxsize=8)
def _opened(state: FileState) -> ArchiveFile:
    _check_unchanged(state)
    return ArchiveFile(Path(state.path))


def _check_unchanged(state: FileState) -> None:
    if file_state(Path(state.path)) != state:
        raise OSError(f"{Path(state.path).name} has changed since it was listed")


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
