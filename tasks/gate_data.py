"""The data gate: whether prepared real images may be trained on and published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from datasets.errors import FormatError
from datasets.gate_file import Gate, Metric, Outcome, judged, write_gate
from datasets.manifest import MANIFEST_FILE, Kind, in_use, read_table
from datasets.tfds_layout import read_index
from tasks.compared_version import why_outdated, write_compared
from tasks.curation.kept_pairs import read_kept_pairs
from tasks.curation.labels import read_balance
from tasks.data_gate.measures import Measured, against_last, effective_per_class, of_classes, of_images
from tasks.data_gate.version_changes import DRIFT_MEASURES
from tasks.published_versions import Published, latest
from tasks.stage_context import StageContext, Summary

NEEDED = ["source", "member", "frame", "kind", "sha256", "pixel_sha256", "duplicate_group", "group", "licence"]
NEEDED += ["derived_from", "label", "status", "reason", "split", *(column for column, _ in DRIFT_MEASURES.values())]
Severity = Literal["block", "warn"]


class DataGateSeverity(BaseModel):
    """What a limit that is passed does: block publishing, or warn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reject_rate: Severity = Field("block", description="max_reject_rate: block or warn")
    duplicates: Severity = Field("warn", description="max_duplicate_share; copies are out already, so warn")
    unlicensed: Severity = Field("warn", description="max_unlicensed_share")
    leaks: Severity = Field("block", description="copies or groups in two splits; never there, but for a fault")
    empty_classes: Severity = Field("warn", description="max_empty_classes")
    imbalance: Severity = Field("warn", description="max_imbalance")
    effective_images: Severity = Field("warn", description="min_effective_images; small data sets are few, so warn")
    shrink: Severity = Field("block", description="max_shrink")
    moved: Severity = Field("block", description="images in another split than before; never there, but for a fault")
    vanished_classes: Severity = Field("block", description="max_vanished_classes")
    new_classes: Severity = Field("warn", description="max_new_classes; a slip in a folder's name makes one")
    drift: Severity = Field("warn", description="max_drift; new data may well be different")


