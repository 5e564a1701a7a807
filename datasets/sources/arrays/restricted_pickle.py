"""Reads pickles that hold data, without being able to run anything.

A pickle is a program, and Python's own reader calls whatever the pickle names, so that filtering names is all that
can be done there. This reader is a machine of its own that has no calls: it knows how to build numbers, text, bytes,
lists, tuples and dicts, and recognises how numpy and Python 2 write bytes and arrays (pickled_arrays.py). All it
allocates is bounded by the size of the pickle and by MAX_OPERATIONS.
"""

import re
import struct
from collections.abc import Callable
from typing import Any

from datasets.errors import BadInput
from datasets.sources.arrays.pickled_arrays import (
    PickledArray,
    PickledType,
    RefusedPickle,
    called,
    filled,
    named,
    refusal,
    short_text,
)

MAX_OPERATIONS = 1_000_000
_MAX_LINE_BYTES = 1 << 16
_MAX_NUMBER_BYTES = 8
_MAX_DIGITS = 24
_BAD_ESCAPE = re.compile(rb"(?:^|[^\\])(?:\\\\)*\\[^xntr\\'\"]")

_REFUSED = {
    **dict.fromkeys(b"PQ", "an object that lies outside of it"),
    **dict.fromkeys(b"io\x81\x92", "an object of a class"),
    **dict.fromkeys(b"\x82\x83\x84", "a registered extension"),
    **dict.fromkeys(b"\x8f\x90\x91", "a set"),
    **dict.fromkeys(b"FG", "a floating-point number"),
    **dict.fromkeys(b"\x97\x98", "a buffer that lies outside of it"),
}


def load_pickle(payload: bytes, place: str) -> Any:
    """Numbers, text, bytes (also for text of Python 2), lists, tuples, dicts with text as keys, and `PickledArray`.

    Raises BadInput, beginning with `place`, for everything else and for damaged pickles.
    """
    try:
        return _Machine(payload).run()
    except RefusedPickle as error:
        raise BadInput(f"{place}: {error}") from error
    except (IndexError, KeyError, ValueError, TypeError, struct.error) as error:
        raise BadInput(f"{place}: a damaged pickle, or none at all; fetch it again") from error


