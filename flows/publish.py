"""`augment-dataset publish`: publishes what is prepared, or says what would be published, and why."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from rich.table import Table

from datasets.errors import BadInput, Refused
from flows.output import bar, console, mib, print_json
from flows.remote_published import refresh_published
from flows.settings import Settings
from tasks.publish import planned_publication
from tasks.published_versions import synthetic_name
from tasks.stage import Stage, StageResult, decide, run_stage, skipped, workspace_lock
from tasks.stages import PREPARE, SYNTHESIZE

WIDTH = 80
NEW, UNCHANGED, REFUSED, NOT_READY = "new", "unchanged", "refused", "not ready"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would come of publishing a data set. Sizes are of a new version only."""

    name: str
    outcome: str
    version: str = ""
    why: str = ""
    images: int = 0
    files: int = 0
    size_bytes: int = 0


def publish_prepared(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Publish real, then synthetic images, as far as they are prepared; a dry run only says what it would do.

    Raises BadInput where nothing is prepared, Refused where nothing could be published for a policy.
    """
    shared = settings.place.shared
    if not shared.is_dir():
        raise BadInput(
            f"nothing is prepared to be published ({shared} is not there); run `augment-dataset prepare` first"
        )
    refresh_published(settings, (*PREPARE, *SYNTHESIZE), dry_run)
    with workspace_lock(settings.place):
        found = list(_prospects(settings, dry_run))
    if as_json:
        print_json([asdict(prospect) for prospect in found])
    else:
        out = console()
        out.print(_table(found, settings, dry_run), width=WIDTH)
        for prospect in found:
            out.print(f"{prospect.name}: {prospect.why}", soft_wrap=True)
    _raise_if_nothing(found)


def _prospects(settings: Settings, dry_run: bool) -> Iterator[Prospect]:
    for name, stages in ((settings.dataset, PREPARE), (synthetic_name(settings.dataset), SYNTHESIZE)):
        try:
            yield _prospect(settings, name, stages, dry_run)
        except Refused as error:
            yield Prospect(name, REFUSED, why=str(error))


def _prospect(settings: Settings, name: str, stages: tuple[Stage, ...], dry_run: bool) -> Prospect:
    done: dict[str, StageResult] = {}
    *before, last = stages
    for stage in before:
        try:
            decision = decide(stage, getattr(settings, stage.section), settings.place, done)
        except BadInput as error:
            return Prospect(name, NOT_READY, why=str(error))
        if decision.done is None:
            return Prospect(name, NOT_READY, why=f"{stage.name} has to run first: {decision.why}")
        done[stage.name] = skipped(stage, decision)
    decision = decide(last, settings.publish, settings.place, done)
    planned = planned_publication(settings.publish, decision.context)
    version, why = planned.choice.version, "; ".join(planned.choice.why)
    if not planned.is_new:
        return Prospect(name, UNCHANGED, version, why, planned.images)
    if not dry_run:
        with bar(f"publishing {name}", "files") as progress:
            summary = run_stage(last, settings.publish, settings.place, done, progress, force=True).summary
        version = summary["version"]
    return Prospect(name, NEW, version, why, planned.images, planned.files, planned.size_bytes)


def _raise_if_nothing(found: list[Prospect]) -> None:
    outcomes = {prospect.outcome for prospect in found}
    if outcomes & {NEW, UNCHANGED}:
        return
    refused = next((prospect for prospect in found if prospect.outcome == REFUSED), None)
    if refused:
        raise Refused(refused.why)
    raise BadInput(f"nothing is prepared to be published ({found[0].why}); run `augment-dataset prepare` first")


def _table(found: list[Prospect], settings: Settings, dry_run: bool) -> Table:
    would = "What would be published" if dry_run else "What was published"
    table = Table(title=f"{would} to {settings.published}", title_justify="left")
    for name in ("data set", "outcome", "version"):
        table.add_column(name, overflow="fold")
    for name in ("images", "files", "MiB"):
        table.add_column(name, justify="right")
    for prospect in found:
        is_new = prospect.outcome == NEW
        sums = (str(prospect.files), mib(prospect.size_bytes)) if is_new else ("", "")
        images = str(prospect.images) if prospect.version else ""
        table.add_row(prospect.name, prospect.outcome, prospect.version, images, *sums)
    return table
