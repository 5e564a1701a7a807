"""What a run would do: which stages would run, why, and about how long they would take and how much disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from datasets.errors import BadInput
from flows.output import console
from flows.settings import Settings
from tasks.estimate import Volume, disk_bytes, seconds
from tasks.imaging.operations.costs import cost_s
from tasks.published_versions import latest_or_refuse
from tasks.run import latest_run, read_run, stages_by_name
from tasks.stage import Stage, StageResult, decide, skipped
from tasks.survey import Survey

SKIP, RUN, MAYBE = "skip", "run", "run if needed"
DECODED_TIMES = 4  # pixels of a decoded image for one of a prepared image: a guess, since no file was opened yet


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage that would be skipped, or would run, or whose need shows only after an earlier one."""

    stage: Stage
    action: str
    why: str
    seconds: float


def plan(settings: Settings, stages: Sequence[Stage], found: Survey) -> list[PlannedStage]:
    """Decide each stage as far as that is possible without running any."""
    volume, last = volume_of(settings, stages, found), _last_stages(settings)
    done: dict[str, StageResult] = {}
    planned: list[PlannedStage] = []
    for stage in stages:
        pending = [earlier.stage.name for earlier in planned if earlier.action != SKIP]
        action, why = _decided(stage, settings, done, pending)
        planned.append(PlannedStage(stage, action, why, 0.0 if action == SKIP else seconds(stage.name, volume, last)))
    return planned


def show_plan(settings: Settings, stages: Sequence[Stage], found: Survey) -> None:
    """Print the plan as a table, with sums; `found` is what the sources hold."""
    planned = plan(settings, stages, found)
    table = Table(title=f"What a run of {settings.dataset} would do", title_justify="left")
    for column in ("stage", "would", "because"):
        table.add_column(column)
    table.add_column("about, s", justify="right")
    for entry in planned:
        table.add_row(entry.stage.name, entry.action, entry.why, f"{entry.seconds:.0f}" if entry.seconds else "")
    out = console()
    out.print(table)
    if any(entry.action != SKIP for entry in planned):
        needed = disk_bytes(
            volume_of(settings, stages, found), [entry.stage.name for entry in planned if entry.seconds]
        )
        total_s = sum(entry.seconds for entry in planned)
        out.print(f"In all about {total_s / 60:.1f} minutes and {needed / 2**20:.0f} MiB of disk. Nothing was done.")
    else:
        out.print("Everything is up to date. Nothing was done.")
    if found.unfetched:
        out.print(f"Not counted, because it is still to be fetched: {', '.join(found.unfetched)}.")


def volume_of(settings: Settings, stages: Sequence[Stage], found: Survey) -> Volume:
    """How much there is to do, from what the sources hold, or from the published version without one."""
    if any(stage.name == "ingest" for stage in stages):
        images, classes = found.members, len(found.labels)
    else:
        index = latest_or_refuse(settings.place.published / settings.dataset).index
        images, classes = index.records("train"), len(index.features.class_names or ())
    scan, shape = settings.scan, settings.scan.resize
    values = shape.width_px * shape.height_px * scan.channels
    return Volume(
        images=images,
        variants_per_image=settings.augment.copies_per_image,
        synthetic_images=settings.generate.most_images(images, classes),
        training_images_seen=settings.train.budget_images,
        values_per_image=values,
        encoding=scan.encoding,
        operations_s=cost_s(scan.before_resize, DECODED_TIMES * values) + cost_s(scan.after_resize, values),
    )


def _decided(stage: Stage, settings: Settings, done: dict[str, StageResult], pending: Sequence[str]) -> tuple[str, str]:
    waits_for = [name for name in stage.inputs if name in pending]
    if "publish_data" in pending and not waits_for:
        waits_for = ["publish_data"]  # what is learned from is what was published
    if waits_for:
        return MAYBE, f"depends on what {' and '.join(waits_for)} gives"
    decision = decide(stage, getattr(settings, stage.section), settings.place, done)
    if decision.done is None:
        return RUN, decision.why
    done[stage.name] = skipped(stage, decision)
    return SKIP, decision.why


def _last_stages(settings: Settings) -> Mapping[str, Mapping[str, Any]]:
    try:
        return stages_by_name(read_run(latest_run(settings.place.shared)))
    except BadInput:
        return {}