class _Machine:
    """The stack, the marks on it and the memo of a pickle that is read. Opcodes are as in Python's `pickletools`."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._position = 0
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._made_bytes = 0

    def run(self) -> Any:
        """What the pickle holds."""
        for _ in range(MAX_OPERATIONS):
            opcode = self._payload[self._position]
            self._position += 1
            if opcode == _STOP:
                return self.pop()
            operation = _OPERATIONS.get(opcode)
            if operation is None:
                raise refusal(_REFUSED.get(opcode, f"the unknown operation 0x{opcode:02x}"))
            operation(self)
        raise RefusedPickle(f"the pickle takes more than {MAX_OPERATIONS} operations, which no batch of images does")

    # Bytes of the pickle.

    def take(self, count: int) -> bytes:
        """The next bytes, never more than there are."""
        end = self._position + count
        if end > len(self._payload):
            raise IndexError("beyond the end")
        taken = self._payload[self._position : end]
        self._position = end
        return taken

    def number(self, kind: str) -> int:
        """The next little-endian number, in the notation of `struct`."""
        (value,) = struct.unpack("<" + kind, self.take(struct.calcsize(kind)))
        return int(value)

    def line(self) -> bytes:
        """Up to the next line break."""
        end = self._payload.index(b"\n", self._position, self._position + _MAX_LINE_BYTES)
        line = self._payload[self._position : end]
        self._position = end + 1
        return line

    def quoted_line(self) -> bytes:
        """Text of Python 2 as that quotes it, which may be as long as an array."""
        end = self._payload.index(b"\n", self._position)
        quoted = self._payload[self._position : end].strip()
        self._position = end + 1
        if len(quoted) < 2 or quoted[0] != quoted[-1] or quoted[:1] not in (b"'", b'"'):
            raise ValueError("not quoted")
        if _BAD_ESCAPE.search(quoted):
            raise ValueError("not how Python 2 quotes")
        return quoted[1:-1].decode("unicode_escape").encode("latin-1")

    # The stack.

    def push(self, value: Any) -> None:
        """Onto the stack."""
        self._stack.append(value)

    def pop(self) -> Any:
        """The last value, taken off; not one below the last mark."""
        if self._marks and self._marks[-1] == len(self._stack):
            raise IndexError("nothing above the mark")
        return self._stack.pop()

    def mark(self) -> None:
        """Remember where a list, tuple or dict begins."""
        self._marks.append(len(self._stack))

    def since_mark(self) -> list[Any]:
        """Everything above the last mark, taken off."""
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def pop_or_unmark(self) -> None:
        """Drop the last value, or the mark where there is none above it."""
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._stack.pop()

    def top(self) -> Any:
        """The last value, which stays."""
        return self._stack[-1]

    def tuple_of(self, count: int) -> None:
        """The last values as a tuple."""
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    # Memo.

    def put(self, index: int) -> None:
        """Remember the last value."""
        self._memo[index] = self._stack[-1]

    def memoize(self) -> None:
        """Remember the last value under the next number."""
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        """Push what was remembered."""
        self.push(self._memo[index])

    # Lists and dicts.

    def extend(self, values: list[Any]) -> None:
        """Into the list on the stack."""
        if type(self.top()) is not list:
            raise TypeError("not a list")
        self.top().extend(values)

    def update(self, flat: list[Any]) -> None:
        """Keys and values in turn into the dict on the stack. Keys become text, so that Python 2 needs no care."""
        if type(self.top()) is not dict or len(flat) % 2:
            raise TypeError("not a dict")
        for key, value in zip(flat[::2], flat[1::2], strict=True):
            self.top()[short_text(key)] = value

    def dict_of(self, flat: list[Any]) -> None:
        """A new dict."""
        self.push({})
        self.update(flat)

    # What numpy and Python 2 need.

    def name_on_stack(self) -> None:
        """A name whose parts are on the stack."""
        name, module = self.pop(), self.pop()
        self.push(named(module, name))

    def reduce(self) -> None:
        """What would be a call. All bytes that come of it together are no longer than the pickle."""
        arguments, name = self.pop(), self.pop()
        made = called(name, arguments)
        if type(made) is bytes:
            self._made_bytes += len(made)
        if self._made_bytes > len(self._payload):
            raise RefusedPickle("the pickle grows while it is read, which no batch of images does")
        self.push(made)

    def build(self) -> None:
        """The content of an array, or the details of its type, which uint8 has none of."""
        state, built = self.pop(), self.top()
        if isinstance(built, PickledArray) and type(state) is tuple:
            filled(built, state)
        elif not isinstance(built, PickledType):
            raise refusal("an object with a state")


def _integer(digits: bytes) -> int | bool:
    """A number in decimal notation; `01` and `00` are how early protocols write true and false."""
    if digits in (b"00", b"01"):
        return digits == b"01"
    if len(digits) > _MAX_DIGITS:
        raise RefusedPickle(f"the pickle holds a number of {len(digits)} digits; at most {_MAX_DIGITS} are read")
    return int(digits.rstrip(b"L"))


def _little_endian(content: bytes) -> int:
    if len(content) > _MAX_NUMBER_BYTES:
        raise RefusedPickle(f"the pickle holds a number of {len(content)} bytes; at most {_MAX_NUMBER_BYTES} are read")
    return int.from_bytes(content, "little", signed=True)


_STOP = ord(".")
_OPERATIONS: dict[int, Callable[[_Machine], Any]] = {
    # How it was written.
    0x80: lambda m: m.take(1),
    0x95: lambda m: m.take(8),
    # Numbers and none.
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("I"): lambda m: m.push(_integer(m.line())),
    ord("L"): lambda m: m.push(_integer(m.line())),
    ord("J"): lambda m: m.push(m.number("i")),
    ord("K"): lambda m: m.push(m.number("B")),
    ord("M"): lambda m: m.push(m.number("H")),
    0x8A: lambda m: m.push(_little_endian(m.take(m.number("B")))),
    0x8B: lambda m: m.push(_little_endian(m.take(m.number("I")))),
    # Text of Python 2 and bytes.
    ord("S"): lambda m: m.push(m.quoted_line()),
    ord("T"): lambda m: m.push(m.take(m.number("I"))),
    ord("U"): lambda m: m.push(m.take(m.number("B"))),
    ord("B"): lambda m: m.push(m.take(m.number("I"))),
    ord("C"): lambda m: m.push(m.take(m.number("B"))),
    0x8E: lambda m: m.push(m.take(m.number("Q"))),
    0x96: lambda m: m.push(m.take(m.number("Q"))),
    # Text.
    ord("V"): lambda m: m.push(m.line().decode("raw_unicode_escape")),
    ord("X"): lambda m: m.push(m.take(m.number("I")).decode("utf-8", "surrogatepass")),
    0x8C: lambda m: m.push(m.take(m.number("B")).decode("utf-8", "surrogatepass")),
    0x8D: lambda m: m.push(m.take(m.number("Q")).decode("utf-8", "surrogatepass")),
    # The stack and the memo.
    ord("("): _Machine.mark,
    ord("0"): _Machine.pop_or_unmark,
    ord("1"): _Machine.since_mark,
    ord("2"): lambda m: m.push(m.top()),
    ord("p"): lambda m: m.put(_integer(m.line())),
    ord("q"): lambda m: m.put(m.number("B")),
    ord("r"): lambda m: m.put(m.number("I")),
    0x94: _Machine.memoize,
    ord("g"): lambda m: m.get(_integer(m.line())),
    ord("h"): lambda m: m.get(m.number("B")),
    ord("j"): lambda m: m.get(m.number("I")),
    # Lists, tuples and dicts.
    ord("]"): lambda m: m.push([]),
    ord("l"): lambda m: m.push(m.since_mark()),
    ord("a"): lambda m: m.extend([m.pop()]),
    ord("e"): lambda m: m.extend(m.since_mark()),
    ord(")"): lambda m: m.push(()),
    ord("t"): lambda m: m.push(tuple(m.since_mark())),
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    ord("}"): lambda m: m.push({}),
    ord("d"): lambda m: m.dict_of(m.since_mark()),
    ord("u"): lambda m: m.update(m.since_mark()),
    ord("s"): lambda m: m.update([m.pop(), m.pop()][::-1]),
    # Names, and what is done with them.
    ord("c"): lambda m: m.push(named(m.line(), m.line())),
    0x93: _Machine.name_on_stack,
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
}
