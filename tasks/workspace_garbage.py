"""What of a workspace nothing needs any more: outputs of old settings, what dead runs left, packs that nobody reads.

Needed is, for every stage, the output that each of the last runs with that stage used; an interrupted training to go
on with; and the packs that the kept outputs of `scan` point into. Sources, state, splits, published versions and their
mirror, and the records of runs are never garbage.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table
from tasks.done_file import DONE_FILE
from tasks.progress import Progress, silent
from tasks.run import read_run, run_order
from tasks.run_position import ENDING, read_position
from tasks.stage import Stage
from tasks.stages import FLOWS

PARTIAL = ".partial"
STAGES: dict[str, Stage] = {stage.name: stage for stages in FLOWS.values() for stage in stages}


@dataclass(frozen=True, slots=True)
class Garbage:
    """A folder or file that can go."""

    path: Path
    size_bytes: int
    why: str


def find_garbage(shared: Path, keep_runs: int) -> list[Garbage]:
    """What can go, if the outputs of the last `keep_runs` runs of every stage stay. Takes the lock of nobody.

    Raises BadInput where no run has ended yet, and FormatError for a record that cannot be read: without the records
    nobody knows what is needed.
    """
    used = _used_outputs(shared, keep_runs)
    found = [entry for stage in STAGES.values() for entry in _of_stage(shared / stage.name, stage, used[stage.name])]
    found += _packs(shared, used["scan"])
    found += _dead_positions(shared)
    return found


def remove(garbage: Iterable[Garbage], progress: Progress = silent) -> None:
    """Remove it. A folder loses its DONE first, so that half of it is never taken for an output."""
    garbage = list(garbage)
    for number, entry in enumerate(garbage):
        if entry.path.is_dir():
            (entry.path / DONE_FILE).unlink(missing_ok=True)
            shutil.rmtree(entry.path)
        else:
            entry.path.unlink(missing_ok=True)
        progress(number + 1, len(garbage))


def _used_outputs(shared: Path, keep_runs: int) -> dict[str, set[str]]:
    """Names of folders by stage."""
    records = sorted((shared / "runs").glob("*.json"), key=lambda path: run_order(path.stem), reverse=True)
    if not records:
        raise BadInput(f"{shared} holds no run that has ended, so nobody knows what is needed; nothing can go")
    used: dict[str, set[str]] = defaultdict(set)
    runs: dict[str, int] = defaultdict(int)
    for path in records:
        for stage in read_run(path)["stages"]:
            if runs[stage["name"]] < keep_runs:
                runs[stage["name"]] += 1
                used[stage["name"]].add(Path(stage["path"]).name)
    return used


def _of_stage(folder: Path, stage: Stage, used: set[str]) -> Iterator[Garbage]:
    if not folder.is_dir():
        return
    outputs = sorted(path for path in folder.iterdir() if path.is_dir())
    partial = [path for path in outputs if path.name.endswith(PARTIAL)]
    newest = max(partial, key=lambda path: path.stat().st_mtime_ns, default=None)
    for path in outputs:
        if path in partial:
            if not (stage.resumable and path == newest):
                yield _garbage(path, "a run that ended early left it")
        elif path.name not in used:
            yield _garbage(path, f"none of the last runs used this output of {stage.name}")


def _packs(shared: Path, kept_scans: set[str]) -> Iterator[Garbage]:
    """Recipes of the pixel store that no kept output of scan points into."""
    needed = {name for scan in kept_scans for name in _recipes_of(shared / "scan" / scan / MANIFEST_FILE)}
    for path in sorted((shared / "pixels").glob("*")):
        if path.is_dir() and path.name not in needed:
            yield _garbage(path, "images prepared by settings that none of the last runs used")


def _recipes_of(manifest: Path) -> set[str]:
    if not manifest.exists():  # removed earlier: the next run scans again
        return set()
    places = pc.unique(read_table(manifest, ["pack"])["pack"]).to_pylist()
    return {Path(place).parent.name for place in places if place}


def _dead_positions(shared: Path) -> Iterator[Garbage]:
    """Positions of runs that were killed, of which a later run has a record."""
    runs = shared / "runs"
    newest = max((run_order(path.stem) for path in runs.glob("*.json")), default=run_order(""))
    for path in sorted(runs.glob(f"*{ENDING}")):
        position = read_position(path)
        if run_order(path.stem) < newest and not (position and position.state() == "running"):
            yield _garbage(path, "where a run was when it was killed")


def _garbage(path: Path, why: str) -> Garbage:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return Garbage(path, sum(file.stat().st_size for file in files), why)
