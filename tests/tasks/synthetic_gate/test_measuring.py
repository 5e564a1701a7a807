"""All measures at once, of evidence that lacks something."""

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate_evidence import OF_REAL_ALONE, split_of
from datasets.errors import BadInput
from datasets.gate_file import Outcome
from datasets.readers import LoadedSplit
from gan.settings import ClassifierSettings
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.measuring import MEASURES, measure_synthetic
from tasks.synthetic_gate.metric_table import METRICS, ON_TEST
from tasks.synthetic_gate.settings import SyntheticGateSettings
from tasks.synthetic_gate.value_settings import ValueSettings

SETTINGS = SyntheticGateSettings(
    min_gate_images=8,
    classifier=ClassifierSettings(width=4, feature_size=8, budget_images=64, batch_size=16),
    value=ValueSettings(seeds=1, arms=("synthetic",)),
)


DISTANCES = tuple(measure for measure in MEASURES if measure.doing in ("distances", "overlaps"))


def some(count, seed, classes=2):
    """So many noisy images of 8x8, whose classes differ in brightness."""
    labels = np.arange(count, dtype=np.int32) % classes
    noise = np.random.default_rng(seed).integers(0, 156, (count, 8, 8, 1))
    return split_of((noise + 99 * labels[:, None, None, None] // max(1, classes - 1)).astype(np.uint8), labels)


def without_labels(split):
    return LoadedSplit(split.images, None, split.ids, None)


@pytest.fixture(scope="module")
def evidence():
    parts = [some(count, seed) for seed, count in enumerate((180, 60, 80, 70))]
    names = ("dark", "bright")
    train, gate, held_out, synthetic = (replace(part, class_names=names) for part in parts)
    found = Evidence(train, gate, held_out, synthetic, settings=SETTINGS)
    assert found.extractor.name == "classifier"
    return found


def other(evidence, **changes):
    """Other evidence of the same training images, with the networks that were fitted on them."""
    found = replace(evidence, **changes)
    vars(found).update({name: vars(evidence)[name] for name in OF_REAL_ALONE if name in vars(evidence)})
    return found


@pytest.mark.parametrize(
    ("part", "side"), [("synthetic", "synthetic"), ("gate", "held-out real"), ("held_out", "held-out real")]
)
def test_what_needs_labels_is_not_measured_where_one_side_has_none(evidence, part, side):
    lacking = other(evidence, **{part: without_labels(getattr(evidence, part))})
    metrics = {metric.name: metric for metric in measure_synthetic(lacking)}
    named = {name: metrics[name] for name, kind in METRICS.items() if kind.needs_labels}
    assert {metric.outcome for metric in named.values()} == {Outcome.NOT_MEASURED}
    why = f"the {side} images have no labels, which the real training images have"
    assert {metric.note for metric in named.values()} == {why}
    spread = metrics["lowest_class_diversity"]
    assert spread.value == pytest.approx(1.0, abs=0.2) and spread.note == "without labels all images are one class"


def test_the_test_split_is_measured_and_never_decides(evidence):
    one = replace(evidence.synthetic, images=np.zeros_like(evidence.synthetic.images))
    spoilt = other(evidence, test=cut(evidence.held_out, 40), synthetic=one)
    metrics = {metric.name: metric for metric in measure_synthetic(spoilt, measures=DISTANCES)}
    assert metrics["recall"].outcome is Outcome.REFUSED
    for name in ON_TEST[:4]:
        assert (metrics[name].outcome, metrics[name].n) == (Outcome.REPORTED, 40)
    assert metrics["recall_test"].value < 0.5 < metrics["recall_test"].floor


@pytest.mark.parametrize(
    ("test", "outcome", "note"),
    [
        (0, Outcome.NOT_APPLICABLE, "there is no test split"),
        (7, Outcome.NOT_MEASURED, "7 images, 8 are needed; add images, or lower min_images"),
        (1, Outcome.NOT_MEASURED, "features have shape (1, 8); the Frechet distance needs [N, D] with N of at least 2"),
    ],
)
def test_a_test_split_of_few_images_or_none_is_not_measured(evidence, test, outcome, note):
    given = cut(evidence.held_out, test) if test else None
    metrics = {one.name: one for one in measure_synthetic(other(evidence, test=given), measures=DISTANCES)}
    assert {(metrics[name].outcome, metrics[name].note) for name in ON_TEST[:4]} == {(outcome, note)}


def test_every_class_that_is_judged_is_in_the_file(evidence):
    metrics = {metric.name: metric for metric in measure_synthetic(evidence, measures=DISTANCES)}
    for name in ("precision", "recall", "density", "coverage", "diversity"):
        lowest = metrics[f"lowest_class_{name}"]
        assert set(lowest.per_class) == {"dark", "bright"} and lowest.value in lowest.per_class.values()


def test_an_extractor_that_cannot_be_opened_is_a_fault_and_no_verdict(evidence, tmp_path):
    path = tmp_path / "damaged.keras"
    path.write_bytes(b"PK no model")
    extractor = {"kind": "file", "path": path, "weights_sha256": hashlib.sha256(b"PK no model").hexdigest()}
    settings = SyntheticGateSettings(min_gate_images=8, extractor=extractor)
    with pytest.raises(BadInput, match=rf"^{re.escape(str(path))} is no readable \.keras file \(.*\); save the model"):
        measure_synthetic(replace(evidence, settings=settings))


def cut(split, count):
    return LoadedSplit(split.images[:count], split.labels[:count], split.ids[:count], split.class_names)


@pytest.mark.parametrize(
    ("part", "change", "sentence"),
    [
        ("synthetic", lambda one: cut(one, 0), "0 synthetic images; the gate needs at least 1; add images"),
        ("gate", lambda one: cut(one, 0), "0 gate half images; the gate needs at least 1; add images"),
        ("train", lambda one: cut(one, 4), "4 real training images; the gate needs at least 6; add images"),
        (
            "synthetic",
            lambda one: replace(one, labels=np.full(70, 2, np.int32)),
            "labels of the synthetic images span 2 to 2; allowed are 0 to 1",
        ),
        (
            "gate",
            lambda one: replace(one, labels=one.labels[:59]),
            "60 gate half images have 59 labels; give one for each",
        ),
        (
            "synthetic",
            lambda one: replace(one, images=one.images[:, :7]),
            "synthetic images are uint8 (70, 7, 8, 1), real training images (8, 8, 1); give uint8 [N, H, W, C] of "
            "one size",
        ),
        (
            "synthetic",
            lambda one: replace(one, images=one.images / np.float32(255)),
            "synthetic images are float32 (70, 8, 8, 1), real training images (8, 8, 1); give uint8 [N, H, W, C] of "
            "one size",
        ),
    ],
)
def test_evidence_that_says_nothing_is_refused_at_once(evidence, part, change, sentence):
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        measure_synthetic(replace(evidence, **{part: change(getattr(evidence, part))}))


@pytest.mark.parametrize(("train", "synthetic"), [(6, 1), (9, 6)])
def test_few_images_are_not_measured_by_what_needs_more_and_nothing_fails(evidence, train, synthetic):
    few = replace(evidence, train=cut(evidence.train, train), synthetic=cut(evidence.synthetic, synthetic))
    few = replace(few, gate=cut(evidence.gate, 8), held_out=cut(evidence.held_out, 9), test=cut(evidence.held_out, 1))
    metrics = {metric.name: metric for metric in measure_synthetic(few)}
    assert metrics["coverage"].outcome is Outcome.NOT_MEASURED
    assert all(metric.note for metric in metrics.values() if metric.outcome is Outcome.NOT_MEASURED)
