"""Which partitions there are at a source, and how far each of them is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from datasets.errors import BadInput
from datasets.sources.marked_places import names_at
from datasets.sources.settings import Location, is_url
from flows.partitions import MARK, is_partition, name_of, texts_in
from flows.settings import Settings, load_settings, read_yaml
from tasks.published_versions import synthetic_name
from tasks.publishing.opening import open_target
from tasks.publishing.target import latest_at
from tasks.run_history import PastRun, past_runs
from tasks.stages import FLOWS

State = Literal["missing", "done", "failed", "running"]
STATES: dict[str, State] = {  # by how the last run ended; see also _was_stopped
    "done": "done",
    "failed": "failed",
    "bad input": "failed",
    "refused": "failed",
    "running": "running",
}
LOOKED_AT_RUNS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionState:
    """One partition: its last published version and how its last run of a flow went, as far as there are any."""

    partition: str
    dataset: str
    state: State
    version: str | None = None
    verdict: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Names at the source: those of partitions, sorted, and others."""

    partitions: tuple[str, ...]
    others: tuple[str, ...]


def find_partitions(settings_file: Path) -> Found:
    """Those that any source of the settings has. Raises BadInput where there is no mark, or it cannot be listed."""
    record = read_yaml(settings_file)
    names: set[str] = set()
    marked = list(_marked_places(record.get("source"), settings_file.resolve().parent))
    if not marked:
        where = "in a path or pattern of source" if any(MARK in text for text in texts_in(record)) else "in source"
        raise BadInput(f'{settings_file}: there is no {MARK} {where}; write it, e.g. path: "incoming/{MARK}"')
    for place, options in marked:
        names.update(names_at(place, MARK, options))
    found = tuple(sorted(name for name in names if is_partition(name)))
    return Found(found, tuple(sorted(names - set(found))))


def check_names(settings: Sequence[Settings], others: Sequence[str]) -> None:
    """Raises BadInput where the partition of any of these settings would have the same data set as another one."""
    by_name = defaultdict(set)
    for partition in (*others, *(str(each.partition) for each in settings)):
        by_name[name_of("", partition)].add(partition)
    for each in settings:
        if len(same := by_name[name_of("", str(each.partition))]) > 1:
            raise BadInput(
                f"partitions {' and '.join(sorted(same))} would both be the data set {each.dataset}; "
                "rename one of them at the source"
            )


def state_of(settings: Settings, flow: str) -> PartitionState:
    """How far a flow has brought the partition of these settings, by what is published and what runs said."""
    assert settings.partition is not None
    last, name = _last_run(settings.place.shared, flow), _product(settings, flow)
    version = name and latest_at(open_target(settings.published, settings.publish.storage_options), name)
    if last is None:
        state: State = "done" if version else "missing"
    elif _was_stopped(last) or (last.verdict == "done" and name and not version):
        state = "missing"
    else:
        state = STATES.get(last.verdict, "missing")
    return PartitionState(
        partition=settings.partition,
        dataset=settings.dataset,
        state=state,
        version=version,
        verdict=last.verdict if last else None,
        message=last.message if last else "",
    )


def settings_of(settings_file: Path, partition: str, dataset: str | None) -> Settings:
    """The settings of one partition. Raises BadInput."""
    return load_settings(settings_file, {"partition": partition, "dataset": dataset})


def _marked_places(source: Any, base: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where the partitions of each source lie, with how it is opened; a pattern goes on behind the path."""
    if not isinstance(source, Mapping):
        return
    for inner in source.get("sources") or ():
        yield from _marked_places(inner, base)
    path, pattern = source.get("path"), source.get("pattern")
    if not isinstance(path, str):
        return
    place = TypeAdapter(Location).validate_python(path)
    place = place if is_url(place) else str(base / Path(place).expanduser()) + "/" * path.endswith("/")
    if MARK not in place and isinstance(pattern, str):
        place = f"{place.rstrip('/')}/{pattern}"
    if MARK in place:
        yield place, source.get("storage_options") or {}


def _last_run(shared: Path, flow: str) -> PastRun | None:
    try:
        runs = past_runs(shared, LOOKED_AT_RUNS)
    except BadInput:  # there was none
        return None
    return next((run for run in runs if run.flow == flow), None)


def _was_stopped(run: PastRun) -> bool:
    """Whether it is to go on. One on another machine ("unknown") may live; the lock then refuses this one."""
    return run.verdict in ("killed", "interrupted", "unknown") or run.message == "it was interrupted"


def _product(settings: Settings, flow: str) -> str | None:
    """The data set that the flow publishes at its end; None for one that publishes nothing."""
    made = [stage.name for stage in FLOWS[flow] if stage.section == "publish"]
    if not made:
        return None
    return synthetic_name(settings.dataset) if "publish_synthetic" in made else settings.dataset
