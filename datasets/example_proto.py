"""The tf.train.Example message, encoded and decoded by hand.

    message Example   { Features features = 1; }
    message Features  { map<string, Feature> feature = 1; }      an entry is { string key = 1; Feature value = 2; }
    message Feature   { oneof kind { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
    message *List     { repeated ... value = 1; }                numbers are packed into one field

Protocol buffer encoding: https://protobuf.dev/programming-guides/encoding/
"""

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, cast

from datasets.errors import BadInput, FormatError

FeatureValue = bytes | int | float | Sequence[int] | Sequence[float] | Sequence[bytes]

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3
_FIRST_FIELD = 1 << 3 | _DELIMITED
_MAX_FLOAT32 = 3.4028235677973366e38  # the largest value that rounds to a finite float32, exclusive


def encode_example(features: Mapping[str, FeatureValue]) -> bytes:
    """Features, sorted by name -> serialised message: the same features give the same bytes.

    A value is one of, or a list of: bytes, int (int64), float (stored as float32). An empty list has no type.
    Raises BadInput, naming the feature, for any other value.
    """
    names = sorted((name.encode("utf-8"), name) for name in features)
    return example_of(b"".join(_entry(key, _encode_feature(name, features[name])) for key, name in names))


def example_of(entries: bytes) -> bytes:
    """The entries of features, in order of their names -> serialised message."""
    return _example_head(len(entries)) + entries if entries else b""


@lru_cache(maxsize=1 << 16)
def _example_head(length_bytes: int) -> bytes:
    """What comes before entries of so many bytes."""
    return _varint(1 << 3 | _DELIMITED) + _varint(length_bytes)


@lru_cache(maxsize=1 << 16)
def bytes_entry_head(name: str, length_bytes: int) -> bytes:
    """What comes before the value in the entry of a feature that is one bytes value of this length.

    For writing many records that have the same features: what they have in common is encoded once.
    """
    value = bytes(length_bytes)
    return _entry(name.encode("utf-8"), _encode_feature(name, value))[: -length_bytes or None]


@lru_cache(maxsize=1 << 16)
def number_entry(name: str, values: tuple[int, ...]) -> bytes:
    """The entry of a feature that is a list of int64; for features of few different values, each encoded once."""
    return _entry(name.encode("utf-8"), _encode_feature(name, values))


def decode_example(payload: bytes) -> dict[str, list]:
    """Serialised message -> list of bytes, int or float per feature. Raises FormatError when damaged."""
    features: dict[str, list] = {}
    try:
        for body in _messages(payload, 1):
            for entry in _messages(body, 1):
                key, values = _decode_entry(entry)
                features[key] = values
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from error
    return features


