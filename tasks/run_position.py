"""Where a run is: a small file beside the records of runs, from the start of a run until its record is written.

A run that was killed leaves it behind, so that it is known what was stopped, and where.
"""

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from datasets.atomic_file import write_text_atomically
from tasks.digests import canonical_json

POSITION_VERSION = 1
ENDING = ".unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A run that has no record yet. `total` 0: the stage has not said how much there is to do."""

    run: str
    flow: str
    dataset: str
    started_at: str
    stage: str | None = None
    stage_started_at: str | None = None
    done: int = 0
    total: int = 0
    numbers: dict[str, float | str] = field(default_factory=dict)
    host: str = field(default_factory=platform.node)
    pid: int = field(default_factory=os.getpid)
    process_started_s: float = field(default_factory=lambda: psutil.Process().create_time())

    def state(self) -> Literal["running", "killed", "unknown"]:
        """Whether its process lives; unknown where it ran on another machine."""
        if self.host != platform.node():
            return "unknown"
        try:
            same = abs(psutil.Process(self.pid).create_time() - self.process_started_s) < 1
        except psutil.NoSuchProcess:
            same = False
        return "running" if same else "killed"


def position_path(runs: Path, run: str) -> Path:
    """Where the position of a run is written; `runs` is the folder of records."""
    return runs / f"{run}{ENDING}"


def write_position(runs: Path, position: Position) -> None:
    """Write it so that readers see the old one or the new one."""
    record = {"format_version": POSITION_VERSION} | asdict(position)
    write_text_atomically(position_path(runs, position.run), canonical_json(record, indent=1) + "\n")


def read_position(path: Path) -> Position | None:
    """A position. None where the run wrote its record meanwhile, or the file is none of this version."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    if not isinstance(record, dict) or record.pop("format_version", None) != POSITION_VERSION:
        return None
    return Position(**record)


def minutes_between(started_at: str, ended_at: str) -> float:
    """Minutes from one time to another, both as ISO 8601."""
    return (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds() / 60
