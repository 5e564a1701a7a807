"""What Prefect's UI shows of a run that a deployment started: a summary with pictures, tables, how far stages are."""

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from tasks.gate_rows import gate_rows
from tasks.report.absent import Absent
from tasks.report.build import headline
from tasks.report.evidence import Evidence
from tasks.report.image_sections import samples
from tasks.report.pictures import Album, Picture
from tasks.report.tables import duration, published_rows, stage_rows
from tasks.run_log import Logger, LogObserver, report_told
from tasks.stage import Stage, StageResult
from tasks.visible_text import as_markdown

Row = dict[str, str]

PROGRESS_INTERVAL_S = 10.0
PICTURES_BYTES = 150_000  # Prefect keeps artifacts in its database, and lists them whole


class ArtifactObserver(LogObserver):
    """Lines for the log of the run, and artifacts beside them. What the server does not take costs a warning."""

    def __init__(self, logger: Logger, dataset: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logger, clock)
        self._prefix = artifact_key(dataset)
        self._bar: UUID | None = None
        self._shown_s = 0.0

    def stage_started(self, stage: Stage) -> None:
        """A bar comes with the first progress after some seconds."""
        super().stage_started(stage)
        self._bar, self._shown_s = None, self._clock()

    def progress(self, stage: Stage, done: int, total: int, **numbers: float | str) -> None:
        """At most an update in 10 seconds."""
        super().progress(stage, done, total, **numbers)
        if total and self._clock() - self._shown_s >= PROGRESS_INTERVAL_S:
            self._shown_s = self._clock()
            self._kept(lambda: self._show(stage, 100.0 * done / total))

    def stage_ended(self, stage: Stage, result: StageResult) -> None:
        """A bar that is there is full now."""
        super().stage_ended(stage, result)
        if self._bar:
            self._kept(lambda: self._show(stage, 100.0))

    def run_ended(self, record: Mapping[str, Any], report: Path | None) -> None:
        """The summary, the tables and the link to the report."""
        super().run_ended(record, report)
        key = self._prefix
        self._kept(
            lambda: create_markdown_artifact(
                summary(record, report), key=f"{key}-summary", description=headline(record)
            )
        )
        for name in TABLES:
            self._kept(partial(self._table, name, record))
        if report:
            self._kept(
                lambda: create_link_artifact(report.resolve().as_uri(), link_text=report.name, key=f"{key}-report")
            )

    def _show(self, stage: Stage, percent: float) -> None:
        if self._bar:
            update_progress_artifact(self._bar, progress=percent)
            return
        key = f"{self._prefix}-{artifact_key(stage.name)}-progress"
        created = create_progress_artifact(progress=percent, key=key, description=f"{stage.name}: {stage.title}")
        self._bar = created if isinstance(created, UUID) else None

    def _table(self, name: str, record: Mapping[str, Any]) -> None:
        rows = [{title: as_markdown(text) for title, text in row.items()} for row in TABLES[name](record)]
        if rows:
            create_table_artifact(rows, key=f"{self._prefix}-{name}", description=f"{name} of run {record['run']}")

    def _kept(self, make: Callable[[], object]) -> None:
        try:
            make()
        except Exception as error:
            self._logger.warning("an artifact could not be made, or Prefect's server did not take it: %s", error)


def artifact_key(name: str) -> str:
    """Any name -> lower-case letters, digits and dashes, which is all that Prefect takes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def stages_of(record: Mapping[str, Any]) -> list[Row]:
    """One row of texts per stage."""
    return [
        {
            "stage": row.name,
            "outcome": row.outcome,
            "in": _counted(row.images_in),
            "out": _counted(row.images_out),
            "wall": duration(row.wall_s),
            "CPU": duration(row.cpu_s),
            "why": "; ".join([row.why, *row.notes]),
        }
        for row in stage_rows(record)
    ]


def rejects_of(record: Mapping[str, Any]) -> list[Row]:
    """One row of texts per stage and reason; none where all files are used."""
    return [
        {"stage": row.name, "reason": reason, "files": _counted(count)}
        for row in stage_rows(record)
        for reason, count in row.reasons
    ]


def gates_of(record: Mapping[str, Any]) -> list[Row]:
    """One row of texts per metric; none where no gate was reached."""
    return [
        {
            "gate": row.gate,
            "metric": row.title,
            "outcome": row.outcome,
            "value": row.value,
            "limit": row.limit,
            "real against real": row.floor,
            "n": row.n,
        }
        for gate in Evidence(record).gates()
        for row in gate_rows(gate)
    ]


TABLES = {"stages": stages_of, "rejects": rejects_of, "gates": gates_of}


def summary(record: Mapping[str, Any], report: Path | None) -> str:
    """Markdown: what came of the run, what is published, the gates' verdicts, and images of some classes."""
    evidence = Evidence(record)
    lines = [f"# {as_markdown(record['dataset'])}: {as_markdown(headline(record))}", ""]
    if record["message"]:
        lines += [f"> {as_markdown(record['message'])}", ""]
    lines += [f"- **{row.name} {row.version}** ({row.outcome}): `{row.path}`" for row in published_rows(record)]
    for gate in evidence.gates():
        lines.append(f"- gate of the {'real' if gate.gate == 'data' else gate.gate} data: **{gate.verdict}**")
    lines += [f"- report: `{report}`" if report else f"- {report_told(report)}", ""]
    return "\n".join([*lines, *_pictures(evidence)])


def _pictures(evidence: Evidence) -> list[str]:
    """A table of real images beside synthetic ones, as far as they fit."""
    with Album(evidence.shared, PICTURES_BYTES) as album:
        found = samples(evidence, album)
    if isinstance(found, Absent):
        return []
    kinds = ("real", "synthetic", "nearest") if found["has_synthetic"] else ("real",)
    titles = {"nearest": "nearest training image"}
    head = ["class", *(titles.get(kind, kind) for kind in kinds)]
    lines = [_row(head), _row(["---"] * len(head))]
    for row in found["rows"]:
        cells = [_image(row[kind]) for kind in kinds]
        if any(cells):
            lines.append(_row([as_markdown(row["label"]), *cells]))
    return lines


def _image(picture: Picture | None) -> str:
    return f"![{as_markdown(picture.alt)}]({picture.uri})" if picture and picture.uri else ""


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _counted(count: int | None) -> str:
    return "" if count is None else f"{count:,}"
