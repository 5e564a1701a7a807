"""TFRecord framing without TensorFlow.

A record is: length (uint64), checksum of the length, payload, checksum of the payload; all little-endian. The
checksums are "masked" crc32c: rotated and shifted, so that the checksum of data which holds checksums stays useful.
"""

import hashlib
import struct
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

import google_crc32c
import numpy as np

from datasets.atomic_file import BUFFER_BYTES, atomic_file
from datasets.errors import FormatError

_MASK_DELTA = 0xA282EAD8
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size


class Salvaged(NamedTuple):
    """A record that was found: where it begins in the file, and its payload; None where `fault` says what is wrong."""

    begin: int
    payload: bytes | None
    fault: str | None


def masked_crc32c(data: bytes) -> int:
    """Bytes -> the checksum that TFRecord stores, uint32."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """A payload -> the record as it lies in the file, 16 bytes longer."""
    return b"".join((_header(len(payload)), payload, _CHECKSUM.pack(masked_crc32c(payload))))


class WrittenFile(NamedTuple):
    """What a writer knows of its file when it is done; sha256 in hex."""

    records: int
    bytes: int
    sha256: str


def write_tfrecord(path: Path, records: Iterable[bytes]) -> int:
    """Write the records and return how many; the file appears under its name only when complete and on disk."""
    return write_hashed_tfrecord(path, records).records


def write_hashed_tfrecord(path: Path, records: Iterable[bytes]) -> WrittenFile:
    """The same, with the digest of the file taken from the bytes on their way to it."""
    count = size_bytes = 0
    digest = hashlib.sha256()
    with atomic_file(path) as file:
        for piece in _pieces(map(frame, records)):
            whole = b"".join(piece)
            digest.update(whole)
            file.write(whole)
            count += len(piece)
            size_bytes += len(whole)
    return WrittenFile(count, size_bytes, digest.hexdigest())


def _pieces(frames: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lists of frames of about a buffer's size: many small writes and digest updates cost more than one."""
    piece: list[bytes] = []
    held_bytes = 0
    for framed in frames:
        piece.append(framed)
        held_bytes += len(framed)
        if held_bytes >= BUFFER_BYTES:
            yield piece
            piece, held_bytes = [], 0
    if piece:
        yield piece


@lru_cache(maxsize=4096)
def _header(length_bytes: int) -> bytes:
    length = _LENGTH.pack(length_bytes)
    return length + _CHECKSUM.pack(masked_crc32c(length))


def read_tfrecord(path: Path) -> Iterator[bytes]:
    """The payloads in file order, both checksums verified.

    Raises FormatError naming the file and the index of the record: missing, cut off, or a checksum differs.
    """
    with _opened(path, BUFFER_BYTES) as file:
        bytes_left = path.stat().st_size
        index = 0
        while header := file.read(_HEADER_BYTES):
            length_bytes = _payload_length(header, f"{path}: record {index}")
            bytes_left -= _HEADER_BYTES + length_bytes + _CHECKSUM.size
            if bytes_left < 0:  # before reading: the length may be gigabytes that are not there
                raise _damaged(f"{path}: record {index}", "is cut off")
            payload = file.read(length_bytes)
            if file.read(_CHECKSUM.size) != _CHECKSUM.pack(masked_crc32c(payload)):
                raise _damaged(f"{path}: record {index}", "does not have its checksum")
            yield payload
            index += 1


def salvage_tfrecord(path: Path) -> Iterator[Salvaged]:
    """Every record that can still be found, in file order, where read_tfrecord stops at the first damage.

    After a damaged payload the next record follows, as its length is known; after a damaged length the next place is
    looked for where a length has its checksum. Raises OSError where the file cannot be read.
    """
    with path.open("rb", buffering=BUFFER_BYTES) as file:
        end = path.stat().st_size
        begin = 0
        while begin < end:
            file.seek(begin)
            found, after = _salvaged(file, begin, end)
            yield found
            begin = after


