"""Arrays on disk: one npz without pickles, with a JSON record and a digest over everything inside."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasets.atomic_file import atomic_file
from datasets.errors import FormatError

_RECORD = "__record__"
_DIGEST = "__sha256__"


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
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise FormatError(f"{path}: not a readable weights file ({error})") from error
    if not intact:
        raise FormatError(f"{path}: damaged: its content does not match its own SHA-256")
    return content, record


def _digest(content: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(content):
        array = np.ascontiguousarray(content[name])
        digest.update(json.dumps([name, str(array.dtype), array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
