"""`augment-dataset check`: ingest, scan and curate a folder without Prefect, TensorFlow or a workspace of its own."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.table import Table

from datasets.errors import BadInput, PlaceFailed, Refused
from datasets.manifest import MANIFEST_FILE, read_table, status_counts
from flows.command_app import ignore, say
from flows.initial_settings import dataset_name, source_at
from flows.output import console, print_json, waiting_told
from flows.settings import Settings, load_settings, overrides_of, validate
from flows.terminal import observer
from tasks.check_files import (
    FILES,
    REPORT_FILE,
    Tallies,
    Tally,
    by_severity,
    check_replaceable,
    keep_findings,
    keep_manifest,
    put_in_place,
)
from tasks.findings import FINDINGS
from tasks.parallel import check_cluster
from tasks.preflight import check_not_inside, check_target, existing_parent
from tasks.progress import Progress
from tasks.report.build import CHECK_FLOW, build_report
from tasks.report.originals import Originals
from tasks.report.pictures import ORIGINAL_SIDE_PX
from tasks.run import Observer, Run, StageRunner
from tasks.stage import Place, Stage, StageResult
from tasks.stage_context import StageContext
from tasks.stage_process import run_in_child
from tasks.stages import CHECK
from tasks.survey import check_holds_images
from tasks.visible_text import visible

ANY = "any"
AUTO = "auto"  # no --kind
SETTINGS_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found: findings by severity and name, how many images have each status, and the run's record."""

    found: Tallies
    statuses: Mapping[str, int]
    record: Mapping[str, Any]

    @property
    def by_severity(self) -> list[tuple[str, str, Tally]]:
        """Severity, finding and tally, the worst first."""
        return by_severity(self.found)

    def as_record(self) -> dict[str, Any]:
        """Images by status, and each finding with its number of files and examples, as plain values."""
        found = [
            {"severity": severity, "finding": finding, "files": tally.count, "examples": tally.examples}
            for severity, finding, tally in self.by_severity
        ]
        return {"images": dict(self.statuses), "findings": found}

    @property
    def counts(self) -> str:
        """E.g. `9 kept, 3 rejected`."""
        return ", ".join(f"{count:,} {status}" for status, count in self.statuses.items() if count)


def check_images(
    location: str,
    kind: str,
    out: Path,
    fail_on: Sequence[str],
    workers: int | None,
    dask_address: str | None = None,
    partition: str | None = None,
    quiet: bool = False,
    as_json: bool = False,
) -> None:
    """Check what is at a location, as `check_location` does, and print counts with examples, JSON or nothing.

    A location that is a settings file stands for the source in it, checked with its limits.
    Raises Refused where a `fail_on` finding is there, else what `check_location` raises.
    """
    check_names(fail_on)
    asked = settings_for(location, kind, workers, dask_address, partition)

    with observer(quiet, as_json) as watching:
        checked = check_location(location, asked, out, watching, ignore if quiet or as_json else say)
    if as_json:
        print_json({**checked.as_record(), "out": str(out), "report": str(out / REPORT_FILE)})
    elif not quiet:
        _show(checked, out)
    refuse(checked.found, fail_on)


