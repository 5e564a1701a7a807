"""What a run left on disk, opened tolerantly: whatever is missing is None, never an error."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets.errors import FormatError
from datasets.gate_file import GATE_FILE, Gate, read_gate
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table
from tasks.report.tables import stopped_stage

# The manifests of real images, the one that knows most first.
REAL_MANIFESTS = ("split", "curate", "scan", "ingest")
GATES = ("gate_data", "gate_synthetic")


@dataclass(frozen=True)
class Evidence:
    """A run's record, and the files that it points to."""

    record: Mapping[str, Any]

    @property
    def seed(self) -> int:
        """Seed of the run: samples are drawn with it."""
        return int(self.record["settings"].get("seed", 0))

    @cached_property
    def stages(self) -> dict[str, Mapping[str, Any]]:
        """The stages that ended well, by name."""
        return {stage["name"]: stage for stage in self.record["stages"]}

    @property
    def shared(self) -> Path | None:
        """The workspace folder of the data set, which packs are relative to."""
        if self.stages:
            return Path(next(iter(self.stages.values()))["path"]).parent.parent
        workspace = self.record["settings"].get("workspace")
        return Path(workspace) / self.record["dataset"] if workspace else None

    def folder(self, stage: str) -> Path | None:
        """The output of a stage; what it had written so far, where it was stopped."""
        if stage in self.stages:
            path = Path(self.stages[stage]["path"])
            return path if path.is_dir() else None
        return self._unfinished(stage) if stage == stopped_stage(self.record) else None

    def manifest(self, stage: str, columns: list[str]) -> pa.Table | None:
        """Columns of the manifest of a stage."""
        return self._table(stage, MANIFEST_FILE, columns)

    def real_manifest(self, columns: list[str]) -> pa.Table | None:
        """Columns of the manifest that knows most of the real images."""
        tables = (self.manifest(stage, columns) for stage in REAL_MANIFESTS)
        return next((table for table in tables if table is not None), None)

    def findings(self, columns: list[str]) -> pa.Table | None:
        """Columns of all that was found in the files."""
        tables = (self._table(stage, FINDINGS_FILE, columns) for stage in ("curate", "scan"))
        return next((table for table in tables if table is not None), None)

    def gates(self) -> list[Gate]:
        """The gates that were reached."""
        found = []
        for stage in GATES:
            folder = self.folder(stage)
            if folder and (folder / GATE_FILE).is_file():
                found.append(read_gate(folder))
        return found

    def training_events(self) -> list[dict[str, Any]]:
        """Lines of the training log; a line that was cut off is passed over."""
        folder = self.folder("train")
        log = folder / "training_log.jsonl" if folder else None
        return list(_json_lines(log)) if log and log.is_file() else []

    def _table(self, stage: str, file: str, columns: list[str]) -> pa.Table | None:
        folder = self.folder(stage)
        if folder is None or not (folder / file).is_file():
            return None
        try:
            return read_table(folder / file, columns)
        except FormatError:
            return None

    def _unfinished(self, stage: str) -> Path | None:
        found = list((self.shared / stage).glob("*.partial")) if self.shared else []
        return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event
