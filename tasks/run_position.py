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

from datasets.atomic_file import write_text_atomically
from tasks.digests import canonical_json

POSITION_VERSION = 2
_START_TIME = 19  # 22nd field of /proc/PID/stat, of which the first two are before; see proc(5)
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
    process: str = field(default_factory=lambda: process_identity(os.getpid()))

    def state(self) -> Literal["running", "killed", "unknown"]:
        """Whether its process lives; unknown where it ran on another machine."""
        if self.host != platform.node():
            return "unknown"
        found = process_identity(self.pid)
        return "running" if found and found == self.process else "killed"


def process_identity(pid: int) -> str:
    """Text that no other process of this machine has, whatever its clock does; "" where there is no such process."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return ""
    since_boot = about.rpartition(")")[2].split()[_START_TIME]  # behind the name, which may hold anything
    return f"{boot.strip()}/{since_boot}"


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
        if record.pop("format_version") == POSITION_VERSION:
            return Position(**record)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # gone, or other JSON than a position
    return None


def minutes_between(started_at: str, ended_at: str) -> float:
    """Minutes from one time to another, both as ISO 8601."""
    return (datetime.fromisoformat(ended_at) - datetime.fromisoformat(started_at)).total_seconds() / 60