def check_location(
    location: str,
    asked: Settings,
    out: Path,
    watching: Observer,
    say: Callable[[str], None],
    runner: Callable[[Stage], StageRunner] = lambda stage: run_afresh,
) -> Checked:
    """Write manifest, findings and report of the images at a location into `out`.

    Raises BadInput for a place without images, PlaceFailed where there is no room.
    """
    check_target("out", out)
    check_replaceable(out)
    for path in asked.source.local_paths:
        check_not_inside("out", out, path)
    beside = existing_parent(out.resolve())  # on the same disk; `out` itself appears only with results in it
    try:
        folder = tempfile.TemporaryDirectory(prefix=".check-", dir=beside)
    except OSError as error:
        raise BadInput(f"out {out} cannot be written ({error.strerror}); choose another folder") from None
    with folder as scratch:
        check_holds_images(asked.source, Path(scratch))
        seen = [path.resolve() for path in asked.source.local_paths]
        seen += [] if asked.compute.exchange else [Path(scratch)]
        if dashboard := check_cluster(asked.compute, seen, waiting_told()):
            say(dashboard)
        if sentence := asked.compute.shortage():
            say(sentence)
        say(f"checking {location}")
        settings = in_scratch(asked, Path(scratch))
        run = Run(flow=CHECK_FLOW, settings=settings, place=settings.place, observer=watching, runner=runner)
        run.run_stages(CHECK)
        record = run.finish(None)
        made = Path(scratch) / "made"
        made.mkdir()
        curated = run.results["curate"].path
        keep_manifest(curated, made)
        found = keep_findings(curated, made)
        originals = Originals.of_run(run.results["ingest"].path, settings.place.shared, ORIGINAL_SIDE_PX)
        if not build_report(record, made / REPORT_FILE, originals):
            raise PlaceFailed(f"the report could not be written; {out} is as it was; free the disk, then check again")
        put_in_place(made, out)
    return Checked(found=found, statuses=status_counts(read_table(out / MANIFEST_FILE, ["status"])), record=record)


def settings_for(
    location: str, kind: str, workers: int | None, dask_address: str | None = None, partition: str | None = None
) -> Settings:
    """Those of a settings file, or default ones for a place. Raises BadInput."""
    if location.endswith(SETTINGS_ENDINGS) and Path(location).is_file():
        if kind != AUTO:
            raise BadInput(f"--kind is for a place of images, and {location} is a settings file; leave --kind out")
        options = {"workers": workers, "dask_address": dask_address, "partition": partition}
        return load_settings(Path(location), overrides_of(options))
    if partition is not None:
        raise BadInput(f"--partition is for a settings file, and {location} is none; give the partition's own place")
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
    shutil.rmtree(out, ignore_errors=True)  # an earlier attempt, whose process was killed
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


def check_names(fail_on: Sequence[str]) -> None:
    """Raises BadInput for a name that is no finding."""
    unknown = [name for name in fail_on if name not in (*FINDINGS, ANY)]
    if unknown:
        allowed = ", ".join(sorted(FINDINGS))
        raise BadInput(f"--fail-on {unknown[0]} is no finding; allowed are {ANY} and {allowed}")


def _show(checked: Checked, out: Path) -> None:
    printer = console()
    printer.print(_table(checked) if checked.found else "No findings.")
    printer.print(checked.counts)
    for name in FILES:
        printer.print(f"wrote {out / name}", soft_wrap=True)


def line_of(severity: str, finding: str, tally: Tally) -> str:
    """A finding as a line of a log, e.g. `reject truncated: 3 files, for example b/cut.png`."""
    files = "file" if tally.count == 1 else "files"
    return f"{severity} {finding}: {tally.count:,} {files}, for example {', '.join(map(visible, tally.examples))}"


def _table(checked: Checked) -> Table:
    """Counts with examples, one to a line; `report.html` says what each means."""
    table = Table(title="Findings", title_justify="left")
    for column in ("severity", "finding"):
        table.add_column(column, no_wrap=True)
    table.add_column("files", justify="right", no_wrap=True)
    table.add_column("for example", overflow="fold")
    before = None
    for severity, finding, tally in checked.by_severity:
        if before not in (None, severity):
            table.add_section()
        table.add_row("" if severity == before else severity, finding, f"{tally.count:,}", _examples(tally))
        before = severity
    return table


def _examples(tally: Tally) -> str:
    more = [f"and {tally.count - len(tally.examples):,} more"] if tally.count > len(tally.examples) else []
    return "\n".join([*map(visible, tally.examples), *more])


def refuse(found: Tallies, fail_on: Sequence[str]) -> None:
    """Raises Refused where one of these findings is there."""
    hits: Counter[str] = Counter()
    for (severity, finding), tally in found.items():
        if finding in fail_on or (ANY in fail_on and severity == "reject"):
            hits[finding] += tally.count
    if hits:
        counted = ", ".join(f"{count} {name}" for name, count in sorted(hits.items()))
        raise Refused(f"--fail-on found {counted}")
