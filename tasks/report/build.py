"""The report of a run: one HTML file that can be read without its script, and asks nothing of any server."""

import base64
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError
from datasets.published import resolve_version
from datasets.tfds_layout import read_index
from tasks.gate_rows import number
from tasks.report import (
    augmentation_section,
    classes_section,
    copies_section,
    files_sections,
    image_sections,
    lineage_section,
    model_sections,
)
from tasks.report.absent import Absent
from tasks.report.evidence import Evidence
from tasks.report.flow_picture import flow_picture
from tasks.report.originals import Originals
from tasks.report.pictures import Album
from tasks.report.settings_rows import setting_rows
from tasks.report.tables import (
    PublishedRow,
    count_steps,
    duration,
    published_rows,
    stage_rows,
    stopped_stage,
)
from tasks.visible_text import ON_PAGES, visible

TEMPLATES = Path(__file__).parent / "templates"
logger = logging.getLogger(__name__)
Content = Callable[[Evidence, Album], dict[str, Any] | Absent]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page: its anchor is also the name of its template."""

    name: str
    title: str
    content: Content


@dataclass(frozen=True, slots=True)
class Rendered:
    """A section as HTML that is safe to insert."""

    name: str
    title: str
    html: str


def build_report(record: Mapping[str, Any], out: Path, originals: Originals | None = None) -> bool:
    """Write the report of a run's record. Never raises: a part that fails says so, a file that fails is logged.

    False where the file could not be written.

    With `originals`, files are shown as they are, instead of the images that were prepared of them.
    """
    try:
        page = render(record, originals)
    except Exception as error:
        logger.warning("the report could not be made whole: %s", error)
        page = _environment().get_template("bare.html.jinja").render(record=record, error=error)
    writable = page.encode("utf-8", "backslashreplace").decode("utf-8")  # file names may hold what UTF-8 cannot
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(out, writable)
    except OSError as error:
        logger.warning("the report could not be written to %s: %s", out, error)
        return False
    return True


def render(record: Mapping[str, Any], originals: Originals | None = None) -> str:
    """The page as text."""
    evidence = Evidence(record)
    sections = CHECK_SECTIONS if record["flow"] == CHECK_FLOW else SECTIONS
    with Album(evidence.shared, originals=originals) as album:
        found = [_rendered(section, evidence, album) for section in sections]
        return (
            _environment()
            .get_template("page.html.jinja")
            .render(
                record=record,
                headline=headline(record),
                published=published_rows(record),
                verdicts=_verdicts(evidence),
                took=_took(record),
                sections=[part for part in found if isinstance(part, Rendered)],
                absent=[part for part in found if isinstance(part, str)],
                left_out=album.left_out,
                script=Markup(_script()),  # noqa: S704, our own file
                script_digest=f"sha256-{base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()}",
            )
        )


def headline(record: Mapping[str, Any]) -> str:
    """What came of the run, in one sentence."""
    stopped = stopped_stage(record)
    where = f" in the stage {stopped}" if stopped else ""
    if record["verdict"] != "done":
        words = {
            "failed": "The run failed",
            "bad input": "The run stopped at bad input",
            "refused": "Publishing was refused",
        }
        return words.get(record["verdict"], record["verdict"]) + where
    if record["flow"] == CHECK_FLOW:
        return checked_sentence(record)
    versions = published_rows(record)
    if not versions:
        return "Done. This flow publishes nothing"
    named = [f"{row.name} {row.version} " + _what_happened(row) for row in versions]
    return "; ".join(named)


def checked_sentence(record: Mapping[str, Any]) -> str:
    """What a check came to."""
    summary = record["stages"][-1]["summary"]
    listed, used = summary["images_in"], summary["images_out"]
    if listed == used:
        return f"All {listed:,} files can be used"
    return f"{used:,} of {listed:,} files can be used, {listed - used:,} cannot"


def _what_happened(row: PublishedRow) -> str:
    return "is unchanged, and still the latest version" if row.outcome == "unchanged" else "is published"


def _rendered(section: Section, evidence: Evidence, album: Album) -> Rendered | str:
    """The section, or one line on why it is not there."""
    try:
        content = section.content(evidence, album)
        if isinstance(content, Absent):
            return f"{section.title}: {content.why}"
        html = _environment().get_template(f"sections/{section.name}.html.jinja").render(content)
    except Exception as error:
        logger.warning("the report's section %s could not be made: %s", section.name, error)
        html = _environment().get_template("sections/broken.html.jinja").render(error=error)
    return Rendered(section.name, section.title, html)


def _verdicts(evidence: Evidence) -> list[tuple[str, str]]:
    """Name and verdict of each gate; none where one cannot be read, as its section says."""
    try:
        return [(gate.gate, gate.verdict) for gate in evidence.gates()]
    except FormatError:
        return []


def _stages(evidence: Evidence, album: Album) -> dict[str, Any]:
    return {"rows": stage_rows(evidence.record), "message": evidence.record["message"]}


def _counts(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    flow = flow_picture(count_steps(evidence.record), image_sections.split_counts(evidence))
    return {"flow": flow} if flow else files_sections.NO_FILES


def _settings(evidence: Evidence, album: Album) -> dict[str, Any]:
    return {"rows": setting_rows(evidence.record["settings"])}


def _loading(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    versions = published_rows(evidence.record)
    if not versions:
        return Absent("nothing was published in this run")
    return {"versions": versions, "labelled": _is_labelled(versions[0])}


def _is_labelled(version: PublishedRow) -> bool:
    try:
        return read_index(resolve_version(version.folder)).features.class_names is not None
    except BadInput:
        return True


CHECK_FLOW = "check"
STAGES = Section("stages", "Stages", _stages)
COUNTS = Section("counts", "Flow of files", _counts)
FINDINGS = Section("findings", "Findings", files_sections.findings)
DUPLICATES = Section("duplicates", "Copies", copies_section.duplicates)
MEASURES = Section("measures", "Measures", files_sections.measures)
SETTINGS = Section("settings", "Settings", _settings)
SECTIONS = (  # what is decided first, how it came to it after
    COUNTS,
    Section("gates", "Gates", model_sections.gates),
    FINDINGS,
    DUPLICATES,
    Section("balance", "Classes and splits", image_sections.balance),
    MEASURES,
    Section("samples", "Images", image_sections.samples),
    Section("augmentation", "Augmentation", augmentation_section.augmentation),
    Section("training", "Training", model_sections.training),
    Section("loading", "Load the data", _loading),
    STAGES,
    SETTINGS,
    Section("lineage", "Lineage", lineage_section.lineage),
)
CHECK_SECTIONS = (  # what a check found comes first; nothing is split, trained or published
    COUNTS,
    FINDINGS,
    DUPLICATES,
    Section("classes", "Classes", classes_section.classes),
    MEASURES,
    STAGES,
    SETTINGS,
)


def _took(record: Mapping[str, Any]) -> str:
    started, finished = (datetime.fromisoformat(record[name]) for name in ("started_at", "finished_at"))
    return duration((finished - started).total_seconds())


@cache
def _script() -> str:
    return (TEMPLATES / "page.js").read_text(encoding="utf-8")


def _shown(value: Any) -> Any:
    return visible(value, ON_PAGES) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "duration": duration,
        "number": number,
        "thousands": lambda value: f"{value:,}",
        "json": lambda facts: json.dumps([[_shown(cell) for cell in fact] for fact in facts]),
    }
    return environment
