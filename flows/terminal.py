"""What a person sees in a terminal: bars while work runs, tables at the end. In a log, plain lines."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from datasets.gate_file import Gate
from flows.output import console
from tasks.report.evidence import Evidence
from tasks.report.tables import gate_rows, published_rows, stage_rows
from tasks.run import Observer
from tasks.run_log import LogObserver, ended_line
from tasks.stage import Stage, StageResult

BAR_AND_TIMES_WIDTH = 72
MIN_NUMBERS_WIDTH = 12
MIN_TITLE_WIDTH, REAL_WIDTH, OUTCOME_WIDTH = 20, 10, 10  # of the table of a gate, which fits into 80 columns
SHORT_LABELS = {
    "discriminator_loss": "D",
    "generator_loss": "G",
    "images_per_second": "images/s",
    "frechet_distance": "Fréchet",
}


class TerminalObserver:
    """A bar for the stage that runs, and one line for each that ended."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._bar: TaskID | None = None

    def stage_started(self, stage: Stage) -> None:
        """Show an empty bar."""
        self._bar = self._bars.add_task(stage.name, total=None, numbers=stage.title)

    def progress(self, stage: Stage, done: int, total: int, **numbers: float | str) -> None:
        """Move the bar."""
        assert self._bar is not None
        # The bar shows the time left itself.
        shown = " ".join(_labelled(key, value) for key, value in numbers.items() if key != "time_left") or stage.title
        shown = shown[: max(MIN_NUMBERS_WIDTH, self._bars.console.width - BAR_AND_TIMES_WIDTH)]
        self._bars.update(self._bar, completed=done, total=total or None, numbers=shown)

    def stage_ended(self, stage: Stage, result: StageResult) -> None:
        """Replace the bar by a line."""
        assert self._bar is not None
        self._bars.remove_task(self._bar)
        self._bars.console.print(ended_line(result))

    def run_ended(self, record: Mapping[str, Any], report: Path) -> None:
        """Show the tables."""
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        show_run(record, report, self._bars.console)


class PlainObserver(LogObserver):
    """Plain lines, and the tables at the end: for a command whose output goes to a file or a pipe."""

    def run_ended(self, record: Mapping[str, Any], report: Path) -> None:
        """Show the tables."""
        show_run(record, report, console())


@contextmanager
def observer() -> Iterator[Observer]:
    """Bars on a terminal, plain lines elsewhere."""
    out = console()
    if not out.is_terminal:
        logger = logging.getLogger("augment-dataset")
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.handlers = [_stdout_handler()]
        yield PlainObserver(logger)
        return
    columns = (
        TextColumn("{task.description:<17}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
    with Progress(*columns, console=out, transient=True) as bars:
        yield TerminalObserver(bars)


def _stdout_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    return handler


def show_run(record: Mapping[str, Any], report: Path, out: Console) -> None:
    """The tables at the end of a run: stages, gates, and where things are."""
    out.print()
    out.print(stage_table(record))
    for gate in Evidence(record).gates():
        out.print(gate_table(gate))
    for row in published_rows(record):
        out.print(f"{row.name} {row.version} ({row.outcome}): {row.path}", soft_wrap=True)
    out.print(f"report: {report}", soft_wrap=True)


def stage_table(record: Mapping[str, Any]) -> Table:
    """One row per stage, and the sums of what it cost."""
    table = Table(title="Stages", title_justify="left")
    table.add_column("stage", no_wrap=True)
    table.add_column("outcome")
    for column in ("in", "out"):
        table.add_column(column, justify="right")
    table.add_column("rejected here", overflow="fold")
    for column in ("seconds", "CPU s", "MiB"):
        table.add_column(column, justify="right")
    rows = stage_rows(record)
    for row in rows:
        table.add_row(
            row.name,
            row.outcome,
            "" if row.images_in is None else str(row.images_in),
            "" if row.images_out is None else str(row.images_out),
            ", ".join(f"{count} {reason}" for reason, count in row.reasons),
            _decimal(row.wall_s, 1),
            _decimal(row.cpu_s, 1),
            _decimal(row.peak_rss_mib, 0),
        )
    table.add_section()
    costs = [sum(getattr(row, name) or 0.0 for row in rows) for name in ("wall_s", "cpu_s")]
    table.add_row("all", "", "", "", "", *(_decimal(cost, 1) for cost in costs), "")
    return table


def gate_table(gate: Gate) -> Table:
    """One row per metric: value, limit, and what real images reach against real images."""
    what = "real" if gate.gate == "data" else gate.gate
    title = f"Gate of the {what} data: {gate.verdict}, decided on {gate.decided_on}"
    table = Table(title=title, title_justify="left")
    table.add_column("metric", min_width=MIN_TITLE_WIDTH, overflow="fold")
    for column in ("value", "limit"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("real against real", justify="right", max_width=REAL_WIDTH)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("outcome", max_width=OUTCOME_WIDTH)
    for row in gate_rows(gate):
        table.add_row(row.title, row.value, row.limit, row.floor, row.n, row.outcome)
    return table


def _labelled(key: str, value: float | str) -> str:
    return f"{SHORT_LABELS.get(key, key)} {value if isinstance(value, str) else f'{value:.3g}'}"


def _decimal(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"
