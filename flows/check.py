"""`augment-dataset check`: ingest, scan and curate a folder without Prefect, TensorFlow or a workspace of its own."""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.table import Table

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput, Refused
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table, status_counts, write_table
from datasets.sources.settings import CommonSourceSettings
from flows.initial_settings import dataset_name, source_at
from flows.settings import Settings, validate
from flows.terminal import console, observer
from tasks.findings import FINDINGS
from tasks.preflight import check_not_inside, check_target, existing_parent
from tasks.report.build import build_report
from tasks.run import Run
from tasks.stages import CHECK
from tasks.survey import check_holds_images

EXAMPLES = 3
ANY = "any"
FINDINGS_CSV = "findings.csv"
REPORT_FILE = "report.html"
CSV_COLUMNS = ("path", "sha256", "finding", "severity", "detail")


def check_images(location: str, kind: str, out: Path, fail_on: Sequence[str], workers: int) -> None:
    """Write manifest, findings and report of the images at a location into `out`, and print counts with examples.

    Raises BadInput for a place without images or an unknown finding, Refused where a `fail_on` finding is there.
    """
    _check_names(fail_on)
    source = source_at(location, kind)
    check_target("out", out)
    for path in source.local_paths:
        check_not_inside("out", out, path)
    beside = existing_parent(out.resolve())  # on the same disk; `out` itself appears only with results in it
    with tempfile.TemporaryDirectory(prefix=".check-", dir=beside) as scratch, observer() as watching:
        check_holds_images(source, Path(scratch))
        console().print(f"checking {location}", soft_wrap=True)
        settings = check_settings(source, Path(scratch), workers)
        run = Run(flow="check", settings=settings, place=settings.place, observer=watching)
        run.run_stages(CHECK)
        record = run.finish(None)
        out.mkdir(parents=True, exist_ok=True)
        found = _keep(run.results["curate"].path, out)
        build_report(record, out / REPORT_FILE)
    _show(found, read_table(out / MANIFEST_FILE, ["status"]), out)
    _refuse(found, fail_on)


def check_settings(source: CommonSourceSettings, scratch: Path, workers: int) -> Settings:
    """Default thresholds; the prepared images are thrown away, so they are small."""
    record = {
        "dataset": dataset_name(source),
        "workspace": scratch / "workspace",
        "published": scratch / "published",
        "source": source.model_dump(),
        "scan": {"channels": 1, "resize": {"width_px": 32, "height_px": 32, "mode": "stretch"}, "encoding": "jpeg"},
        "compute": {"workers": workers},
    }
    return validate(record, "check")


def _check_names(fail_on: Sequence[str]) -> None:
    unknown = [name for name in fail_on if name not in (*FINDINGS, ANY)]
    if unknown:
        allowed = ", ".join(sorted(FINDINGS))
        raise BadInput(f"--fail-on {unknown[0]} is no finding; allowed are {ANY} and {allowed}")


def _keep(curated: Path, out: Path) -> list[dict[str, Any]]:
    """Copy manifest and findings out of the scratch folder, with a column `path`; return the findings."""
    manifest = read_table(curated / MANIFEST_FILE).drop_columns(["pack", "offset", "length"])
    write_table(_with_path(manifest), out / MANIFEST_FILE)
    findings = _with_path(read_table(curated / FINDINGS_FILE))
    write_table(findings, out / FINDINGS_FILE)
    rows: list[dict[str, Any]] = findings.to_pylist()
    with atomic_file(out / FINDINGS_CSV) as file:
        text = _CsvText()
        writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        file.write("".join(text.parts).encode("utf-8"))
    return rows


class _CsvText:
    """What csv.DictWriter writes into."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, part: str) -> None:
        self.parts.append(part)


def _with_path(table: pa.Table) -> pa.Table:
    schema = table.schema.insert(0, pa.field("path", pa.string(), nullable=False))
    return pa.Table.from_arrays([table["member"], *table.columns], schema=schema)


def _show(findings: Sequence[Mapping[str, Any]], statuses: pa.Table, out: Path) -> None:
    by_finding: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in findings:
        by_finding[row["severity"], row["finding"]].append(row["path"])
    table = Table(title="Findings", title_justify="left")
    for column in ("finding", "severity"):
        table.add_column(column)
    table.add_column("files", justify="right")
    table.add_column("for example", overflow="fold")
    for (severity, finding), paths in sorted(by_finding.items(), key=lambda item: (item[0][0] != "reject", item[0])):
        more = f" and {len(paths) - EXAMPLES} more" if len(paths) > EXAMPLES else ""
        table.add_row(finding, severity, str(len(paths)), ", ".join(paths[:EXAMPLES]) + more)
    printer = console()
    printer.print(table if findings else "No findings.")
    counts = status_counts(statuses)
    printer.print(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    for name in (MANIFEST_FILE, FINDINGS_FILE, FINDINGS_CSV, REPORT_FILE):
        printer.print(f"wrote {out / name}", soft_wrap=True)


def _refuse(findings: Sequence[Mapping[str, Any]], fail_on: Sequence[str]) -> None:
    hits: dict[str, int] = defaultdict(int)
    for row in findings:
        if row["finding"] in fail_on or (ANY in fail_on and row["severity"] == "reject"):
            hits[row["finding"]] += 1
    if hits:
        counted = ", ".join(f"{count} {name}" for name, count in sorted(hits.items()))
        raise Refused(f"--fail-on found {counted}")
