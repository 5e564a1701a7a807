"""Progress callbacks, and a throttle for tight loops."""

import time
from collections.abc import Callable

from gan.progress import Progress, silent

__all__ = ["Progress", "at_most_every", "silent"]


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
