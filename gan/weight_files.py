"""Arrays on disk: one npz without pickles, with a JSON record and a digest over everything inside."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from datasets.atomic_file import atomic_file
from datasets.errors import FormatError, brief

_RECORD = "__record__"
_DIGEST = "__sha256__"
UNREADABLE = (
    *(OSError, ValueError, KeyError, AttributeError, EOFError, MemoryError, RecursionError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError, TokenError, SyntaxError),
)  # what NumPy and the standard library raise where a file lies


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
    """Write named arrays and a JSON-able record; the file appears whole or not at all.

    Names must not start with two underscores.
    """
    text = np.frombuffer(json.dumps(record, sort_keys=True).encode(), dtype=np.uint8)
    content = {**arrays, _RECORD: text}
    digest = np.frombuffer(_digest(content).encode(), dtype=np.uint8)
    with atomic_file(path) as file:
        np.savez(file, allow_pickle=False, **content, **{_DIGEST: digest})


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the record that `write_arrays` wrote.

    Raises FormatError, naming the file, where it is missing, damaged or not ours.
    """
    try:
        # Opened here, since NumPy leaves a file of its own open where the content is no zip archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
        digest = content.pop(_DIGEST).tobytes().decode()
        intact = digest == _digest(content)
        record = json.loads(content.pop(_RECORD).tobytes())
    except UNREADABLE as error:
        raise FormatError(f"{path}: not a readable weights file ({brief(error)})") from error
    if not isinstance(record, dict):
        raise FormatError(f"{path}: not a readable weights file (its record is a JSON {type(record).__name__})")
    if not intact:
        raise FormatError(f"{path}: damaged: its content does not match its own SHA-256")
    return content, record


def _digest(content: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(content):
        array = np.ascontiguousarray(content[name])
        digest.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        digest.update(array.data)
    return digest.hexdigest()
