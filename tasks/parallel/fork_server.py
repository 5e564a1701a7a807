"""Processes that start in milliseconds: copies of one that has imported what they need, and has done nothing else.

That one has a single thread, so nothing can be held by a thread that is not copied.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import forkserver
from typing import Any

METHOD = "forkserver"
_is_open = False


def context() -> Any:
    """Of multiprocessing, to make such processes by."""
    return multiprocessing.get_context(METHOD)


@contextmanager
def fork_server(*modules: str) -> Iterator[None]:
    """Inside, processes start as copies of one that has imported these modules. Outside it is gone.

    Waiting for its end has the system count the time and memory of its copies as this process's. One inside another
    changes nothing.
    """
    global _is_open
    if _is_open:
        yield
        return
    context().set_forkserver_preload(list(modules))
    _is_open = True
    try:
        yield
    finally:
        _is_open = False
        forkserver._forkserver._stop()  # type: ignore[attr-defined]


def module_of(work: Callable[..., Any]) -> str:
    """Name of the module that a function, or the function of a partial, is written in."""
    while isinstance(work, partial):
        work = work.func
    return work.__module__