class DataGateSettings(BaseModel):
    """Limits for prepared data. Comparisons with the last version do not apply to the first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_reject_rate: float = Field(
        0.5, ge=0, le=1, description="share of rejected files, copies apart, above which nothing is published"
    )
    max_duplicate_share: float | None = Field(
        0.5, ge=0, le=1, description="share of sound images that are copies of others; null = only reported"
    )
    max_unlicensed_share: float | None = Field(
        None, ge=0, le=1, description="share of images in use without a licence; null = only reported"
    )
    max_empty_classes: int | None = Field(
        0, ge=0, description="classes, by files or curate.classes, without an image in use"
    )
    max_imbalance: float | None = Field(
        100, ge=1, description="training images of the largest class over those of the smallest"
    )
    min_effective_images: float | None = Field(
        50, ge=1, description="effective training images (near copies count once) that each class should have"
    )
    max_shrink: float = Field(
        0.3, ge=0, le=1, description="share of images gone since the last version (a lost mount?)"
    )
    max_vanished_classes: int = Field(0, ge=0, description="classes of the last version that may have no image now")
    max_new_classes: int | None = Field(0, ge=0, description="classes that the last version lacks")
    max_drift: float = Field(
        0.25, ge=0, description="population stability index of measures against the last version, each alone"
    )
    severity: DataGateSeverity = Field(default_factory=DataGateSeverity, description="block or warn, per limit")


@dataclass(frozen=True, slots=True)
class Rule:
    """How a metric is judged: by the setting `limit`, or against 0 without one; `severity` names a setting too."""

    title: str
    limit: str | None
    severity: str
    direction: str = "max"


RULES = {  # in the order of gate.json
    "reject_rate": Rule("share of files rejected, copies apart", "max_reject_rate", "reject_rate"),
    "duplicates": Rule("share of sound images that are copies", "max_duplicate_share", "duplicates"),
    "unlicensed": Rule("share of images without a licence", "max_unlicensed_share", "unlicensed"),
    "leaks": Rule("images, copies or groups in two splits", None, "leaks"),
    "empty_classes": Rule("classes without an image in use", "max_empty_classes", "empty_classes"),
    "imbalance": Rule("training images of the largest class over the smallest", "max_imbalance", "imbalance"),
    "effective_images": Rule(
        "effective training images of the least diverse class", "min_effective_images", "effective_images", "min"
    ),
    "shrink": Rule("share of images gone since the last version", "max_shrink", "shrink"),
    "moved": Rule("images published in another split before", None, "moved"),
    "vanished_classes": Rule(
        "classes without images since the last version", "max_vanished_classes", "vanished_classes"
    ),
    "new_classes": Rule("classes that the last version lacks", "max_new_classes", "new_classes"),
    **{
        name: Rule(f"drift of {called} (population stability)", "max_drift", "drift")
        for name, (_, called) in DRIFT_MEASURES.items()
    },
    "drift_classes": Rule("drift of the classes' shares (population stability)", "max_drift", "drift"),
}


def gate_data(settings: DataGateSettings, context: StageContext) -> Summary:
    """Judge the split manifest; write gate.json. A refusal stops the flow at publishing, not here."""
    manifest = context.inputs["split"] / MANIFEST_FILE
    table = read_table(manifest, NEEDED)
    sharded = read_table(context.inputs["shard"] / MANIFEST_FILE, NEEDED)
    copies = sharded.filter(pc.equal(sharded["kind"], Kind.AUGMENTED))
    last = latest(context.published / context.dataset)
    effective = effective_per_class(manifest)
    balance = read_balance(context.inputs["curate"]) or {}
    pairs = read_kept_pairs(context.inputs["curate"])
    metrics = measure_data(settings, table, last, pairs, effective, balance.get("empty", ()), copies)
    gate = Gate(gate="data", decided_on="manifest of all images", metrics=metrics)
    write_gate(gate, context.out)
    write_compared(context.out, last)
    used = len(in_use(table))
    return {
        "images_in": used,
        "images_out": used,
        "rejected": {},
        "verdict": gate.verdict,
        "effective_images": {label or "all": round(value, 1) for label, value in effective.items()},
    }


def compares_with_latest(settings: DataGateSettings, context: StageContext, folder: Path) -> str | None:
    """Why an old verdict no longer holds: other content was published since. None if it holds."""
    content_digest = read_index(context.inputs["shard"]).content_digest
    return why_outdated(folder, latest(context.published / context.dataset), content_digest)


def measure_data(
    settings: DataGateSettings,
    table: pa.Table,
    last: Published | None,
    pairs: Sequence[tuple[str, str]] = (),
    effective: Mapping[str | None, float] | None = None,
    empty_classes: Sequence[str] = (),
    copies: pa.Table | None = None,
) -> tuple[Metric, ...]:
    """All metrics of the data gate, of all rows of a manifest with NEEDED.

    `pairs` are near copies by sha256, `effective` says how many effective training images a class has, `copies` are
    augmented ones.
    """
    used = in_use(table)
    old, note = _images_of(last)
    measured = of_images(table, used, pairs, copies) | of_classes(
        used, effective or {}, settings.min_effective_images, empty_classes
    )
    if old is not None:
        measured |= against_last(table, used, old)
    return tuple(_judged(name, settings, measured.get(name, Measured(None, note=note))) for name in RULES)


def _judged(name: str, settings: DataGateSettings, measured: Measured) -> Metric:
    """Without a value it does not apply, without a limit it is only reported."""
    rule = RULES[name]
    limit = getattr(settings, rule.limit) if rule.limit else 0.0
    by_value = Outcome.NOT_APPLICABLE if measured.value is None else Outcome.NOT_MEASURED
    return judged(
        Metric(
            name=name,
            title=rule.title,
            value=measured.value,
            threshold=None if limit is None else float(limit),
            direction=rule.direction,
            severity=getattr(settings.severity, rule.severity),
            floor=measured.by_chance,
            n=measured.n,
            note=measured.note,
            outcome=by_value if measured.value is None or limit is not None else Outcome.REPORTED,
        )
    )


def _images_of(last: Published | None) -> tuple[pa.Table | None, str]:
    """The real images in use in the last version, or None and why."""
    if last is None:
        return None, "there is no earlier version"
    try:
        old = in_use(read_table(last.path / MANIFEST_FILE, NEEDED))
    except FormatError:
        return None, f"{MANIFEST_FILE} of {last.version} is damaged"
    return old.filter(pa.array([kind == Kind.REAL for kind in old["kind"].to_pylist()])), ""
