"""What a person sees in a terminal: bars while work runs, tables at the end. In a log, plain lines."""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from datasets.gate_file import Gate
from flows.output import console, print_json
from tasks.findings import FINDINGS
from tasks.gate_rows import gate_rows
from tasks.report.evidence import Evidence
from tasks.report.tables import published_rows, stage_rows
from tasks.run import Observer, SilentObserver
from tasks.run_log import LogObserver, ended_line, report_told
from tasks.stage import Stage, StageResult

BAR_AND_TIMES_WIDTH = 80
MIN_NUMBERS_WIDTH = 12
MIN_TITLE_WIDTH, REAL_WIDTH, OUTCOME_WIDTH = 20, 10, 10  # of the table of a gate, which fits into 80 columns
TOLD_BY_BAR = ("time_left", "images_per_second")
SHORT_LABELS = {
    "discriminator_loss": "D",
    "generator_loss": "G",
    "frechet_distance": "Fréchet",
}


class RateColumn(ProgressColumn):
    """How many are done in a second, e.g. `340/s`; nothing before that is known."""

    def render(self, task: Task) -> Text:
        """The column's text."""
        return Text(
            "" if task.speed is None else f"{task.speed:,.3g}/s" if task.speed < 1000 else f"{task.speed:,.0f}/s"
        )


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
        shown = (
            " ".join(_labelled(key, value) for key, value in numbers.items() if key not in TOLD_BY_BAR) or stage.title
        )
        shown = shown[: max(MIN_NUMBERS_WIDTH, self._bars.console.width - BAR_AND_TIMES_WIDTH)]
        self._bars.update(self._bar, completed=done, total=total or None, numbers=shown)

    def stage_ended(self, stage: Stage, result: StageResult) -> None:
        """Replace the bar by a line."""
        assert self._bar is not None
        self._bars.remove_task(self._bar)
        self._bars.console.print(ended_line(result))

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None:
        """Show the tables."""
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        show_run(record, report, self._bars.console)


class PlainObserver(LogObserver):
    """Plain lines, and the tables at the end: for a command whose output goes to a file or a pipe."""

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None:
        """Show the tables."""
        show_run(record, report, console())


class JsonObserver(SilentObserver):
    """The record of the run and where its report is, for scripts."""

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None:
        """Print both as one object."""
        print_json({**record, "report": str(report) if report else None})


@contextmanager
def observer(quiet: bool = False, as_json: bool = False) -> Iterator[Observer]:
    """Bars on a terminal, plain lines elsewhere; nothing, or the record at the end, where that is asked for."""
    out = console()
    if quiet or as_json:
        yield JsonObserver() if as_json else SilentObserver()
        return
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
        RateColumn(),
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


def show_run(record: Mapping[str, Any], report: Path | None, out: Console) -> None:
    """The tables at the end of a run: stages, rejected files, gates, and where things are. All fit into 80 columns."""
    tables = [stage_table(record), rejected_table(record), *map(gate_table, Evidence(record).gates())]
    for table in filter(None, tables):
        out.print()
        out.print(table)
    out.print()
    for stage in stage_rows(record):
        for note in stage.notes:
            out.print(f"{stage.name}: {note}", soft_wrap=True, markup=False)
    for row in published_rows(record):
        out.print(f"{row.name} {row.version} ({row.outcome}): {row.path}", soft_wrap=True)
    out.print(report_told(report), soft_wrap=True)


def stage_table(record: Mapping[str, Any]) -> Table:
    """One row per stage, and the sums of what it cost."""
    table = _table("Stages")
    table.add_column("stage", no_wrap=True)
    table.add_column("outcome")
    for column in ("in", "out", "rejected", "seconds", "CPU s", "MiB"):
        table.add_column(column, justify="right", no_wrap=True)
    rows = stage_rows(record)
    for row in rows:
        table.add_row(
            row.name,
            row.outcome,
            "" if row.images_in is None else str(row.images_in),
            "" if row.images_out is None else str(row.images_out),
            str(sum(count for _, count in row.reasons) or ""),
            _decimal(row.wall_s, 1),
            _decimal(row.cpu_s, 1),
            _decimal(row.peak_rss_mib, 0),
        )
    table.add_section()
    costs = [sum(getattr(row, name) or 0.0 for row in rows) for name in ("wall_s", "cpu_s")]
    table.add_row("all", "", "", "", "", *(_decimal(cost, 1) for cost in costs), "")
    return table


def rejected_table(record: Mapping[str, Any]) -> Table | None:
    """One row per reason for which a stage rejected files, with what it means; None where all are used."""
    table = _table("Rejected")
    table.add_column("stage", no_wrap=True)
    table.add_column("reason", no_wrap=True)
    table.add_column("files", justify="right", no_wrap=True)
    table.add_column("meaning", overflow="fold")
    for row in stage_rows(record):
        for reason, count in row.reasons:
            table.add_row(row.name, reason, str(count), FINDINGS.get(reason, ""))
    return table if table.row_count else None


def gate_table(gate: Gate) -> Table:
    """One row per metric: value, limit, and what real images reach against real images."""
    what = "real" if gate.gate == "data" else gate.gate
    title = f"Gate of the {what} data: {gate.verdict}, decided on {gate.decided_on}"
    table = _table(title)
    table.add_column("metric", min_width=MIN_TITLE_WIDTH, overflow="fold")
    for column in ("value", "limit"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("real against real", justify="right", max_width=REAL_WIDTH)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("outcome", max_width=OUTCOME_WIDTH)
    for row in gate_rows(gate):
        table.add_row(row.title, row.value, row.limit, row.floor, row.n, row.outcome)
    return table


def _table(title: str) -> Table:
    """Without lines between columns, so that eight of them fit."""
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)


def _labelled(key: str, value: float | str) -> str:
    return f"{SHORT_LABELS.get(key, key)} {value if isinstance(value, str) else f'{value:.3g}'}"


def _decimal(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"
