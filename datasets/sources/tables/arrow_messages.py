"""How large a part of an Arrow stream gets when it is unpacked, known without unpacking it.

Arrow writes this before each compressed buffer, and describes the buffers in FlatBuffers. Only what is needed here is
read of that (https://arrow.apache.org/docs/format/Columnar.html, Message.fbs).
"""

import struct
from typing import NamedTuple

import pyarrow as pa

RECORD_BATCH = "record batch"
DICTIONARY = "dictionary"
_MESSAGE_HEADER = 2
_DICTIONARY_DATA = 1
_BATCH_BUFFERS, _BATCH_COMPRESSION = 2, 3
_BUFFER_BYTES = 16
_STORED_PLAIN = -1


class _Table(NamedTuple):
    """A table of FlatBuffers: where it begins in its bytes."""

    content: bytes
    start: int

    def place_of(self, field: int) -> int | None:
        """Where a field's value lies; None where it is left out. Raises struct.error."""
        vtable = self.start - _number("<i", self.content, self.start)
        entry = 4 + 2 * field
        offset = _number("<H", self.content, vtable + entry) if entry < _number("<H", self.content, vtable) else 0
        return self.start + offset if offset else None

    def table(self, field: int) -> "_Table | None":
        """The table that a field points to."""
        place = self.place_of(field)
        return None if place is None else _Table(self.content, place + _number("<I", self.content, place))


def unpacked_size(message: pa.Message) -> int:
    """Bytes of all compressed buffers of a part when unpacked; 0 where nothing is compressed.

    Raises ValueError for a damaged one.
    """
    if message.type not in (RECORD_BATCH, DICTIONARY):
        return 0
    try:
        return _unpacked_size(message)
    except struct.error as error:
        raise ValueError("a damaged description of its content") from error


def _unpacked_size(message: pa.Message) -> int:
    content = message.metadata.to_pybytes()
    batch = _Table(content, _number("<I", content, 0)).table(_MESSAGE_HEADER)
    if batch is not None and message.type == DICTIONARY:
        batch = batch.table(_DICTIONARY_DATA)
    if batch is None or batch.place_of(_BATCH_COMPRESSION) is None:
        return 0
    return sum(_buffer_size(message.body, offset, length) for offset, length in _buffers(batch))


def _buffers(batch: _Table) -> list[tuple[int, int]]:
    """Offset and length of each."""
    place = batch.place_of(_BATCH_BUFFERS)
    if place is None:
        return []
    vector = place + _number("<I", batch.content, place)
    count = _number("<I", batch.content, vector)
    if vector < 0 or vector + 4 + count * _BUFFER_BYTES > len(batch.content):
        raise ValueError("a list of buffers that is longer than its description")
    return [struct.unpack_from("<qq", batch.content, vector + 4 + number * _BUFFER_BYTES) for number in range(count)]


def _buffer_size(body: pa.Buffer, offset: int, length: int) -> int:
    if length == 0:
        return 0
    if length < 8 or offset < 0 or offset + length > body.size:
        raise ValueError("a buffer that does not lie in the file")
    size_bytes = int.from_bytes(body.slice(offset, 8).to_pybytes(), "little", signed=True)
    if size_bytes < _STORED_PLAIN:
        raise ValueError("a buffer of negative size")
    return length - 8 if size_bytes == _STORED_PLAIN else size_bytes


def _number(kind: str, content: bytes, place: int) -> int:
    if place < 0:
        raise struct.error("before the beginning")
    return int(struct.unpack_from(kind, content, place)[0])
