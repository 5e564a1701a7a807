"""Seeded changes of files: bytes that flip, vanish and repeat, numbers that lie, JSON values of other kinds."""

import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

ODD_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFF)
ODD_NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
MOST_BYTES = 1 << 20
HEAD_BYTES = 64
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PNG_CHUNK_BYTES = 12
ODD_YAML = (
    b"2001-99-99",
    b"2001-01-01 25:61:61",
    b"!!timestamp x",
    b"!!int x",
    b"!!float x",
    b"!!binary x",
    b"!!set {a, b}",
    b"!!omap [a]",
    b"!!python/object/apply:os.system [id]",
    b"!!python/name:os.system",
    b"{[1]: 2}",
    b"{{a: 1}: 2}",
    b"&x [*x]",
    b"&x {a: *x}",
    b"[&b [1,1,1,1,1,1,1,1], &c [*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d],"
    b" &f [*e,*e,*e,*e,*e,*e,*e,*e], [*f,*f,*f,*f,*f,*f,*f,*f]]",
    b"{<<: 1}",
    b"{<<: [1]}",
    b"{<<: {a: 1}}",
    b"0b",
    b"190:20:30",
    b".inf",
    b".nan",
    b"1" * 5000,
    b"~",
    b"'\\x00'",
    b'"\\ud800"',
    b'"\\U0010FFFF\\u202e"',
    b"yes",
    b"'{partition}'",
    b"s3://key:secret@bucket/x",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**64,
    1e308,
    float("nan"),
    "",
    "\x00\u202e\ud800",
    "../../etc/passwd",
    "=cmd|' /C calc'!A0",
    [],
    {},
    [[]],
    {"": {}},
    "x" * 5000,
)

Random = np.random.Generator


def mutated(content: bytes, random: Random) -> bytes:
    """The content with one to three changes, half of them in its first bytes, where headers are."""
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 4))):
        CHANGES[int(random.integers(len(CHANGES)))](changed, random)
    return bytes(changed[:MOST_BYTES])


def mutated_image(content: bytes, random: Random) -> bytes:
    """The same for an image; half of the PNG files get checksums that are right, so that decoders look inside."""
    changed = mutated(content, random)
    if changed.startswith(PNG_MAGIC) and random.random() < 0.5:
        return PNG_MAGIC + b"".join(_chunks_with_checksums(changed[len(PNG_MAGIC) :]))
    return changed


def mutated_yaml(content: bytes, random: Random) -> bytes:
    """A YAML text in which one value is another, hostile one; one in three is changed in its bytes too."""
    values = list(re.finditer(rb"(?<=: )[^\s,{}\[\]]+", content))
    at = values[int(random.integers(len(values)))]
    depth = int(random.integers(100, 3000))
    odd = (*ODD_YAML, b"[" * depth + b"]" * depth, b"{a: " * depth + b"}" * depth)
    changed = content[: at.start()] + odd[int(random.integers(len(odd)))] + content[at.end() :]
    return mutated(changed, random) if random.integers(3) == 0 else changed


def mutated_json(record: Any, random: Random) -> Any:
    """A JSON value in which one to three inner values are of another kind, gone, or nested deep."""
    for _ in range(int(random.integers(1, 4))):
        record = _changed_value(record, random)
    return record


def json_bytes(record: Any, random: Random) -> bytes:
    """The value as text, once in twenty nested so deep that a parser runs out of stack."""
    text = json.dumps(record)
    if random.integers(20) == 0:
        depth = int(random.integers(500, 100_000))
        text = f"{'[' * depth}{text}{']' * depth}"
    return text.encode("utf-8", "surrogatepass")


def _chunks_with_checksums(chunks: bytes) -> Iterator[bytes]:
    while len(chunks) >= PNG_CHUNK_BYTES:
        end = 8 + int.from_bytes(chunks[:4], "big")
        yield chunks[:end] + zlib.crc32(chunks[4:end]).to_bytes(4, "big")
        chunks = chunks[end + 4 :]
    yield chunks


def _changed_value(value: Any, random: Random) -> Any:
    if isinstance(value, dict | list) and value and random.random() < 0.85:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[int(random.integers(len(keys)))]
        copied = value.copy()
        if random.random() < 0.1:
            del copied[key]
        else:
            copied[key] = _changed_value(value[key], random)
        return copied
    return ODD_VALUES[int(random.integers(len(ODD_VALUES)))]


def _place(content: bytearray, random: Random) -> int:
    end = min(len(content), HEAD_BYTES) if random.random() < 0.5 else len(content)
    return int(random.integers(end)) if end else 0


def _flip_a_bit(content: bytearray, random: Random) -> None:
    if content:
        content[_place(content, random)] ^= 1 << int(random.integers(8))


def _set_a_byte(content: bytearray, random: Random) -> None:
    if content:
        content[_place(content, random)] = ODD_BYTES[int(random.integers(len(ODD_BYTES)))]


def _set_a_number(content: bytearray, random: Random) -> None:
    """A number of 2, 4 or 8 bytes, of either order, in the place of what is there."""
    size = 2 ** int(random.integers(1, 4))
    number = ODD_NUMBERS[int(random.integers(len(ODD_NUMBERS)))] & (1 << 8 * size) - 1
    place = _place(content, random)
    content[place : place + size] = number.to_bytes(size, "little" if random.random() < 0.5 else "big")


def _remove(content: bytearray, random: Random) -> None:
    place = _place(content, random)
    del content[place : place + int(random.integers(1, 64))]


def _insert(content: bytearray, random: Random) -> None:
    place = _place(content, random)
    content[place:place] = random.bytes(int(random.integers(1, 32)))


def _repeat(content: bytearray, random: Random) -> None:
    place = _place(content, random)
    piece = content[place : place + int(random.integers(1, 256))]
    content[place:place] = piece * int(random.integers(1, 8))


def _cut_off(content: bytearray, random: Random) -> None:
    del content[int(random.integers(len(content) + 1)) :]


def _noise(content: bytearray, random: Random) -> None:
    place = _place(content, random)
    content[place : place + 16] = random.bytes(16)


CHANGES: tuple[Callable[[bytearray, Random], None], ...] = (
    _flip_a_bit,
    _flip_a_bit,
    _set_a_byte,
    _set_a_number,
    _remove,
    _insert,
    _repeat,
    _cut_off,
    _noise,
)
