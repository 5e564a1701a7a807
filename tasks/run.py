"""One run: stages in order, what each did, and the record that is kept of it. Knows nothing of Prefect."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError, Refused, brief
from datasets.masking import masked
from tasks.digests import canonical_json
from tasks.progress import Progress
from tasks.run_position import ENDING, Position, position_path, write_position
from tasks.stage import Place, Stage, StageResult, run_stage

RUN_VERSION = 1
_KINDS = {"run": str, "flow": str, "dataset": str, "verdict": str, "message": str, "settings": dict, "stages": list}
_KINDS_OF_STAGE = {"name": str, "outcome": str, "why": str, "path": str, "digest": str, "usage": dict, "summary": dict}
RUN_NAME = re.compile(r"[\w.-]{1,100}")
_USED = ("wall_s", "cpu_s", "peak_rss_mib")
_COUNTED = ("images_in", "images_out")
_NAMED = ("outcome", "name", "version", "path", "folder")
POSITION_INTERVAL_S = 5.0
EXIT_CODES = {"done": 0, "failed": 1, "bad input": 2, "refused": 3}


class Observer(Protocol):
    """Who is told what a run does: a terminal, or a log."""

    def stage_started(self, stage: Stage) -> None: ...

    def progress(self, stage: Stage, done: int, total: int, **numbers: float | str) -> None: ...

    def stage_ended(self, stage: Stage, result: StageResult) -> None: ...

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None: ...


class SilentObserver:
    """Tells nobody."""

    def stage_started(self, stage: Stage) -> None:
        return

    def progress(self, stage: Stage, done: int, total: int, **numbers: float | str) -> None:
        return

    def stage_ended(self, stage: Stage, result: StageResult) -> None:
        return

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None:
        return


StageRunner = Callable[..., StageResult]


@dataclass
class Run:
    """A run in progress. `settings` has one attribute per section that stages name."""

    flow: str
    settings: BaseModel
    place: Place
    observer: Observer = field(default_factory=SilentObserver)
    force: frozenset[str] = frozenset()
    runner: Callable[[Stage], StageRunner] = lambda stage: run_stage
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    results: dict[str, StageResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.clock()
        self.at_stage: str | None = None
        self.name = free_run_name(self._runs, self.started)
        started_at = self.started.isoformat(timespec="seconds")
        self._position = Position(run=self.name, flow=self.flow, dataset=self.place.dataset, started_at=started_at)
        self._position_written_s = 0.0
        self._write_position()

    def run_stages(self, stages: Sequence[Stage]) -> None:
        """Run or skip each stage in turn. Raises what the first failing one raises."""
        for stage in stages:
            self.observer.stage_started(stage)
            self.at_stage = stage.name
            now = self.clock().isoformat(timespec="seconds")
            self._write_position(stage=stage.name, stage_started_at=now, done=0, total=0, numbers={})
            result = self.runner(stage)(
                stage,
                getattr(self.settings, stage.section),
                self.place,
                {name: self.results[name] for name in stage.inputs},
                progress=self._progress_of(stage),
                force=stage.name in self.force,
            )
            self.results[stage.name] = result
            self.observer.stage_ended(stage, result)

    def finish(self, error: BaseException | None) -> dict[str, Any]:
        """Write the record of the run, and return it. Where `error` is a full disk, there is no room for it either."""
        verdict = verdict_of(error)
        record = {
            "format_version": RUN_VERSION,
            "run": self.name,
            "flow": self.flow,
            "dataset": self.place.dataset,
            "started_at": self.started.isoformat(timespec="seconds"),
            "finished_at": self.clock().isoformat(timespec="seconds"),
            "verdict": verdict,
            "exit_code": EXIT_CODES[verdict],
            "message": message_of(error),
            "stopped_stage": self.at_stage if error else None,
            "settings": self.settings.model_dump(mode="json"),
            "stages": [stage_record(result) for result in self.results.values()],
        }
        with suppress(OSError) if error else nullcontext():
            write_text_atomically(self.record_path, canonical_json(record, indent=1) + "\n")
        position_path(self._runs, self.name).unlink(missing_ok=True)
        return record

    @property
    def record_path(self) -> Path:
        """Where the record is written."""
        return self._runs / f"{self.name}.json"

    @property
    def _runs(self) -> Path:
        return self.place.shared / "runs"

    @property
    def report_path(self) -> Path:
        """Where the report is written."""
        return self.record_path.with_suffix(".html")

    @property
    def report(self) -> Path | None:
        """The report; None before it is written, or where it could not be."""
        return self.report_path if self.report_path.is_file() else None

    def _progress_of(self, stage: Stage) -> Progress:
        def progress(done: int, total: int, **numbers: float | str) -> None:
            self.observer.progress(stage, done, total, **numbers)
            if time.monotonic() - self._position_written_s >= POSITION_INTERVAL_S:
                self._write_position(done=done, total=total, numbers=numbers)

        return progress

    def _write_position(self, **changes: Any) -> None:
        self._position = replace(self._position, **changes)
        self._position_written_s = time.monotonic()
        with suppress(OSError):  # a help for people: no run fails for want of it
            write_position(self._runs, self._position)


def message_of(error: BaseException | None) -> str:
    """Sentence of the record: empty after success. What is no Exception is Ctrl-C, or Prefect's word for SIGTERM."""
    if error is None:
        return ""
    return masked(str(error)) if isinstance(error, Exception) else "it was interrupted"


