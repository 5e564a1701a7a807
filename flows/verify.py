"""`augment-dataset verify`: re-reads what was published, and names every damaged shard and record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets.sources.settings import check_nameable
from datasets.tfds_layout import LATEST_FILE
from flows.output import bar, console, print_json
from tasks.parallel import ComputeSettings
from tasks.progress import silent
from tasks.publishing.fetched import version_folder
from tasks.publishing.places import DataSetPlace, data_set_at
from tasks.publishing.target import is_remote
from tasks.verification.faults import Fault, FaultKind
from tasks.verify import Verdict, folders_at, verify


def verify_path(
    path: str, *, limit: int, workers: int | None, as_json: bool, storage_options: Mapping[str, Any] | None = None
) -> bool:
    """Print what is damaged at a folder or URL, as lines or as JSON; True where nothing is.

    Raises BadInput for a bad path.
    """
    compute = ComputeSettings(workers=workers or 0)
    if is_remote(path):
        found, verdicts = _verify_url(path, compute, limit, storage_options)
    else:
        check_nameable(Path(path))
        folders, found = folders_at(Path(path))
        with bar("verifying", "shards") as progress:
            verdicts = verify(folders, compute, progress, limit)
    out = console()
    if as_json:
        print_json(_record(found, verdicts))
    else:
        for line in lines(path, found, verdicts):
            out.print(line, soft_wrap=True)
    return not found and all(verdict.is_intact for verdict in verdicts)


def verdict_of(place: DataSetPlace, version: str, compute: ComputeSettings, limit: int) -> Verdict:
    """Read all of one version; of one at a URL, a temporary copy. Raises PlaceFailed where it cannot be fetched."""
    with bar(f"fetching {version}", "files") as progress, version_folder(place, version, progress=progress) as folder:
        (verdict,) = verify([folder], compute, silent, limit)
    return replace(verdict, folder=f"{place.target.shown}/{place.name}/{version}")


def _verify_url(
    url: str, compute: ComputeSettings, limit: int, storage_options: Mapping[str, Any] | None
) -> tuple[list[Fault], list[Verdict]]:
    """One version after the other, so that the disk has to hold only one."""
    place = data_set_at(url, storage_options)
    if place.version or url.rstrip("/").endswith(f"/{LATEST_FILE}"):
        return [], [verdict_of(place, place.one_version(), compute, limit)]
    verdicts = [verdict_of(place, version, compute, limit) for version in (*place.versions(), *place.unfinished())]
    return list(_faults_of_latest(place)), verdicts


def _faults_of_latest(place: DataSetPlace) -> Iterator[Fault]:
    latest, there = place.latest(), place.versions()
    if latest is None:
        yield Fault(FaultKind.MISSING_FILE, LATEST_FILE, "it is missing, so that readers find no version")
    elif latest not in there:
        sentence = f"it names {latest[:40]!r}, but there are versions {', '.join(there) or 'none'}"
        yield Fault(FaultKind.CHANGED_FILE, LATEST_FILE, sentence)


def lines(path: str, found: Sequence[Fault], verdicts: Sequence[Verdict]) -> Iterator[str]:
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
