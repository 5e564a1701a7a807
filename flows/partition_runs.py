"""Runs a flow for one partition after another in this process, whatever becomes of each."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from datasets.errors import BadInput
from flows.backfill import Asked, Line, RunOne
from flows.local_server import LocalServer
from flows.partition_states import settings_of, state_of
from flows.partitions import take_ownership
from flows.prefect_environment import set_environment
from flows.preflight import preflight
from flows.remote_published import refresh_published
from flows.settings import Settings
from flows.terminal import observer
from tasks.interruption import interruption_in
from tasks.report.build import build_report
from tasks.run import Observer, Run, SilentObserver, message_of, verdict_of
from tasks.run_log import report_told
from tasks.stage import Stage, StageResult, workspace_lock
from tasks.stages import FLOWS


class OneLine:
    """An observer that says how a run ended in one line, since there are many."""

    def __init__(self, inner: Observer, say: Callable[[str], None]) -> None:
        self._inner = inner
        self._say = say

    def stage_started(self, stage: Stage) -> None:
        """Pass it on."""
        self._inner.stage_started(stage)

    def progress(self, stage: Stage, done: int, total: int, **numbers: float | str) -> None:
        """Pass it on."""
        self._inner.progress(stage, done, total, **numbers)

    def stage_ended(self, stage: Stage, result: StageResult) -> None:
        """Pass it on."""
        self._inner.stage_ended(stage, result)

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None:
        """Instead of tables."""
        self._say(f"{record['dataset']}: {record['verdict']}; {report_told(report)}")


@contextmanager
def runs_here(asked: Asked, say: Callable[[str], None] | None) -> Iterator[RunOne]:
    """Within it, a function that runs the flow for a partition; None instead of `say`: silently."""
    set_environment(terminal=True)
    server = LocalServer()  # while Prefect is imported, which takes as long
    from flows import pipelines

    flow: Callable[..., Any] = getattr(pipelines, asked.flow.replace("-", "_"))
    options = {"settings_file": str(asked.settings_file), "dataset": asked.dataset}

    def run_one(line: Line) -> Line:
        settings = settings_of(asked.settings_file, line.before.partition, asked.dataset)
        if say:
            say(f"partition {settings.partition}")
        with observer() if say else nullcontext(SilentObserver()) as watching:
            pipelines.OBSERVER.set(OneLine(watching, say) if say else watching)
            try:
                checked(settings, asked.flow, say)
                flow(**options, partition=settings.partition)
            except Exception as error:  # of any kind: it is this partition's, and others go on
                if interrupted := interruption_in(error):
                    raise interrupted from None
                return _ended(line, settings, asked.flow, verdict_of(error), message_of(error))
            finally:
                pipelines.OBSERVER.set(None)
        return _ended(line, settings, asked.flow, "done", "")

    with pipelines.connected(server):
        yield run_one


def checked(settings: Settings, flow: str, say: Callable[[str], None] | None = None) -> None:
    """Raise BadInput for what cannot work. That is kept as a run, so that it is not tried anew with every call."""
    try:
        refresh_published(settings, FLOWS[flow])
        preflight(settings, FLOWS[flow], say)
    except BadInput as error:
        if not error.may_pass:
            _keep_record(settings, flow, error)
        raise


def _keep_record(settings: Settings, flow: str, error: BadInput) -> None:
    with workspace_lock(settings.place):
        take_ownership(settings.place.shared, settings.partition)
        run = Run(flow=flow, settings=settings, place=settings.place)
        build_report(run.finish(error), run.report_path)


def _ended(line: Line, settings: Settings, flow: str, verdict: str, said: str) -> Line:
    return line.after(verdict, said, state_of(settings, flow).version)
