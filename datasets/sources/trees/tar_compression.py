# ruff: noqa: PTH100
"""Compressed tar archives: which ones are, and a plain copy of each in a cache."""

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from filelock import FileLock

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput
from datasets.sources.base import FetchProgress
from datasets.sources.trees.archive_file import FileState, head_of
from datasets.sources.trees.archive_limits import most_unpacked_bytes, too_much
from datasets.sources.trees.decompression import (
    READ_BYTES,
    DamagedData,
    Decompressor,
    bzip2_decompressor,
    gzip_decompressor,
    streams,
    xz_decompressor,
)
from datasets.sources.trees.tar_headers import BLOCK_BYTES, is_tar_header

_BYTES_BEFORE_A_HEADER = 2 << 20
"""bzip2 gives nothing before it has read a block of up to 900 kB."""

_PROGRESS_EVERY_S = 0.25
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Compression(NamedTuple):
    """A way to compress files, and how they begin."""

    name: str
    mark: bytes
    make: Callable[[], Decompressor]


COMPRESSIONS = (
    Compression("gzip", b"\x1f\x8b\x08", gzip_decompressor),
    Compression("bzip2", b"BZh", bzip2_decompressor),
    Compression("xz", b"\xfd7zXZ\0", xz_decompressor),
)
NOT_READ = {b"\x28\xb5\x2f\xfd": "Zstandard", b"\x04\x22\x4d\x18": "LZ4"}


def compression_of(path: Path) -> Compression | None:
    """By its first bytes; None for a file that is not compressed. Raises BadInput, also for what is not read.

    A plain tar archive begins with a file's name, which may look like anything.
    """
    head = head_of(path, BLOCK_BYTES)
    if is_tar_header(head):
        return None
    if head[:4] in NOT_READ:
        raise BadInput(f"{path}: compressed by {NOT_READ[head[:4]]}, which is not read; decompress it first")
    return next((compression for compression in COMPRESSIONS if head.startswith(compression.mark)), None)


def begins_as_tar(path: Path, compression: Compression) -> bool:
    """Whether what is compressed begins like a tar archive. Raises OSError."""
    begin = b""
    with path.open("rb", buffering=0) as file:
        reads = (file.read(READ_BYTES) for _ in range(_BYTES_BEFORE_A_HEADER // READ_BYTES))
        try:
            for piece in streams(compression.make, lambda: next(reads, b"")):
                begin += piece
                if len(begin) >= BLOCK_BYTES:
                    break
        except DamagedData:
            pass  # what came before the damage tells, or is no tar archive's header
    return is_tar_header(begin[:BLOCK_BYTES])


@lru_cache(maxsize=1024)
def plain_copy(state: FileState, cache: Path) -> Path:
    """Where the plain copy of a compressed archive lies: `<digest of its path>-<digest of its state>.tar`."""
    return cache / f"{_digest(os.path.abspath(state.path))}-{_digest(state.tag)}.tar"


def decompress(state: FileState, compression: Compression, cache: Path, progress: FetchProgress) -> None:
    """Write the plain copy, and remove those of older states of this archive; `progress` counts compressed bytes.

    Raises BadInput for an archive that is damaged or hostile, OSError where the disk is full.
    """
    copy = plain_copy(state, cache)
    archive = copy.name.partition("-")[0]
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{archive}.lock"):
        for old in cache.glob(f"{archive}-*"):
            if old != copy:
                old.unlink()
        if not copy.exists():
            _write(copy, state, compression, progress)


def _write(copy: Path, state: FileState, compression: Compression, progress: FetchProgress) -> None:
    try:
        with Path(state.path).open("rb", buffering=0) as source, atomic_file(copy) as file:
            for piece in _bounded(streams(compression.make, _counted(source, state.size_bytes, progress)), state):
                file.write(piece)
    except DamagedData as error:
        raise BadInput(f"{state.path}: damaged {compression.name} file ({error}); copy or download it again") from error
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        raise OSError(error.errno, f"{state.path}: no space to decompress it ({error.strerror}); free some") from error


def _bounded(pieces: Iterator[bytes], state: FileState) -> Iterator[bytes]:
    """The same; raises BadInput before there are too many bytes."""
    unpacked_bytes, most_bytes = 0, most_unpacked_bytes(state.size_bytes)
    for piece in pieces:
        unpacked_bytes += len(piece)
        if unpacked_bytes > most_bytes:
            raise too_much(state.path, state.size_bytes, unpacked_bytes)
        yield piece


def _counted(source: BinaryIO, total_bytes: int, progress: FetchProgress) -> Callable[[], bytes]:
    """Reads the next bytes, and says a few times a second how many there were."""
    done_bytes, next_report_s = 0, 0.0

    def read() -> bytes:
        nonlocal done_bytes, next_report_s
        chunk = source.read(READ_BYTES)
        done_bytes += len(chunk)
        if not chunk or time.monotonic() >= next_report_s:
            progress(done_bytes, total_bytes)
            next_report_s = time.monotonic() + _PROGRESS_EVERY_S
        return chunk

    return read


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
