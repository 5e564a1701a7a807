"""`augment-dataset verify`: re-reads what was published, and names every damaged shard and record."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from flows.output import bar, console
from tasks.parallel import ComputeSettings
from tasks.verification.faults import Fault
from tasks.verify import Verdict, folders_at, verify


def verify_path(path: Path, *, limit: int, workers: int | None, as_json: bool) -> bool:
    """Print what is damaged at a path, as lines or as JSON; True where nothing is. Raises BadInput for a bad path."""
    folders, found = folders_at(path)
    with bar("verifying", "shards") as progress:
        verdicts = verify(folders, ComputeSettings(workers=workers or 0), progress, limit)
    out = console()
    if as_json:
        out.print(json.dumps(_record(found, verdicts), indent=1), soft_wrap=True)
    else:
        for line in lines(path, found, verdicts):
            out.print(line, soft_wrap=True)
    return not found and all(verdict.is_intact for verdict in verdicts)


def lines(path: Path, found: Sequence[Fault], verdicts: Sequence[Verdict]) -> Iterator[str]:
    """What there is to say, line by line."""
    for fault in found:
        yield f"{path}: {fault.sentence}"
    for verdict in verdicts:
        named = (
            "index.json cannot be read" if verdict.name is None else f"{verdict.name} {verdict.version or '(shards)'}"
        )
        yield (
            f"{verdict.folder}: {named}, {verdict.shards} shards, {verdict.records} records, "
            f"{verdict.size_bytes / 2**20:.1f} MiB: {_state(verdict)}"
        )
        for kind, shown in verdict.faults.first.items():
            yield from (f"  {fault.sentence}" for fault in shown)
            more = verdict.faults.counts[kind] - len(shown)
            if more:
                yield f"  and {more} more of this kind ({kind.value})"


def _state(verdict: Verdict) -> str:
    if verdict.is_intact:
        return "intact"
    counts = ", ".join(f"{count} {kind.value}" for kind, count in sorted(verdict.faults.counts.items()))
    return f"DAMAGED ({counts})"


def _record(found: Sequence[Fault], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "intact": not found and all(verdict.is_intact for verdict in verdicts),
        "faults": [_fault(fault) for fault in found],
        "versions": [
            {
                "folder": str(verdict.folder),
                "name": verdict.name,
                "version": verdict.version,
                "shards": verdict.shards,
                "records": verdict.records,
                "bytes": verdict.size_bytes,
                "intact": verdict.is_intact,
                "counts": {kind.value: count for kind, count in sorted(verdict.faults.counts.items())},
                "faults": [_fault(fault) for fault in verdict.faults],
            }
            for verdict in verdicts
        ],
    }


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind.value,
        "file": fault.file,
        "record": fault.record,
        "id": fault.id,
        "detail": fault.detail,
    }
