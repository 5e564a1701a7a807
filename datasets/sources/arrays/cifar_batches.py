"""The content of one CIFAR file: pixels and labels of a batch, or names of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from datasets.errors import BadInput
from datasets.sources.arrays.pickled_arrays import PickledArray
from datasets.sources.arrays.restricted_pickle import load_pickle

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIXEL_BYTES = 3 * 32 * 32
_MAX_NAMES = 1_000
_MAX_NAME_LENGTH = 200


class Batch(NamedTuple):
    """`pixels`: uint8 [N, 3072], each row 1024 red values, then green, then blue, row by row; N labels."""

    pixels: NDArray[np.uint8]
    labels: Sequence[int]


def python_batch(payload: bytes, place: str, labels_of: str) -> Batch:
    """A batch of the python version; `place` begins messages. Raises BadInput for damaged and hostile ones."""
    content = _dict(payload, place)
    data, labels = content.get("data"), content.get("labels", content.get(f"{labels_of}_labels"))
    pixels = data.values if isinstance(data, PickledArray) else None
    if pixels is None or pixels.ndim != 2 or pixels.shape[1] != PIXEL_BYTES:
        raise BadInput(f"{place}: no array of {PIXEL_BYTES} bytes per image under the key data; fetch it again")
    if type(labels) is not list or not all(type(label) is int for label in labels):
        raise BadInput(f"{place}: no list of labels under the key labels or {labels_of}_labels; fetch it again")
    if len(labels) != len(pixels):
        raise BadInput(f"{place}: {len(pixels)} images, but {len(labels)} labels; fetch it again")
    return Batch(pixels, labels)


def binary_batch(payload: bytes, place: str, label_bytes: int, labels_of: str) -> Batch:
    """A batch of the binary version: records of 1 label (CIFAR-10) or a coarse and a fine one, then the pixels."""
    import numpy as np

    record_bytes = label_bytes + PIXEL_BYTES
    if not payload or len(payload) % record_bytes:
        raise BadInput(
            f"{place}: {len(payload)} bytes, not whole records of {record_bytes}; it is cut off, fetch it again"
        )
    records = np.frombuffer(payload, np.uint8).reshape(-1, record_bytes)
    labels = records[:, 0 if labels_of == "coarse" else label_bytes - 1]
    return Batch(records[:, label_bytes:], labels.tolist())


def names_of_pickle(payload: bytes, place: str, labels_of: str) -> Sequence[str]:
    """Class names of the python version. Raises BadInput."""
    content = _dict(payload, place)
    names = content.get("label_names", content.get(f"{labels_of}_label_names"))
    if type(names) is not list or not all(type(name) in (bytes, str) for name in names):
        raise BadInput(
            f"{place}: no list of names under the key label_names or {labels_of}_label_names; fetch it again"
        )
    return _checked(names, place)


def names_of_lines(payload: bytes, place: str) -> Sequence[str]:
    """Class names of the binary version, one per line. Raises BadInput."""
    return _checked([line.strip() for line in payload.splitlines() if line.strip()], place)


def _dict(payload: bytes, place: str) -> dict[str, Any]:
    content = load_pickle(payload, place)
    if type(content) is not dict:
        raise BadInput(f"{place}: a pickle without the dict that CIFAR's files are; fetch it again")
    return content


def _checked(names: Sequence[bytes | str], place: str) -> Sequence[str]:
    """The names as text. Lengths come first: a small pickle can hold a long name many times."""
    if not 0 < len(names) <= _MAX_NAMES or any(len(name) > _MAX_NAME_LENGTH for name in names):
        raise BadInput(f"{place}: {len(names)} names of classes, or very long ones; fetch it again")
    texts = [str(name, "utf-8", "replace") if isinstance(name, bytes) else name for name in names]
    if len(set(texts)) < len(texts):
        raise BadInput(f"{place}: a class name stands twice in it; fetch it again")
    return texts
