"""Ends a process whose native code does not come back, from the kernel: it needs no interpreter lock.

Only a process that may be lost is ended, that is one which runs inside `expendable`: a Dask worker whose nanny starts
it again, or a process made for one item. Everywhere else, `time_limit` does nothing.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_deadlines: dict[object, float] = {}


@contextmanager
def expendable() -> Iterator[None]:
    """Inside, time limits end this process; what it was working on is somebody else's to do again."""
    global _inside
    with _lock:
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1


@contextmanager
def time_limit(limit_s: float) -> Iterator[None]:
    """Inside, an expendable process gets SIGALRM, which ends it, after so many seconds of wall time.

    Limits may lie inside one another and in several threads: the earliest counts. Nothing happens in a process that is
    not expendable, or that handles SIGALRM itself.
    """
    if not _inside or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return
    mark = object()
    _set(mark, time.monotonic() + limit_s)
    try:
        yield
    finally:
        _set(mark, None)


def _set(mark: object, deadline: float | None) -> None:
    """Add or remove a deadline, and have the kernel's one timer run to the earliest."""
    with _lock:
        if deadline is None:
            del _deadlines[mark]
        else:
            _deadlines[mark] = deadline
        earliest = min(_deadlines.values(), default=None)
        # A timer of 0 would be none at all.
        left_s = 0.0 if earliest is None else max(earliest - time.monotonic(), 1e-6)
        signal.setitimer(signal.ITIMER_REAL, left_s)
