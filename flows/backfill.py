"""`augment-dataset backfill`: which partitions of a source a flow has to run for, and what came of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

from rich.table import Table

from datasets.errors import BadInput
from flows.output import console, print_json
from flows.partition_states import Found, PartitionState, check_names, find_partitions, settings_of, state_of
from tasks.run import EXIT_CODES
from tasks.stages import FLOWS

WIDTH = 110
SAID_WIDTH = 60
ORDERED = "ordered"
WORST_FIRST = ("failed", "bad input", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a call of the command asks for. `first` and `last` bound the names, both included."""

    settings_file: Path
    flow: str
    named: tuple[str, ...] = ()
    first: str | None = None
    last: str | None = None
    failed: bool = False
    dataset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A partition as it was, whether it is to run, and what came of it: a verdict, ORDERED, or nothing yet."""

    before: PartitionState
    chosen: bool
    outcome: str | None = None
    version: str | None = None
    said: str = ""

    def after(self, outcome: str, said: str, version: str | None) -> "Line":
        """It, after what came of it."""
        return replace(self, outcome=outcome, said=said, version=version)


RunOne = Callable[[Line], Line]


def planned(asked: Asked, known: Callable[[PartitionState], PartitionState]) -> tuple[list[Line], Found]:
    """Every partition within the bounds, and whether it is to run; and what there is at the source.

    `known` adds what is known of a partition beyond the workspace and what is published. Raises BadInput.
    """
    if asked.flow not in FLOWS:
        raise BadInput(f"--flow {asked.flow} is no flow; allowed are {', '.join(FLOWS)}")
    found = find_partitions(asked.settings_file)
    if unknown := sorted({*asked.named} - {*found.partitions}):
        raise BadInput(f"--partition {unknown[0]} is not at the source of {asked.settings_file}; {_there(found)}")
    within = [name for name in found.partitions if _is_within(name, asked)]
    if not within:
        raise BadInput(f"{asked.settings_file}: nothing at its source is within the bounds; {_there(found)}")
    settings = [settings_of(asked.settings_file, name, asked.dataset) for name in within]
    check_names(settings, found.partitions)
    states = [known(state_of(each, asked.flow)) for each in settings]
    return [Line(before=state, chosen=_is_chosen(state, asked)) for state in states], found


def carried_out(lines: Sequence[Line], run_one: RunOne, stop_on_failure: bool) -> Iterator[Line]:
    """Run what is chosen, one after the other. Gives each line when no more will come of it."""
    stopped = False
    for line in lines:
        done = run_one(line) if line.chosen and not stopped else line
        stopped = stopped or (stop_on_failure and exit_code([done]) != 0)
        yield done


def exit_code(lines: Sequence[Line]) -> int:
    """That of the worst: failed, then bad input, then refused."""
    outcomes = {line.outcome for line in lines}
    return next((EXIT_CODES[verdict] for verdict in WORST_FIRST if verdict in outcomes), 0)


def show(lines: Sequence[Line], found: Found, flow: str, as_json: bool) -> None:
    """Print what became, or would become, of each partition."""
    if as_json:
        print_json({"flow": flow, "partitions": [_record(line) for line in lines], "no_partitions": found.others})
        return
    out = console()
    table = Table(title=f"Partitions, {flow}", title_justify="left")
    for column in ("partition", "data set"):
        table.add_column(column, no_wrap=True)
    for column in ("before", "now", "version"):
        table.add_column(column)
    table.add_column("said", overflow="fold")
    for line in lines:
        before, said = line.before, shorten(line.said or line.before.message, SAID_WIDTH, placeholder="…")
        now = line.outcome or ("to run" if line.chosen else "")
        table.add_row(before.partition, before.dataset, _before(before), now, line.version or before.version, said)
    out.print(table, width=WIDTH)
    if found.others:
        out.print(f"No names of partitions (letters, digits, -, _ and .): {', '.join(map(repr, found.others))}")
    if again := sum(line.before.state == "failed" and not line.chosen for line in lines):
        out.print(f"{again} failed or refused earlier; --failed runs {'it' if again == 1 else 'them'} again")


def _is_within(name: str, asked: Asked) -> bool:
    if asked.named and name not in asked.named:
        return False
    return (asked.first is None or name >= asked.first) and (asked.last is None or name <= asked.last)


def _is_chosen(state: PartitionState, asked: Asked) -> bool:
    """What runs already is never started again; what is named is, whatever came of it before."""
    if state.state == "running":
        return False
    return bool(asked.named) or state.state == "missing" or (asked.failed and state.state == "failed")


def _there(found: Found) -> str:
    if not found.partitions:
        return "there are no partitions there"
    return f"there are {found.partitions[0]} to {found.partitions[-1]}, {len(found.partitions)} in all"


def _before(state: PartitionState) -> str:
    if state.state == "missing":
        return "missing" if state.verdict is None else f"missing ({state.verdict})"
    return state.verdict if state.state == "failed" and state.verdict else state.state


def _record(line: Line) -> dict[str, Any]:
    before = line.before
    return {
        "partition": before.partition,
        "dataset": before.dataset,
        "before": before.state,
        "last_verdict": before.verdict,
        "chosen": line.chosen,
        "outcome": line.outcome,
        "version": line.version or before.version,
        "said": line.said or before.message,
    }
