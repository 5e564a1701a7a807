"""Commands on runs: what there was, how one goes or went, what differs between two, what they left behind."""

from dataclasses import asdict
from pathlib import Path
from textwrap import shorten

from rich.table import Table

from datasets.errors import BadInput
from flows.output import ask, bar, console, mib, print_json
from flows.terminal import show_run
from tasks.run import EXIT_CODES, read_run
from tasks.run_history import PastRun, differences_of_runs, past_runs, run_named
from tasks.stage import Place, workspace_lock
from tasks.workspace_garbage import find_garbage, remove

WIDTH = 110
SAID_WIDTH = 90  # of a message in the table; `status` shows all of it
UNFINISHED = {"running": 0, "unknown": 0, "killed": 1, "damaged": 1}  # exit codes of runs without a record


def list_runs(shared: Path, last: int, as_json: bool) -> None:
    """Print the newest runs of a data set, newest first. Raises BadInput where there was none."""
    found = past_runs(shared, last)
    if as_json:
        print_json([asdict(run) for run in found])
        return
    console().print(_table(shared, found), width=WIDTH)


def show_status(shared: Path, name: str | None, as_json: bool) -> int:
    """Print how a run went or goes, and give its exit code. Raises BadInput where there is no such run."""
    run = run_named(shared, name)
    record_path = shared / "runs" / f"{run.run}.json"
    if as_json:
        print_json(asdict(run))
    elif run.verdict in UNFINISHED:
        console().print(_sentence(run), soft_wrap=True)
    else:
        out = console()
        out.print(_sentence(run), soft_wrap=True)
        report = record_path.with_suffix(".html")
        show_run(read_run(record_path), report if report.is_file() else None, out)
    return UNFINISHED.get(run.verdict, EXIT_CODES.get(run.verdict, 1))


def diff_runs(before: Path, after: Path, as_json: bool) -> None:
    """Print what differs between two runs. Raises FormatError for a file that is no record of a run."""
    old, new = read_run(before), read_run(after)
    found = differences_of_runs(old, new)
    if as_json:
        print_json({"before": old["run"], "after": new["run"], "differences": found})
        return
    out = console()
    out.print(f"{old['run']} → {new['run']}" + ("" if found else ": the same"), soft_wrap=True)
    for sentence in found:
        out.print(sentence, soft_wrap=True)


def collect_garbage(place: Place, keep_runs: int, dry_run: bool, yes: bool) -> None:
    """Remove what no run needs, after asking. Raises BadInput for no workspace, or while a run holds it."""
    if not place.shared.is_dir():
        raise BadInput(f"{place.shared} holds no runs; run `augment-dataset run` first")
    out = console()
    with workspace_lock(place):
        found = find_garbage(place.shared, keep_runs)
        for entry in found:
            path = entry.path.relative_to(place.shared).as_posix()
            out.print(f"{path}: {mib(entry.size_bytes)} MiB, {entry.why}", soft_wrap=True)
        if not found or dry_run:
            out.print("Nothing was removed.")
            return
        size = mib(sum(entry.size_bytes for entry in found))
        if not yes:
            ask(f"Remove {len(found)} folders and files, {size} MiB, for good?")
        with bar("removing", "entries") as progress:
            remove(found, progress)
    out.print(f"{len(found)} folders and files were removed, {size} MiB.")


def _table(shared: Path, found: list[PastRun]) -> Table:
    table = Table(title=f"Runs in {shared}", title_justify="left")
    for name in ("run", "flow"):
        table.add_column(name, no_wrap=True)
    table.add_column("minutes", justify="right")
    table.add_column("verdict")
    for name in ("ran", "skipped"):
        table.add_column(name, justify="right")
    table.add_column("published, or what is said", overflow="fold")
    for run in found:
        minutes = "" if run.minutes is None else f"{run.minutes:.1f}"
        verdict = f"{run.verdict} in {run.stage}" if run.stage else run.verdict
        said = ", ".join(run.published) or shorten(run.message, SAID_WIDTH, placeholder="…")
        table.add_row(run.run, run.flow, minutes, verdict, str(run.ran), str(run.skipped), said)
    return table


def _sentence(run: PastRun) -> str:
    """E.g. `20260102T030405Z (prepare-dataset) is running in scan after 3.1 minutes: scan: 200 of 800`."""
    is_or_was = {"running": "is running", "killed": "was killed", "unknown": "has no record"}
    said = is_or_was.get(run.verdict, f"ended: {run.verdict}")
    where = f" in {run.stage}" if run.stage else ""
    how_long = "" if run.minutes is None else f" after {run.minutes:.1f} minutes"
    what = f"{run.run} ({run.flow})" if run.flow else run.run
    return f"{what} {said}{where}{how_long}" + (f": {run.message}" if run.message else "")
