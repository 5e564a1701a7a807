"""The runs of a data set in the order of time: those with a record, and those that have none (yet)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasets.errors import BadInput, FormatError, brief
from tasks.differences import changed_leaves
from tasks.run import RUN_NAME, read_run, run_order, stages_by_name
from tasks.run_log import progress_line
from tasks.run_position import ENDING, Position, minutes_between, position_path, read_position


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One line of the history. `verdict` is that of the record, else one of running, killed, unknown and damaged.

    Unknown: it runs or ran on another machine.
    """

    run: str
    flow: str = ""
    started_at: str = ""
    minutes: float | None = None
    verdict: str
    stage: str | None = None  # in which it is, or stopped
    ran: int = 0
    skipped: int = 0
    published: tuple[str, ...] = ()  # versions that it made visible, e.g. `digits 1.0.0`
    message: str = ""


def past_runs(shared: Path, last: int) -> list[PastRun]:
    """The newest `last` runs, newest first. Raises BadInput where there was none."""
    runs = shared / "runs"
    names = sorted({path.stem for ending in (".json", ENDING) for path in runs.glob(f"*{ending}")}, key=run_order)
    if not names:
        raise BadInput(f"{shared} holds no runs; run `augment-dataset run` first")
    return [past_run(runs, name) for name in reversed(names[-last:])]


def past_run(runs: Path, name: str) -> PastRun:
    """What is known of one run."""
    position = read_position(position_path(runs, name))
    if position and not (runs / f"{name}.json").exists():
        return _unfinished(position)
    try:
        return _ended(read_run(runs / f"{name}.json"))
    except FormatError as error:
        return PastRun(run=name, verdict="damaged", message=str(error))


def run_named(shared: Path, name: str | None) -> PastRun:
    """The run of that name; None: the newest. Raises BadInput where there is none."""
    newest = past_runs(shared, 1)[0]
    if name is None:
        return newest
    if not RUN_NAME.fullmatch(name):
        raise BadInput(f"--run is {brief(repr(name))}, no name of a run; `augment-dataset runs` lists them")
    runs = shared / "runs"
    if not any((runs / f"{name}{ending}").exists() for ending in (".json", ENDING)):
        raise BadInput(f"{shared} holds no run {name}; `augment-dataset runs` lists them")
    return past_run(runs, name)


def record_of(shared: Path, name: str) -> Path:
    """The record of the run of that name. Raises BadInput where there is none, or not yet."""
    path = shared / "runs" / f"{run_named(shared, name).run}.json"
    if not path.exists():
        raise BadInput(f"run {name} has no record: it runs, or was killed; `augment-dataset status` says which")
    return path


def differences_of_runs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What differs between two records: settings, how stages went and what came out of them, as sentences."""
    found = [f"setting {leaf}" for leaf in changed_leaves(before["settings"], after["settings"])]
    if before["verdict"] != after["verdict"]:
        found.append(f"verdict {before['verdict']} → {after['verdict']}")
    return found + list(_stage_differences(stages_by_name(before), stages_by_name(after)))


def _stage_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        if name not in new or name not in old:
            yield f"{name}: only in the {'first' if name in old else 'second'}"
            continue
        if old[name]["digest"] == new[name]["digest"]:
            continue
        changes = changed_leaves(_counts(old[name]), _counts(new[name]))
        yield f"{name}: other output" + (f", {', '.join(changes)}" if changes else ", same counts")


def _counts(stage: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a stage's summary, and its verdict."""
    kept = (int, float, dict)
    return {key: value for key, value in stage["summary"].items() if isinstance(value, kept) or key == "verdict"}


def _unfinished(position: Position) -> PastRun:
    state = position.state()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return PastRun(
        run=position.run,
        flow=position.flow,
        started_at=position.started_at,
        minutes=minutes_between(position.started_at, now) if state == "running" else None,
        verdict=state,
        stage=position.stage,
        message=_where(position),
    )


def _where(position: Position) -> str:
    """How far its stage is, e.g. `train: 3200 of 80000, loss 0.69`; on another machine, which."""
    parts = [f"on {position.host}"] if position.state() == "unknown" else []
    if position.stage and position.total:
        parts.append(progress_line(position.stage, position.done, position.total, **position.numbers))
    return ", ".join(parts)


def _ended(record: Mapping[str, Any]) -> PastRun:
    outcomes = [stage["outcome"] for stage in record["stages"]]
    summaries = [stage["summary"] for stage in record["stages"] if stage["outcome"] != "skipped"]
    return PastRun(
        run=record["run"],
        flow=record["flow"],
        started_at=record["started_at"],
        minutes=minutes_between(record["started_at"], record["finished_at"]),
        verdict=record["verdict"],
        stage=record["stopped_stage"],
        ran=sum(outcome != "skipped" for outcome in outcomes),
        skipped=outcomes.count("skipped"),
        published=tuple(
            f"{made['name']} {made['version']}" for made in summaries if made.get("outcome") == "published"
        ),
        message=record["message"],
    )
