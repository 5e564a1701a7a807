"""TFRecord framing without TensorFlow.

A record is: length (uint64), checksum of the length, payload, checksum of the payload; all little-endian. The
checksums are "masked" crc32c: rotated and shifted, so that the checksum of data which holds checksums stays useful.
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

from datasets.atomic_file import BUFFER_BYTES, atomic_file
from datasets.errors import FormatError

_MASK_DELTA = 0xA282EAD8
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CHECKSUM.size


def masked_crc32c(data: bytes) -> int:
    """Bytes -> the checksum that TFRecord stores, uint32."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """A payload -> the record as it lies in the file, 16 bytes longer."""
    length = _LENGTH.pack(len(payload))
    return b"".join((length, _CHECKSUM.pack(masked_crc32c(length)), payload, _CHECKSUM.pack(masked_crc32c(payload))))


def write_tfrecord(path: Path, records: Iterable[bytes]) -> int:
    """Write the records and return how many; the file appears under its name only when complete and on disk."""
    count = 0
    with atomic_file(path) as file:
        for payload in records:
            file.write(frame(payload))
            count += 1
    return count


def read_tfrecord(path: Path) -> Iterator[bytes]:
    """The payloads in file order, both checksums verified.

    Raises FormatError naming the file and the index of the record: missing, cut off, or a checksum differs.
    """
    try:
        file = path.open("rb", buffering=BUFFER_BYTES)
    except OSError as error:
        raise FormatError(f"{path}: cannot be opened ({error.strerror}); write the shards again") from error
    with file:
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


def _payload_length(header: bytes, where: str) -> int:
    if len(header) < _HEADER_BYTES:
        raise _damaged(where, "is cut off")
    length, checksum = header[: _LENGTH.size], header[_LENGTH.size :]
    if checksum != _CHECKSUM.pack(masked_crc32c(length)):
        raise _damaged(where, "has a damaged length, so that no record after it can be found")
    return int(_LENGTH.unpack(length)[0])


def _damaged(where: str, what: str) -> FormatError:
    return FormatError(f"{where} {what}; copy the file again or write the shards again")
