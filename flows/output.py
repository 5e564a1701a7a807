"""How commands print and ask, and a bar for those that run no stages. Light: imports nothing of a run."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from datasets.errors import BadInput
from tasks.progress import Progress as OnProgress

LOG_WIDTH = 110


def console(to_error: bool = False) -> Console:
    """Colour and bars on a terminal; plain text of a fixed width elsewhere. Brackets in names are no markup."""
    stream = sys.stderr if to_error else sys.stdout
    return Console(file=stream, highlight=False, markup=False, width=None if stream.isatty() else LOG_WIDTH)


def print_json(value: Any) -> None:
    """JSON for scripts, never wrapped."""
    console().print(json.dumps(value, indent=1, ensure_ascii=False), soft_wrap=True)


def mib(size_bytes: int) -> str:
    """A size in MiB, with one decimal."""
    return f"{size_bytes / 2**20:.1f}"


def ask(question: str) -> None:
    """Go on only after a yes. Raises BadInput where nobody can answer."""
    if not sys.stdin.isatty():
        raise BadInput(f"{question} Nobody is there to answer; add --yes to remove without asking")
    typer.confirm(question, abort=True)


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
