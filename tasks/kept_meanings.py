"""What is known of source files by their bytes, kept from process to process, where Python keeps compiled code.

Reading the meaning of every module again takes as long as importing them all, and they change seldom.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path

from datasets.atomic_file import write_text_atomically

Meaning = tuple[str, list[str]]
MOST_ENTRIES = 4_000


class KeptMeanings:
    """Answers of a function of a source file's bytes. A file of them that is damaged or cannot be written is no loss.

    `read` must be a function of its argument and of the code of its module, which the answers are kept for.
    """

    def __init__(self, read: Callable[[bytes], Meaning]) -> None:
        self._read = read
        self._file = Path(cache_from_source(read.__code__.co_filename)).with_suffix(".json")
        self._known: dict[str, Meaning] | None = None
        self._is_new = False

    def of(self, source: bytes) -> Meaning:
        """The function's answer for a source file."""
        if self._known is None:
            self._known = self._kept()
        key = hashlib.sha256(source).hexdigest()
        if key not in self._known:
            self._known[key] = self._read(source)
            self._is_new = True
        return self._known[key]

    def keep(self) -> None:
        """Write down what is new."""
        if not self._is_new or self._known is None or sys.dont_write_bytecode:
            return
        entries = dict(list(self._known.items())[-MOST_ENTRIES:])
        text = json.dumps({"made_by": self._made_by(), "entries": entries}, separators=(",", ":"))
        try:
            self._file.parent.mkdir(exist_ok=True)
            write_text_atomically(self._file, text)
        except OSError:
            return  # a project that may not be written in
        self._is_new = False

    def _kept(self) -> dict[str, Meaning]:
        try:
            kept = json.loads(self._file.read_bytes())
            if kept["made_by"] == self._made_by():
                return {key: (digest, names) for key, (digest, names) in kept["entries"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # none kept, or damaged: read again from the sources
        return {}

    def _made_by(self) -> list[str]:
        """Other code, or another Python, may see another meaning."""
        code = Path(self._read.__code__.co_filename).read_bytes()
        return [hashlib.sha256(code).hexdigest(), sys.version]
