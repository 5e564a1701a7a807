"""Tells a run's course to a logger, in plain lines: for schedules, workers and files."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tasks.stage import Stage, StageResult

LINE_INTERVAL_S = 15.0
Logger = logging.Logger | logging.LoggerAdapter


class LogObserver:
    """One line when a stage starts, a line now and then, one when it ended."""

    def __init__(self, logger: Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._last_line_s = 0.0

    def stage_started(self, stage: Stage) -> None:
        """Note the time, so that short stages have no lines between."""
        self._last_line_s = self._clock()

    def progress(self, stage: Stage, done: int, total: int, **numbers: float | str) -> None:
        """At most a line in 15 seconds."""
        if self._clock() - self._last_line_s >= LINE_INTERVAL_S:
            self._last_line_s = self._clock()
            self._logger.info(progress_line(stage.name, done, total, **numbers))

    def stage_ended(self, stage: Stage, result: StageResult) -> None:
        """What it did, and how long it took."""
        self._logger.info(ended_line(result))

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None:
        """How it ended, and where the report is."""
        self._logger.info("run %s: %s; %s", record["run"], record["verdict"], report_told(report))


def report_told(report: Path | None) -> str:
    """Where the report is, or that there is none."""
    return f"report: {report}" if report else "no report was written"


def progress_line(name: str, done: int, total: int, **numbers: float | str) -> str:
    """E.g. `train: 3200 of 80000, loss 0.69`."""
    shown = ", ".join(f"{key} {_short(value)}" for key, value in numbers.items())
    return f"{name}: {done} of {total}" + (f", {shown}" if shown else "")


def ended_line(result: StageResult) -> str:
    """E.g. `scan: ran in 3.1 s (first run): 1804 images, 1801 kept`."""
    images_in, images_out = result.summary.get("images_in", 0), result.summary.get("images_out", 0)
    counts = f"{images_in} in, {images_out} out"
    if result.outcome == "skipped":
        return f"{result.stage}: skipped, {result.why} ({counts})"
    return f"{result.stage}: {result.outcome} in {result.usage.wall_s:.1f} s, because: {result.why} ({counts})"


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