def peek_feature(head: bytes, name: str) -> list | None:
    """The values of one feature from the first bytes of a serialised message, as decode_example gives them.

    None where the feature does not lie wholly within them, or is written in another way than encode_example does: then
    decode_example knows. For finding records by a small feature without reading images. Raises FormatError if damaged.
    """
    begin = _delimited(1, name.encode("utf-8"))
    try:
        tag, position = _read_varint(head, 0)
        _, position = _read_varint(head, position)
        while tag == _FIRST_FIELD:
            tag, position = _read_varint(head, position)
            length, position = _read_varint(head, position)
            if head.startswith(begin, position) and position + length <= len(head):
                return _decode_entry(head[position : position + length])[1]
            position += length
    except (struct.error, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from error
    except IndexError:
        return None  # the head ends here
    return None


def _entry(key: bytes, feature: bytes) -> bytes:
    return _delimited(1, _delimited(1, key) + _delimited(2, feature))


def _encode_feature(name: str, value: FeatureValue) -> bytes:
    if isinstance(value, bytes):
        return _delimited(_BYTES_LIST, _delimited(1, value))
    values: list[Any] = [value] if isinstance(value, Real) else list(cast("Sequence[Any]", value))
    if not values:
        return b""
    if all(isinstance(item, bytes) for item in values):
        return _delimited(_BYTES_LIST, b"".join(_delimited(1, item) for item in values))
    if all(isinstance(item, Integral) for item in values):
        packed = b"".join(_int64(name, int(item)) for item in values)
        return _delimited(_INT64_LIST, _delimited(1, packed))
    if all(isinstance(item, Real) and not isinstance(item, Integral) for item in values):
        return _delimited(_FLOAT_LIST, _delimited(1, _float32s(name, [float(item) for item in values])))
    kinds = sorted({type(item).__name__ for item in values})
    raise BadInput(f"feature {name!r} holds {', '.join(kinds)}; a feature is all bytes, all int or all float")


def _int64(name: str, value: int) -> bytes:
    if not -(1 << 63) <= value < 1 << 63:
        raise BadInput(f"feature {name!r} holds {value}, which does not fit int64; store it as bytes")
    return _varint(value & 0xFFFFFFFFFFFFFFFF)


def _float32s(name: str, values: list[float]) -> bytes:
    for value in values:
        if math.isfinite(value) and abs(value) >= _MAX_FLOAT32:
            raise BadInput(f"feature {name!r} holds {value!r}, which does not fit float32; scale it")
    return struct.pack(f"<{len(values)}f", *values)


def _delimited(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | _DELIMITED) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    """Unsigned integer -> seven bits per byte, lowest first, the top bit of a byte says that more follow."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _decode_entry(entry: bytes) -> tuple[str, list]:
    key, values = "", []
    for field, wire, value in _fields(entry):
        if field == 1 and wire == _DELIMITED:
            key = value.decode("utf-8")
        elif field == 2 and wire == _DELIMITED:
            values = _decode_feature(value)
    return key, values


def _decode_feature(body: bytes) -> list:
    """The values; where several kinds are present the last one counts, where one is split its parts are joined."""
    kind = 0
    values: list[Any] = []
    for field, wire, value in _fields(body):
        if wire == _DELIMITED and field in _LISTS:
            part = _LISTS[field](value)
            values = values + part if field == kind else part
            kind = field
    return values


def _decode_bytes_list(body: bytes) -> list[bytes]:
    return list(_messages(body, 1))


def _decode_float_list(body: bytes) -> list[float]:
    values: list[float] = []
    for field, wire, value in _fields(body):
        if field == 1 and wire == _FIXED32:
            values.extend(struct.unpack("<f", value))
        elif field == 1 and wire == _DELIMITED:
            values.extend(item[0] for item in struct.iter_unpack("<f", value))
    return values


def _decode_int64_list(body: bytes) -> list[int]:
    values: list[int] = []
    for field, wire, value in _fields(body):
        if field == 1 and wire == _VARINT:
            values.append(_signed(value))
        elif field == 1 and wire == _DELIMITED:
            values.extend(_packed_int64s(value))
    return values


_LISTS: dict[int, Callable[[bytes], list]] = {
    _BYTES_LIST: _decode_bytes_list,
    _FLOAT_LIST: _decode_float_list,
    _INT64_LIST: _decode_int64_list,
}


def _packed_int64s(body: bytes) -> Iterator[int]:
    position = 0
    while position < len(body):
        value, position = _read_varint(body, position)
        yield _signed(value)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _messages(body: bytes, number: int) -> Iterator[bytes]:
    """The values of one field that holds messages or bytes, in order."""
    return (value for field, wire, value in _fields(body) if field == number and wire == _DELIMITED)


def _fields(body: bytes) -> Iterator[tuple[int, int, Any]]:
    """(field number, wire type, value) in order; the value is bytes, for a varint an int."""
    position = 0
    value: Any
    while position < len(body):
        tag, position = _read_varint(body, position)
        wire = tag & 7
        if wire == _VARINT:
            value, position = _read_varint(body, position)
        elif wire in (_DELIMITED, _FIXED32, _FIXED64):
            length, position = _length(body, position, wire)
            value, position = body[position : position + length], position + length
        else:
            raise _damaged(f"wire type {wire}")
        if position > len(body):
            raise _damaged("cut off")
        yield tag >> 3, wire, value


def _length(body: bytes, position: int, wire: int) -> tuple[int, int]:
    return _read_varint(body, position) if wire == _DELIMITED else (4 if wire == _FIXED32 else 8, position)


def _read_varint(body: bytes, position: int) -> tuple[int, int]:
    byte = body[position]
    position += 1
    if byte < 0x80:  # nearly all are this short
        return byte, position
    value, shift = byte & 0x7F, 7
    while True:
        byte = body[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift >= 70:
            raise _damaged("a number of more than ten bytes")


def _damaged(why: str) -> FormatError:
    return FormatError(f"not a tf.train.Example ({why}); copy the file again or write the shards again")