def verdict_of(error: BaseException | None) -> str:
    """Key of EXIT_CODES for how a run ended."""
    if error is None:
        return "done"
    if isinstance(error, BadInput):
        return "bad input"
    return "refused" if isinstance(error, Refused) else "failed"


def stage_record(result: StageResult) -> dict[str, Any]:
    """A stage's result as JSON."""
    return {
        "name": result.stage,
        "outcome": result.outcome,
        "why": result.why,
        "path": str(result.path),
        "digest": result.digest,
        "usage": asdict(result.usage),
        "summary": result.summary,
    }


def free_run_name(folder: Path, started: datetime) -> str:
    """Name by the time of the start, with a number behind it where there is one already."""
    folder.mkdir(parents=True, exist_ok=True)
    base = f"{started:%Y%m%dT%H%M%SZ}"
    names = [base, *(f"{base}-{number}" for number in range(2, 1000))]
    taken = {path.name for path in folder.iterdir()}
    return next(name for name in names if not taken & {f"{name}.json", f"{name}{ENDING}"})


def run_order(name: str) -> tuple[str, int]:
    """Sort key of names by `free_run_name`, oldest first."""
    base, _, number = name.partition("-")
    return base, int(number) if number.isdecimal() else 1


def read_run(path: Path) -> dict[str, Any]:
    """A run's record. Raises FormatError for a damaged file or another version."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = record["format_version"]
    except KeyError:
        version = None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise FormatError(f"{path} is not a readable run record ({brief(error)})") from None
    if version != RUN_VERSION:
        raise FormatError(f"{path}: run version {brief(version)}, this code reads {RUN_VERSION}")
    if fault := _fault_of(record):
        raise FormatError(f"{path} is not a readable run record ({fault})")
    return record


def _fault_of(record: Mapping[str, Any]) -> str | None:
    """What in it is of another kind than a run writes."""
    for name, kind in _KINDS.items():
        if not isinstance(record.get(name), kind):
            return f"its {name} is {brief(repr(record.get(name)))}"
    if not RUN_NAME.fullmatch(record["run"]):
        return f"its run is {brief(repr(record['run']))}"
    if not isinstance(record.get("stopped_stage", 0), str | None):
        return f"its stopped_stage is {brief(repr(record.get('stopped_stage')))}"
    for name in ("started_at", "finished_at"):
        try:
            datetime.fromisoformat(record[name])
        except (KeyError, TypeError, ValueError):
            return f"its {name} is {brief(repr(record.get(name)))}"
    return next((f"a stage of it is {brief(repr(entry))}" for entry in record["stages"] if not _is_stage(entry)), None)


def _is_stage(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    if not all(isinstance(entry.get(name), kind) for name, kind in _KINDS_OF_STAGE.items()):
        return False
    usage, summary = entry["usage"], entry["summary"]
    rejected, notes = summary.get("rejected") or {}, summary.get("notes") or []
    publishes = "version" in summary or entry["name"].startswith("publish")
    return (
        all(isinstance(usage.get(name), int | float) for name in _USED)
        and all(isinstance(summary.get(name), int | None) for name in _COUNTED)
        and all(isinstance(summary.get(name), str) for name in _NAMED if publishes)
        and isinstance(notes, list)
        and all(isinstance(note, str) for note in notes)
        and isinstance(rejected, dict)
        and all(isinstance(count, int) for count in rejected.values())
    )


def latest_run(shared: Path) -> Path:
    """The newest run's record. Raises BadInput where there is none."""
    runs = sorted((shared / "runs").glob("*.json"), key=lambda path: run_order(path.stem))
    if not runs:
        raise BadInput(f"{shared} holds no runs; run `augment-dataset run` first")
    return runs[-1]


def stages_by_name(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The stages of a run's record by their names."""
    return {stage["name"]: stage for stage in record["stages"]}
