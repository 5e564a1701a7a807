"""What the tables of a run hold, as plain rows: shared by the report and by the terminal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.stages import PREPARE, SYNTHESIZE

STAGE_TITLES = {stage.name: stage.title for stage in (*PREPARE, *SYNTHESIZE)}
# The stages through which every listed file passes, and what a file that passed each of them is.
FILE_STAGES = {
    "ingest": "readable files",
    "scan": "decoded",
    "curate": "fit for use",
    "split": "in train, validation or test",
}
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage of a run. Costs are None where it was skipped or stopped.

    Of stages that pass on all files, `rejected` counts those rejected so far, `reasons` those rejected here.
    """

    name: str
    title: str
    outcome: str  # ran, resumed, skipped; failed, refused or bad input where the run stopped
    why: str
    images_in: int | None = None
    images_out: int | None = None
    rejected: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_rss_mib: float | None = None
    notes: tuple[str, ...] = ()  # what the stage has to say besides numbers


@dataclass(frozen=True, slots=True)
class CountStep:
    """How many images are left after a step, and how many it took away, by reason."""

    title: str
    images: int
    lost: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A version that a run published, or found to be published already (`outcome` unchanged).

    `path` is a folder or URL; `folder` holds the same on this machine.
    """

    name: str
    version: str
    path: str
    folder: str
    images: int
    outcome: str


def stage_rows(record: Record) -> list[StageRow]:
    """The stages of a run in order; last the one in which it stopped, where it did."""
    newly = newly_rejected(record)
    rows = [_stage_row(stage, newly[stage["name"]]) for stage in record["stages"]]
    stopped = stopped_stage(record)
    if stopped:
        why = record["message"] or "it ended without a message; see the log of the stage"
        rows.append(
            StageRow(name=stopped, title=STAGE_TITLES.get(stopped, stopped), outcome=record["verdict"], why=why)
        )
    return rows


def stopped_stage(record: Record) -> str | None:
    """The stage in which a run stopped. None if it was done, or stopped before the first."""
    name: str | None = record.get("stopped_stage")
    return name


def published_rows(record: Record) -> list[PublishedRow]:
    """The versions that a run published."""
    summaries = [stage["summary"] for stage in record["stages"] if stage["name"].startswith("publish")]
    return [
        PublishedRow(
            name=summary["name"],
            version=summary["version"],
            path=summary["path"],
            folder=summary["folder"],
            images=summary["images_out"],
            outcome=summary["outcome"],
        )
        for summary in summaries
    ]


def count_steps(record: Record) -> list[CountStep]:
    """From the files that were listed to the images in splits; no step where no file was listed in this run."""
    stages = {stage["name"]: stage["summary"] for stage in record["stages"]}
    present = [name for name in FILE_STAGES if name in stages]
    if not present:
        return []
    first = CountStep("files in the source", stages[present[0]]["images_in"])
    if "scan" in present:  # its reasons are those of ingest too, said more exactly
        present = [name for name in present if name != "ingest"]
    newly = newly_rejected(record)
    return [first, *(CountStep(FILE_STAGES[name], stages[name]["images_out"], newly[name]) for name in present)]


def newly_rejected(record: Record) -> dict[str, tuple[tuple[str, int], ...]]:
    """Files that each stage itself rejected, by reason; their summaries count all that were rejected so far."""
    newly = {}
    before: Mapping[str, int] = {}
    for stage in record["stages"]:
        rejected = stage["summary"].get("rejected", {})
        new = {reason: count - before.get(reason, 0) for reason, count in rejected.items()}
        newly[stage["name"]] = by_count((reason, count) for reason, count in new.items() if count > 0)
        before = rejected
    return newly


def by_count(counts: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Most frequent first, equals by name."""
    return tuple(sorted(counts, key=lambda item: (-item[1], item[0])))


def duration(seconds: float | None) -> str:
    """E.g. `0.42 s`, `38 s`, `4 min 07 s`, `2 h 05 min`; "" for None."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2g} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _stage_row(stage: Mapping[str, Any], reasons: tuple[tuple[str, int], ...]) -> StageRow:
    summary, usage = stage["summary"], stage["usage"]
    cost = {} if stage["outcome"] == "skipped" else {name: usage[name] for name in ("wall_s", "cpu_s", "peak_rss_mib")}
    return StageRow(
        name=stage["name"],
        title=STAGE_TITLES.get(stage["name"], ""),
        outcome=stage["outcome"],
        why=stage["why"],
        images_in=summary.get("images_in"),
        images_out=summary.get("images_out"),
        rejected=sum(summary.get("rejected", {}).values()),
        reasons=reasons,
        notes=tuple(summary.get("notes", ())),
        **cost,
    )
