"""Where commands print, and a bar for those that run no stages. Light: imports nothing of a run."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tasks.progress import Progress as OnProgress

LOG_WIDTH = 110


def console(to_error: bool = False) -> Console:
    """Colour and bars on a terminal; plain text of a fixed width elsewhere. Brackets in names are no markup."""
    stream = sys.stderr if to_error else sys.stdout
    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else LOG_WIDTH)


@contextmanager
def bar(doing: str, unit: str) -> Iterator[OnProgress]:
    """A progress callback that moves a bar on the terminal's error stream, and leaves nothing of it behind."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    out = console(to_error=True)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bars:
        task = bars.add_task(doing, total=None)

        def progress(done: int, total: int, **_: float | str) -> None:
            bars.update(task, completed=done, total=total or None)

        yield progress


def waiting_told() -> OnProgress:
    """A progress callback that says once, on the error stream, what is waited for."""
    told: set[str] = set()

    def progress(done: int, total: int, **numbers: float | str) -> None:
        what = str(numbers.get("waiting", ""))
        if what and what not in told:
            told.add(what)
            console(to_error=True).print(f"waiting {what}")

    return progress
