"""The synthetic gate: whether generated images may be published.

Decided on the gate half of validation, which nothing was selected on. Test is measured once and only reported.
Every limit that depends on the data is relative to real images against real images.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.errors import FormatError
from datasets.gate_file import GATE_FILE, Gate, read_gate, write_gate
from datasets.image_codec import encode_image
from datasets.readers import LoadedSplit, load_numpy
from datasets.tfds_layout import read_index
from tasks.compared_version import why_outdated, write_compared
from tasks.progress import Progress, silent
from tasks.published_versions import latest, latest_or_refuse, synthetic_name
from tasks.stage_context import StageContext, Summary
from tasks.synthetic_gate.limits import apply_limit
from tasks.synthetic_gate.picture import GATE_PICTURE, draw_gate
from tasks.synthetic_gate.settings import SyntheticGateSettings
from tasks.validation_halves import halves_of

if TYPE_CHECKING:
    from tasks.synthetic_gate.evidence import Evidence

CLOSEST_PAIRS_FILE = "closest_pairs.png"


def gate_synthetic(settings: SyntheticGateSettings, context: StageContext) -> Summary:
    """Measure synthetic shards against the real version; write gate.json, its picture, and the closest pairs."""
    from tasks.synthetic_gate.evidence import Evidence

    real = latest_or_refuse(context.published / context.dataset).path
    validation, test = load_numpy(real, "validation"), load_numpy(real, "test")
    _, gate_half = halves_of(real, validation.ids, validation.labels)
    evidence = Evidence(
        train=load_numpy(real, "train"),
        gate=taken(validation, gate_half),
        held_out=joined(validation, test),
        synthetic=load_numpy(context.inputs["shard_synthetic"], "train"),
        barred=judges_of(context.inputs["shard_synthetic"]),
        settings=settings,
        seed=context.seed,
        test=test if len(test.images) else None,
    )
    last, why_none = last_gate(context)
    decided_on = f"gate half of validation, {len(evidence.gate.images)} images; validation and test are reported"
    gate = write_measured_gate(evidence, decided_on, context.out, context.progress, last, why_none)
    write_compared(context.out, latest(context.published / synthetic_name(context.dataset)))
    images = len(evidence.synthetic.images)
    return {"images_in": images, "images_out": images, "rejected": {}, "verdict": gate.verdict}


def write_measured_gate(
    evidence: "Evidence",
    decided_on: str,
    out: Path,
    progress: Progress = silent,
    last: tuple[str, Gate] | None = None,
    why_none: str = "",
) -> Gate:
    """Measure and judge the evidence, beside the gate of the last version; write gate.json and pictures into `out`."""
    from tasks.synthetic_gate.comparison import regression_metric
    from tasks.synthetic_gate.copies import closest_pairs
    from tasks.synthetic_gate.measuring import measure_synthetic

    settings = evidence.settings
    metrics = measure_synthetic(evidence, progress)
    regression = regression_metric(metrics, last, settings.regression_margin, why_none)
    judged = apply_limit(regression, settings.limit_of(regression.name), settings.min_gate_images)
    gate = Gate(gate="synthetic", decided_on=decided_on, metrics=(*metrics, judged))
    write_gate(gate, out)
    draw_gate(gate, out / GATE_PICTURE)
    (out / CLOSEST_PAIRS_FILE).write_bytes(encode_image(closest_pairs(evidence), "png"))
    return gate


def last_gate(context: StageContext) -> tuple[tuple[str, Gate] | None, str]:
    """Version and gate of the last published synthetic version; or None and why."""
    last = latest(context.published / synthetic_name(context.dataset))
    if last is None:
        return None, "there is no earlier version"
    try:
        return (last.version, read_gate(last.path)), ""
    except FormatError as error:
        return None, f"{GATE_FILE} of {last.version} cannot be read ({type(error.__cause__ or error).__name__})"


def compares_with_latest(settings: SyntheticGateSettings, context: StageContext, folder: Path) -> str | None:
    """Why an old verdict no longer holds: other content was published since. None if it holds."""
    content_digest = read_index(context.inputs["shard_synthetic"]).content_digest
    return why_outdated(folder, latest(context.published / synthetic_name(context.dataset)), content_digest)


def judges_of(synthetic: Path) -> frozenset[str]:
    """sha256 of the networks that samples were rejected with: none of them may judge here."""
    sampling: Any = read_index(synthetic).lineage.get("sampling", {})
    judges = sampling.get("rejection", {}).get("judges", {})
    return frozenset(judge["sha256"] for judge in judges.values())


def taken(split: LoadedSplit, indices: np.ndarray) -> LoadedSplit:
    """Some images of a split."""
    labels = None if split.labels is None else split.labels[indices]
    return LoadedSplit(split.images[indices], labels, [split.ids[index] for index in indices], split.class_names)


def joined(first: LoadedSplit, second: LoadedSplit) -> LoadedSplit:
    """Two splits of one data set as one."""
    labels = None
    if first.labels is not None and second.labels is not None:
        labels = np.concatenate([first.labels, second.labels])
    return LoadedSplit(
        np.concatenate([first.images, second.images]), labels, [*first.ids, *second.ids], first.class_names
    )
