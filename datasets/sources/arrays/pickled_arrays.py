"""What numpy and Python 2 need in a pickle to hold arrays and bytes, recognised without calling anything.

The names that a pickle may use are marks here, never the objects of those names.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_DIMENSIONS = 32
_MAX_TEXT = 1 << 12
_MAX_SHOWN = 60

_RECONSTRUCT, _NDARRAY, _DTYPE, _FROM_BUFFER, _ENCODE, _BYTES = range(6)
_KNOWN_NAMES = {
    ("_codecs", "encode"): _ENCODE,
    ("__builtin__", "bytes"): _BYTES,
    ("builtins", "bytes"): _BYTES,
    ("numpy", "dtype"): _DTYPE,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): _FROM_BUFFER,
}


class RefusedPickle(Exception):
    """Says what is wrong with a pickle, without the name of its file."""


class PickledName(NamedTuple):
    """Stands for what a pickle names."""

    mark: int
    text: str


class PickledArray:
    """An array of unsigned bytes; `values` is set once its content was seen."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: NDArray[np.uint8] | None = None


class PickledType:
    """Stands for the type uint8 of an array, the only one there is."""


def refusal(wanted: str) -> RefusedPickle:
    """The error for what is not read."""
    return RefusedPickle(f"the pickle asks for {wanted}; only arrays, bytes, dicts and lists are read")


def short_text(value: Any) -> str:
    """A name or key, also where Python 2 wrote it as bytes. Raises TypeError."""
    if type(value) not in (bytes, str) or len(value) > _MAX_TEXT:
        raise TypeError("no short text")
    return str(value, "latin-1") if type(value) is bytes else str(value)


def named(module: bytes | str, name: bytes | str) -> PickledName:
    """What stands for a name. Raises RefusedPickle for all but a few."""
    words = short_text(module), short_text(name)
    if words not in _KNOWN_NAMES:
        raise refusal(_shown(".".join(words)))
    return PickledName(_KNOWN_NAMES[words], ".".join(words))


def called(name: Any, arguments: Any) -> PickledArray | PickledType | bytes:
    """What a call in a pickle stands for: an array, the type uint8, or bytes. Raises RefusedPickle and others."""
    if not isinstance(name, PickledName) or type(arguments) is not tuple:
        raise refusal("a call of something that is no name")
    if name.mark == _ENCODE:
        return _encoded(*arguments)
    if name.mark == _DTYPE:
        return _uint8(arguments[0])
    if name.mark == _RECONSTRUCT and isinstance(arguments[0], PickledName) and arguments[0].mark == _NDARRAY:
        return PickledArray()
    if name.mark == _FROM_BUFFER:
        buffer, kind, shape, order = arguments
        return filled(PickledArray(), (1, shape, kind, short_text(order) == "F", buffer))
    if name.mark == _BYTES and arguments == ():
        return b""
    raise refusal(f"a call of {name.text}")


def filled(array: PickledArray, state: tuple[Any, ...]) -> PickledArray:
    """The array with its values, which are not copied; `state` as numpy writes it. Raises TypeError, ValueError."""
    import numpy as np

    _, shape, kind, is_fortran, content = state
    if not isinstance(kind, PickledType) or type(content) not in (bytes, bytearray) or type(shape) is not tuple:
        raise TypeError("not an array of unsigned bytes")
    if len(shape) > MAX_DIMENSIONS or not all(type(side) is int and 0 < side <= len(content) for side in shape):
        raise ValueError("no such shape")
    if math.prod(shape) != len(content):
        raise ValueError("not as many values as the shape says")
    array.values = np.frombuffer(content, np.uint8).reshape(shape, order="F" if is_fortran is True else "C")
    return array


def _encoded(text: Any, encoding: Any) -> bytes:
    """Bytes that were written as text."""
    if type(text) is not str or short_text(encoding) not in ("latin1", "latin-1"):
        raise refusal("text in another encoding than latin1")
    return text.encode("latin-1")


def _uint8(name: Any) -> PickledType:
    if short_text(name) not in ("u1", "|u1", "uint8"):
        raise RefusedPickle(
            f"the pickle holds an array of {_shown(short_text(name))}; only arrays of u1, unsigned bytes, are read"
        )
    return PickledType()


def _shown(text: str) -> str:
    """Safe to print, whatever it is."""
    return text.encode("unicode_escape").decode("ascii")[:_MAX_SHOWN]
