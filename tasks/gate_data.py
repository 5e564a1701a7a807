"""The data gate: whether prepared real images may be trained on and published."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from datasets.errors import FormatError
from datasets.gate_file import Gate, Metric, Outcome, judged, write_gate
from datasets.manifest import MANIFEST_FILE, Kind, in_use, read_table
from datasets.tfds_layout import read_index
from tasks.curate import read_kept_pairs
from tasks.digests import canonical_json
from tasks.published_versions import Published, latest
from tasks.stage_context import StageContext, Summary

NEEDED = ["source", "member", "frame", "kind", "sha256", "pixel_sha256", "duplicate_group", "group"]
NEEDED += ["label", "status", "split", "mean", "std"]
COMPARED_FILE = "compared_with.json"
LEAK_KEYS = ("sha256", "pixel_sha256", "duplicate_group", "group")


class DataGateSettings(BaseModel):
    """Limits for prepared data. Comparisons with the last version do not apply to the first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_reject_rate: float = Field(
        0.5, ge=0, le=1, description="share of rejected files above which nothing is published"
    )
    max_shrink: float = Field(
        0.3, ge=0, le=1, description="share of images gone since the last version (a lost mount?)"
    )
    max_vanished_classes: int = Field(0, ge=0, description="classes of the last version that may have no image now")
    max_drift: float = Field(
        0.25, ge=0, description="population stability index of brightness or contrast against the last version; warns"
    )


def gate_data(settings: DataGateSettings, context: StageContext) -> Summary:
    """Judge the split manifest; write gate.json. A refusal stops the flow at publishing, not here."""
    table = read_table(context.inputs["split"] / MANIFEST_FILE, NEEDED)
    last = latest(context.published / context.dataset)
    gate = Gate(
        gate="data",
        decided_on="manifest of all images",
        metrics=measure_data(settings, table, last, read_kept_pairs(context.inputs["curate"])),
    )
    write_gate(gate, context.out)
    compared = {"version": last.version if last else None}
    (context.out / COMPARED_FILE).write_text(canonical_json(compared), encoding="utf-8")
    used = len(in_use(table))
    return {"images_in": used, "images_out": used, "rejected": {}, "verdict": gate.verdict}


def compares_with_latest(settings: DataGateSettings, context: StageContext, folder: Path) -> str | None:
    """Why an old verdict no longer holds: other content was published since. None if it holds."""
    last = latest(context.published / context.dataset)
    compared = json.loads((folder / COMPARED_FILE).read_text(encoding="utf-8"))["version"]
    now = read_index(context.inputs["shard"]).content_digest
    if last is None:
        return None if compared is None else f"{compared}, which it was compared with, is no longer published"
    same = last.version == compared or last.index.content_digest == now
    return None if same else f"{last.version} was published since"


def measure_data(
    settings: DataGateSettings, table: pa.Table, last: Published | None, pairs: Sequence[tuple[str, str]] = ()
) -> tuple[Metric, ...]:
    """All metrics of the data gate; `pairs` are near copies by sha256."""
    used = in_use(table)
    rejected = sum(status == "rejected" for status in table["status"].to_pylist())
    old, note = _images_of(last)
    metrics = [
        _metric("reject_rate", "share of files rejected", rejected / len(table), settings.max_reject_rate, len(table)),
        _metric("leaks", "copies and groups in two splits", float(leaks(used, pairs)), 0.0, len(used)),
    ]
    return tuple(judged(metric) for metric in [*metrics, *_against(settings, used, old, note)])


