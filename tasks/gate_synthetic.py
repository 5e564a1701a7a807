"""The synthetic gate: whether generated images may be published.

Decided on the gate half of validation, which nothing was selected on. Test is measured once and only reported.
Every limit that depends on the data is relative to real images against real images at the same n.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from datasets.gate_file import Gate, write_gate
from datasets.image_codec import encode_image
from datasets.readers import LoadedSplit, load_numpy
from datasets.tfds_layout import read_index
from gan.settings import ClassifierSettings
from tasks.published_versions import latest_or_refuse
from tasks.stage_context import StageContext, Summary
from tasks.validation_halves import halves_of

CLOSEST_PAIRS_FILE = "closest_pairs.png"


class SyntheticGateSettings(BaseModel):
    """Limits for synthetic data. `ratio` limits multiply what real images reach against real images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_frechet_ratio: float = Field(2.0, gt=0, description="Frechet distance, times that of real against real")
    max_kernel_excess: float = Field(0.2, ge=0, description="kernel distance above that of real against real; warns")
    min_precision_ratio: float = Field(0.7, ge=0, description="precision, times that of real against real")
    min_recall_ratio: float = Field(0.7, ge=0, description="recall, times that of real against real")
    min_coverage_ratio: float = Field(0.7, ge=0, description="coverage, times that of real against real")
    max_near_copy_excess: float = Field(
        0.05,
        ge=0,
        le=1,
        description="share of images nearer to a training image than held-out real ones are, in excess",
    )
    min_faithfulness_ratio: float = Field(
        0.9, ge=0, description="share of images seen as the class asked for, times the accuracy on real images"
    )
    min_class_faithfulness_ratio: float = Field(
        0.65, ge=0, description="share of every class's images seen as it, times the accuracy on real ones"
    )
    min_class_diversity_ratio: float = Field(
        0.4, ge=0, description="spread of features within every class, times that of real training images"
    )
    min_value_ratio: float = Field(
        0.9, ge=0, description="accuracy of a classifier trained on synthetic images alone, times that trained on real"
    )
    min_gate_images: int = Field(30, ge=8, description="fewer images in the gate half: not measured, which refuses")
    value_seeds: int = Field(3, ge=1, le=20, description="classifiers trained for the value of synthetic images")
    classifier: ClassifierSettings = Field(
        default_factory=ClassifierSettings, description="network of the extractor, the judge of labels and of value"
    )


def gate_synthetic(settings: SyntheticGateSettings, context: StageContext) -> Summary:
    """Measure synthetic shards against the real version; write gate.json and the closest pairs as a picture."""
    from tasks.synthetic_metrics import Evidence, measure_synthetic

    real = latest_or_refuse(context.published / context.dataset).path
    validation = load_numpy(real, "validation")
    _, gate_half = halves_of(real, validation.ids, validation.labels)
    evidence = Evidence(
        train=load_numpy(real, "train"),
        gate=_take(validation, gate_half),
        held_out=_join(validation, load_numpy(real, "test")),
        synthetic=load_numpy(context.inputs["shard_synthetic"], "train"),
        barred=judges_of(context.inputs["shard_synthetic"]),
    )
    metrics, pairs = measure_synthetic(settings, evidence, context.seed, context.progress)
    decided_on = f"gate half of validation, {len(evidence.gate.images)} images; validation and test are reported"
    gate = Gate(gate="synthetic", decided_on=decided_on, metrics=metrics)
    write_gate(gate, context.out)
    if pairs is not None:
        (context.out / CLOSEST_PAIRS_FILE).write_bytes(encode_image(pairs, "png"))
    images = len(evidence.synthetic.images)
    return {"images_in": images, "images_out": images, "rejected": {}, "verdict": gate.verdict}


def judges_of(synthetic: Path) -> frozenset[str]:
    """sha256 of the networks that samples were rejected with: none of them may judge here."""
    sampling: Any = read_index(synthetic).lineage.get("sampling", {})
    judges = sampling.get("rejection", {}).get("judges", {})
    return frozenset(judge["sha256"] for judge in judges.values())


def _take(split: LoadedSplit, indices: np.ndarray) -> LoadedSplit:
    labels = None if split.labels is None else split.labels[indices]
    return LoadedSplit(split.images[indices], labels, [split.ids[index] for index in indices], split.class_names)


def _join(first: LoadedSplit, second: LoadedSplit) -> LoadedSplit:
    labels = None
    if first.labels is not None and second.labels is not None:
        labels = np.concatenate([first.labels, second.labels])
    return LoadedSplit(
        np.concatenate([first.images, second.images]), labels, [*first.ids, *second.ids], first.class_names
    )
