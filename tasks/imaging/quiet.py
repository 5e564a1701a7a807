"""Keeps the warnings of decoders inside, in every thread, whatever filters are set outside."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_local = threading.local()


class _Silence:
    """Warnings are silent while anyone is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved: warnings.catch_warnings | None = None

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("always")
                warnings.showwarning = _collect
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._saved is not None:
                self._saved.__exit__(None, None, None)
                self._saved = None


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Collect this thread's warnings as texts; none is shown or raised.

    `warnings.catch_warnings` swaps global state, so that two threads leaving in another order than they came
    would leave it changed for good: here the first to come saves it and the last to leave restores it.
    """
    texts: list[str] = []
    _SILENCE.enter()
    _local.texts = texts
    try:
        yield texts
    finally:
        _local.texts = None
        _SILENCE.leave()


def _collect(message: Warning | str, *_: Any, **__: Any) -> None:
    texts = getattr(_local, "texts", None)
    if texts is not None:
        texts.append(str(message))


_SILENCE = _Silence()
