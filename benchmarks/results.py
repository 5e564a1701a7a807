"""What a run of the benchmarks found, as a JSON file that is written anew after each: what is stopped is kept."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.machine import ROOT, Machine
from benchmarks.tables import Table
from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError, brief

RESULT_VERSION = 1
RESULTS = ROOT / "benchmarks" / "results"
State = Literal["running", "done", "failed", "stopped", "left out"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Record):
    """One benchmark. CPU time is that of its process and all that it started; the peak is of the largest of them.

    `reason`: why it was left out, or what it said last before it failed. Loads are averages over a minute.
    """

    name: str
    command: str = ""
    state: State
    reason: str = ""
    exit_code: int | None = None
    cpu_s: float | None = None
    wall_s: float | None = None
    peak_mib: float | None = None
    load_before: float | None = None
    load_after: float | None = None
    tables: tuple[Table, ...] = ()

    @property
    def load(self) -> float:
        """The mean of both; 0 where none is known."""
        known = [load for load in (self.load_before, self.load_after) if load is not None]
        return sum(known) / len(known) if known else 0.0


class Result(_Record):
    """A run of some benchmarks or all. Not `complete`: it was stopped, or goes on."""

    format_version: int = RESULT_VERSION
    started_at: str
    complete: bool = False
    is_long: bool = False
    machine: Machine
    versions: dict[str, str]
    commit: str = ""
    benchmarks: tuple[Measured, ...] = ()

    def with_benchmark(self, measured: Measured) -> "Result":
        """With one more, or in place of the one of that name."""
        others = [entry for entry in self.benchmarks if entry.name != measured.name]
        return self.model_copy(update={"benchmarks": (*others, measured)})

    def named(self) -> dict[str, Measured]:
        """Those that have figures, whether they came to their end or not."""
        return {entry.name: entry for entry in self.benchmarks if entry.state not in ("left out", "running")}


def write_result(result: Result, path: Path) -> None:
    """A reader sees the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, json.dumps(result.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n")


def read_result(path: Path) -> Result:
    """Raises FormatError for a file that cannot be read, is damaged or has another version."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version = record["format_version"]
        if version == RESULT_VERSION:
            return Result.model_validate(record)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); run `make bench`") from error
    except ValidationError as error:
        raise FormatError(f"{path}: damaged ({_first(error)}); delete it and run `make bench` again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: damaged ({brief(repr(error))}); delete it and run `make bench` again") from error
    raise FormatError(
        f"{path}: result version {brief(version)}, this code reads {RESULT_VERSION}; run `make bench` again"
    )


def _first(error: ValidationError) -> str:
    details: Any = error.errors()[0]
    return brief(f"{'.'.join(map(str, details['loc']))}: {details['msg']}")


def new_path(folder: Path, started: datetime) -> Path:
    """A free name by the time of the start."""
    base = f"{started:%Y%m%dT%H%M%SZ}"
    names = [base, *(f"{base}-{number}" for number in range(2, 100))]
    return next(path for name in names if not (path := folder / f"{name}.json").exists())


def last_two(folder: Path) -> Sequence[Path]:
    """The last result, and before it the last that finished a benchmark of it. Raises BadInput where there is none."""
    found = sorted(folder.glob("*.json"), key=lambda path: (path.stem.split("-")[0], len(path.stem), path.stem))
    if len(found) < 2:
        there = f"one result alone, {found[0].name}" if found else "no results"
        raise BadInput(f"{folder} holds {there}; run `make bench` {'once more' if found else 'twice'} to compare")
    names = read_result(found[-1]).named().keys()
    for path in reversed(found[:-1]):
        if any(entry.name in names and entry.state == "done" for entry in read_result(path).benchmarks):
            return path, found[-1]
    raise BadInput(
        f"no earlier result in {folder} has a finished benchmark of {found[-1].name}; run `make bench` once more"
    )