def leaks(used: pa.Table, pairs: Sequence[tuple[str, str]] = ()) -> int:
    """How many groups (same bytes, same pixels, copies, user's groups) and pairs of near copies are in two splits."""
    splits = used["split"].to_pylist()
    split_of = dict(zip(used["sha256"].to_pylist(), splits, strict=True))
    known = [(split_of.get(first), split_of.get(second)) for first, second in pairs]
    count = sum(None not in pair and pair[0] != pair[1] for pair in known)
    for key in LEAK_KEYS:
        seen: dict[str, set[str]] = {}
        for value, split in zip(used[key].to_pylist(), splits, strict=True):
            if value is not None:
                seen.setdefault(value, set()).add(split)
        count += sum(len(found) > 1 for found in seen.values())
    return count


def _images_of(last: Published | None) -> tuple[pa.Table | None, str]:
    """The real images in use in the last version, or None and why."""
    if last is None:
        return None, "there is no earlier version"
    try:
        old = in_use(read_table(last.path / MANIFEST_FILE, NEEDED))
    except FormatError:
        return None, f"{MANIFEST_FILE} of {last.version} is damaged"
    return old.filter(pa.array([kind == Kind.REAL for kind in old["kind"].to_pylist()])), ""


def moved_images(used: pa.Table, old: pa.Table) -> int:
    """How many images, by bytes or pixels, are now in another split than in the last version."""
    count = 0
    columns = [table[name].to_pylist() for table in (old, used) for name in ("sha256", "pixel_sha256", "split")]
    before = {key: split for keys in columns[:2] for key, split in zip(keys, columns[2], strict=True) if key}
    for sha256, pixel_sha256, split in zip(*columns[3:], strict=True):
        count += any(before.get(key, split) != split for key in (sha256, pixel_sha256))
    return count


def _against(settings: DataGateSettings, used: pa.Table, old: pa.Table | None, note: str) -> list[Metric]:
    """Metrics that compare with the last published version; `note` says why there is none to compare with."""
    limits = {
        "shrink": ("share of images gone since the last version", settings.max_shrink),
        "moved": ("images published in another split before", 0.0),
        "vanished_classes": ("classes without images since the last version", float(settings.max_vanished_classes)),
        "drift_brightness": ("drift of brightness (population stability)", settings.max_drift),
        "drift_contrast": ("drift of contrast (population stability)", settings.max_drift),
    }
    if old is None:
        return [_not_applicable(name, title, limit, note) for name, (title, limit) in limits.items()]
    gone = set(old["sha256"].to_pylist()) - set(used["sha256"].to_pylist())
    values = {
        "shrink": len(gone) / len(old),
        "moved": float(moved_images(used, old)),
        "vanished_classes": float(len(set(old["label"].to_pylist()) - set(used["label"].to_pylist()))),
        "drift_brightness": population_stability(old["mean"].to_pylist(), used["mean"].to_pylist()),
        "drift_contrast": population_stability(old["std"].to_pylist(), used["std"].to_pylist()),
    }
    return [
        _metric(name, title, values[name], limit, len(used), "warn" if name.startswith("drift") else "block")
        for name, (title, limit) in limits.items()
    ]


def population_stability(old: list[float], new: list[float], bins: int = 10) -> float:
    """Population stability index of two samples over the old one's deciles; 0 = alike, 0.25 = a clear shift."""
    ordered = sorted(old)
    edges = [ordered[len(ordered) * step // bins] for step in range(1, bins)]

    def shares(values: list[float]) -> list[float]:
        counts = [0] * bins
        for value in values:
            counts[sum(value >= edge for edge in edges)] += 1
        return [(count + 0.5) / (len(values) + 0.5 * bins) for count in counts]

    return sum((b - a) * math.log(b / a) for a, b in zip(shares(old), shares(new), strict=True))


def _metric(name: str, title: str, value: float, limit: float, n: int, severity: str = "block") -> Metric:
    return Metric(
        name=name, title=title, value=value, threshold=limit, n=n, severity=severity, outcome=Outcome.NOT_MEASURED
    )


def _not_applicable(name: str, title: str, limit: float, note: str) -> Metric:
    return Metric(name=name, title=title, value=None, threshold=limit, outcome=Outcome.NOT_APPLICABLE, note=note)