def _salvaged(file: BinaryIO, begin: int, end: int) -> tuple[Salvaged, int]:
    """One record and where the next begins."""
    length_bytes = _length_with_checksum(file.read(_HEADER_BYTES))
    if length_bytes is None:
        after = _next_header(file, begin + 1, end)
        lost = f"its length is damaged, so that {after - begin} bytes up to the next record are lost"
        return Salvaged(begin, None, lost), after
    after = begin + _HEADER_BYTES + length_bytes + _CHECKSUM.size
    if after > end:
        return Salvaged(begin, None, f"it is cut off: {after - end} of its bytes are missing"), end
    payload = file.read(length_bytes)
    if file.read(_CHECKSUM.size) != _CHECKSUM.pack(masked_crc32c(payload)):
        return Salvaged(begin, None, "it does not have its checksum"), after
    return Salvaged(begin, payload, None), after


def _length_with_checksum(header: bytes) -> int | None:
    if len(header) < _HEADER_BYTES or header[_LENGTH.size :] != _CHECKSUM.pack(masked_crc32c(header[: _LENGTH.size])):
        return None
    return int(_LENGTH.unpack(header[: _LENGTH.size])[0])


def _next_header(file: BinaryIO, begin: int, end: int) -> int:
    """The first place from `begin` on whose length is not 0, fits into the file and has its checksum, or `end`."""
    while begin + _HEADER_BYTES <= end:
        file.seek(begin)
        piece = np.frombuffer(file.read(BUFFER_BYTES), dtype=np.uint8)
        lengths = np.lib.stride_tricks.sliding_window_view(piece, _LENGTH.size).copy().view("<u8")[:, 0]
        for offset in np.flatnonzero((lengths > 0) & (lengths < end - begin)):
            file.seek(begin + int(offset))
            if _length_with_checksum(file.read(_HEADER_BYTES)) is not None:
                return begin + int(offset)
        begin += len(lengths)
    return end


def record_offsets(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Where each payload begins, int64 [N], and its length in bytes, int64 [N]; payloads are not read.

    Raises FormatError naming the file, the index of the record and where it begins: missing, cut off, or a length that
    does not have its checksum.
    """
    offsets, lengths = array("q"), array("q")
    with _opened(path, 0) as file:
        end, begin = path.stat().st_size, 0
        while begin < end:
            where = f"{path}: record {len(offsets)} (at byte {begin})"
            file.seek(begin)
            length_bytes = _payload_length(file.read(_HEADER_BYTES), where)
            after = begin + _HEADER_BYTES + length_bytes + _CHECKSUM.size
            if after > end:
                raise _damaged(where, "is cut off")
            offsets.append(begin + _HEADER_BYTES)
            lengths.append(length_bytes)
            begin = after
    return np.frombuffer(offsets, dtype=np.int64), np.frombuffer(lengths, dtype=np.int64)


def read_record(path: Path, offset: int, length_bytes: int) -> bytes:
    """One payload; `offset` and `length_bytes` are those of record_offsets.

    Raises FormatError naming the file and the offset: missing, cut off, or the checksum differs.
    """
    with _opened(path) as file:
        file.seek(offset)
        payload, checksum = file.read(length_bytes), file.read(_CHECKSUM.size)
    if len(checksum) < _CHECKSUM.size:
        raise _damaged(f"{path}: the record at byte {offset}", "is cut off")
    if checksum != _CHECKSUM.pack(masked_crc32c(payload)):
        raise _damaged(f"{path}: the record at byte {offset}", "does not have its checksum")
    return payload


def _opened(path: Path, buffer_bytes: int = -1) -> BinaryIO:
    try:
        return path.open("rb", buffering=buffer_bytes)
    except OSError as error:
        raise FormatError(f"{path}: cannot be opened ({error.strerror}); write the shards again") from error


def _payload_length(header: bytes, where: str) -> int:
    if len(header) < _HEADER_BYTES:
        raise _damaged(where, "is cut off")
    length, checksum = header[: _LENGTH.size], header[_LENGTH.size :]
    if checksum != _CHECKSUM.pack(masked_crc32c(length)):
        raise _damaged(where, "has a damaged length, so that no record after it can be found")
    return int(_LENGTH.unpack(length)[0])


def _damaged(where: str, what: str) -> FormatError:
    return FormatError(f"{where} {what}; copy the file again or write the shards again")
