"""How long work says how far it is: one small callback, and a throttle for tight loops."""

import time
from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Called as `progress(done, total, loss=0.7)`; `total` 0 means unknown."""

    def __call__(self, done: int, total: int, **numbers: float | str) -> None: ...


def silent(done: int, total: int, **numbers: float | str) -> None:
    """A progress callback that says nothing."""


def at_most_every(interval_s: float, progress: Progress, clock: Callable[[], float] = time.monotonic) -> Progress:
    """The same callback, called at most once in `interval_s` seconds; the last step always passes."""
    last_s = -interval_s

    def throttled(done: int, total: int, **numbers: float | str) -> None:
        nonlocal last_s
        now_s = clock()
        if now_s - last_s >= interval_s or (total and done >= total):
            last_s = now_s
            progress(done, total, **numbers)

    return throttled
