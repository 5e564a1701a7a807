"""How fast a run is, and how long it will take."""

import time
from collections.abc import Sequence

import numpy as np

_WARM_UP_STEPS = 5  # compilation, and memory that is asked for the first time
_TIMED_STEPS = 20


class Stopwatch:
    """Wall time of a run over all its calls, and the speed of this call's steps after the first few."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before_s = 0.0
        self._steps = 0
        self._warm_at: float | None = None
        self.estimate_text = ""

    @property
    def seconds(self) -> float:
        """Since the run began, without the pauses between calls."""
        return self._before_s + time.monotonic() - self._started

    @property
    def steps_per_second(self) -> float:
        """Of this call, evaluations and checkpoints included."""
        if self._warm_at is None:
            return self._steps / max(time.monotonic() - self._started, 1e-9)
        return (self._steps - _WARM_UP_STEPS) / max(time.monotonic() - self._warm_at, 1e-9)

    def add(self, seconds: float) -> None:
        """What earlier calls took."""
        self._before_s = seconds

    def step_done(self, results: Sequence[object]) -> bool:
        """Count a step; True once, when enough of them were timed. Waits for the last of `results` then."""
        self._steps += 1
        if self._steps == _WARM_UP_STEPS:
            np.asarray(results[-1])
            self._warm_at = time.monotonic()
        if self._steps != _WARM_UP_STEPS + _TIMED_STEPS:
            return False
        np.asarray(results[-1])
        return True

    def estimate(self, steps_left: int) -> None:
        """Say how long so many steps take at the speed so far."""
        minutes = steps_left / self.steps_per_second / 60
        self.estimate_text = f", about {minutes:.1f} minutes" if minutes >= 1 else f", about {60 * minutes:.0f} seconds"
