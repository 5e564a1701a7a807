"""`augment-dataset check`: ingest, scan and curate a folder without Prefect, TensorFlow or a workspace of its own."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel
from rich.table import Table

from datasets.errors import BadInput, Refused
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table, status_counts
from flows.initial_settings import dataset_name, source_at
from flows.output import console, waiting_told
from flows.settings import Settings, load_settings, validate
from flows.terminal import observer
from tasks.check_files import FINDINGS_CSV, Tallies, Tally, by_severity, keep_findings, keep_manifest
from tasks.findings import FINDINGS
from tasks.parallel import check_cluster
from tasks.preflight import check_not_inside, check_target, existing_parent
from tasks.progress import Progress
from tasks.report.build import CHECK_FLOW, build_report
from tasks.report.originals import Originals
from tasks.report.pictures import ORIGINAL_SIDE_PX
from tasks.run import Run
from tasks.stage import Place, Stage, StageResult
from tasks.stage_context import StageContext
from tasks.stage_process import run_in_child
from tasks.stages import CHECK
from tasks.survey import check_holds_images

ANY = "any"
REPORT_FILE = "report.html"
SETTINGS_ENDINGS = (".yaml", ".yml")


def check_images(
    location: str,
    kind: str,
    out: Path,
    fail_on: Sequence[str],
    workers: int | None,
    dask_address: str | None = None,
) -> None:
    """Write manifest, findings and report of the images at a location into `out`, and print counts with examples.

    A location that is a settings file stands for the source in it, checked with its limits.
    Raises BadInput for a place without images or an unknown finding, Refused where a `fail_on` finding is there.
    """
    _check_names(fail_on)
    asked = settings_for(location, kind, workers, dask_address)
    check_target("out", out)
    for path in asked.source.local_paths:
        check_not_inside("out", out, path)
    beside = existing_parent(out.resolve())  # on the same disk; `out` itself appears only with results in it
    with tempfile.TemporaryDirectory(prefix=".check-", dir=beside) as scratch, observer() as watching:
        check_holds_images(asked.source, Path(scratch))
        seen = [*(path.resolve() for path in asked.source.local_paths), Path(scratch)]
        check_cluster(asked.compute, seen, waiting_told())
        if sentence := asked.compute.shortage():
            console().print(sentence, soft_wrap=True)
        console().print(f"checking {location}", soft_wrap=True)
        settings = in_scratch(asked, Path(scratch))
        run = Run(
            flow=CHECK_FLOW, settings=settings, place=settings.place, observer=watching, runner=lambda stage: run_afresh
        )
        run.run_stages(CHECK)
        record = run.finish(None)
        out.mkdir(parents=True, exist_ok=True)
        curated = run.results["curate"].path
        keep_manifest(curated, out)
        found = keep_findings(curated, out)
        originals = Originals.of_run(run.results["ingest"].path, settings.place.shared, ORIGINAL_SIDE_PX)
        build_report(record, out / REPORT_FILE, originals)
    _show(found, status_counts(read_table(out / MANIFEST_FILE, ["status"])), out)
    _refuse(found, fail_on)


def settings_for(location: str, kind: str, workers: int | None, dask_address: str | None = None) -> Settings:
    """Those of a settings file, or default ones for a place. Raises BadInput."""
    if location.endswith(SETTINGS_ENDINGS) and Path(location).is_file():
        return load_settings(Path(location), {"compute.workers": workers, "compute.dask_address": dask_address})
    source = source_at(location, kind)
    compute = {"workers": workers or 0, "dask_address": dask_address}
    record = {"dataset": dataset_name(source), "source": source.model_dump(), "compute": compute}
    return validate(record, "check")


def in_scratch(settings: Settings, scratch: Path) -> Settings:
    """The same source and limits, with a workspace that is thrown away."""
    changes = {"workspace": scratch / "workspace", "published": scratch / "published"}
    return validate(settings.model_dump() | changes, "check")


def run_afresh(
    stage: Stage,
    settings: BaseModel,
    place: Place,
    inputs: Mapping[str, StageResult],
    progress: Progress,
    force: bool = False,
) -> StageResult:
    """Run a stage in a child process. Nothing is kept, so nothing has to be known of the code that made it."""
    out = place.shared / stage.name / CHECK_FLOW
    out.mkdir(parents=True)
    context = StageContext(
        dataset=place.dataset,
        seed=place.seed,
        inputs={name: inputs[name].path for name in stage.inputs},
        out=out,
        place=f"{stage.name}/{CHECK_FLOW}",
        shared=place.shared,
        published=place.published,
        recipe=CHECK_FLOW,
        compute=place.compute,
    )
    log = place.shared / "logs" / f"{stage.name}.log"
    summary, usage = run_in_child(stage.work, settings, context, log=log, progress=progress, timeout_s=stage.timeout_s)
    return StageResult(
        stage=stage.name, outcome="ran", why="first run", path=out, digest="", summary=summary, usage=usage
    )


def _check_names(fail_on: Sequence[str]) -> None:
    unknown = [name for name in fail_on if name not in (*FINDINGS, ANY)]
    if unknown:
        allowed = ", ".join(sorted(FINDINGS))
        raise BadInput(f"--fail-on {unknown[0]} is no finding; allowed are {ANY} and {allowed}")


def _show(found: Tallies, statuses: Mapping[str, int], out: Path) -> None:
    printer = console()
    printer.print(_table(found) if found else "No findings.")
    printer.print(", ".join(f"{count:,} {status}" for status, count in statuses.items() if count))
    for name in (MANIFEST_FILE, FINDINGS_FILE, FINDINGS_CSV, REPORT_FILE):
        printer.print(f"wrote {out / name}", soft_wrap=True)


def _table(found: Tallies) -> Table:
    """Counts with examples, one to a line; `report.html` says what each means."""
    table = Table(title="Findings", title_justify="left")
    for column in ("severity", "finding"):
        table.add_column(column, no_wrap=True)
    table.add_column("files", justify="right", no_wrap=True)
    table.add_column("for example", overflow="fold")
    before = None
    for severity, finding, tally in by_severity(found):
        if before not in (None, severity):
            table.add_section()
        table.add_row("" if severity == before else severity, finding, f"{tally.count:,}", _examples(tally))
        before = severity
    return table


def _examples(tally: Tally) -> str:
    more = [f"and {tally.count - len(tally.examples):,} more"] if tally.count > len(tally.examples) else []
    return "\n".join([*map(printable, tally.examples), *more])


def printable(name: str) -> str:
    """A file name for a terminal: what would move its cursor or change its colours is written as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in name)


def _refuse(found: Tallies, fail_on: Sequence[str]) -> None:
    hits: Counter[str] = Counter()
    for (severity, finding), tally in found.items():
        if finding in fail_on or (ANY in fail_on and severity == "reject"):
            hits[finding] += tally.count
    if hits:
        counted = ", ".join(f"{count} {name}" for name, count in sorted(hits.items()))
        raise Refused(f"--fail-on found {counted}")
