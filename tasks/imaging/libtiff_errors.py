"""What libtiff says of a file while Pillow decodes it. By itself it prints to standard error and goes on.

Pillow's own copy of the library is asked to tell us instead. Where there is none to be found (another build of
Pillow), nothing changes: files are judged by Pillow alone.
"""

import ctypes
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import PIL

_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_PLACES = re.compile(r"%[-0-9.*]*(?:l|ll|h|z|I64)?[a-zA-Z]")
_local = threading.local()


@contextmanager
def libtiff_errors() -> Iterator[list[str]]:
    """Collects this thread's errors of libtiff, as texts with the numbers left out."""
    texts: list[str] = []
    _install()
    _local.texts = texts
    try:
        yield texts
    finally:
        _local.texts = None


def _tell(module: bytes | None, text: bytes | None, _arguments: Any) -> None:
    texts = getattr(_local, "texts", None)
    if texts is not None and len(texts) < 100:
        texts.append(_PLACES.sub("…", (text or b"").decode("latin-1")))


_TELL = _Handler(_tell)


@lru_cache(maxsize=1)
def _install() -> bool:
    """Set the handler once in a process; whether it could be."""
    folder = Path(PIL.__file__).parent.parent / "pillow.libs"
    for path in sorted(folder.glob("libtiff-*.so*")):
        try:
            library = ctypes.CDLL(str(path))
            library.TIFFSetErrorHandler.restype = ctypes.c_void_p
            library.TIFFSetErrorHandler(_TELL)
        except (OSError, AttributeError):
            continue
        return True
    return False
