"""The synthetic gate on real digits: real images pass in place of synthetic ones, bad generators do not."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from datasets.gate_file import Gate, Outcome
from datasets.readers import LoadedSplit
from gan.settings import ClassifierSettings
from tasks.gate_synthetic import SyntheticGateSettings
from tasks.progress import silent
from tasks.synthetic_metrics import Evidence, measure_synthetic

SETTINGS = SyntheticGateSettings(value_seeds=1, classifier=ClassifierSettings(width=16, budget_images=12_000))
NAMES = tuple(str(digit) for digit in range(10))


def loaded(images, labels):
    return LoadedSplit(images, labels, [str(number) for number in range(len(images))], NAMES)


@pytest.fixture(scope="module")
def digits():
    """Real digits uint8 [N, 8, 8, 1] in four parts: train, gate half, other held-out images, and a spare part."""
    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)[..., None]
    order = np.random.default_rng(0).permutation(len(images))
    parts = np.split(order, [800, 1000, 1200])
    return [loaded(images[part], bunch.target[part].astype(np.int32)) for part in parts]


def metrics_for(digits, images, labels):
    train, gate, held_out, _ = digits
    evidence = Evidence(train=train, gate=gate, held_out=held_out, synthetic=loaded(images, labels))
    metrics, _ = measure_synthetic(SETTINGS, evidence, 0, silent)
    return {metric.name: metric for metric in metrics}


def refused(metrics):
    gate = Gate(gate="synthetic", decided_on="test", metrics=tuple(metrics.values()))
    return {metric.name for metric in gate.refusals}


def test_real_images_pass_in_place_of_synthetic_ones(digits):
    spare = digits[3]
    metrics = metrics_for(digits, spare.images, spare.labels)
    assert refused(metrics) == set()
    assert metrics["frechet_distance"].value == pytest.approx(metrics["frechet_distance"].floor, rel=0.5)
    assert metrics["train_on_synthetic_all_held_out"].outcome is Outcome.REPORTED


def test_one_image_per_class_is_refused(digits):
    train = digits[0]
    first = [int(np.flatnonzero(train.labels == digit)[0]) for digit in range(10)]
    images = np.repeat(train.images[first], 60, axis=0)
    metrics = metrics_for(digits, images, np.repeat(np.arange(10, dtype=np.int32), 60))
    assert {"recall", "coverage", "frechet_distance"} <= refused(metrics)


def test_a_copier_of_the_training_set_is_refused_for_its_copies_alone(digits):
    train = digits[0]
    metrics = metrics_for(digits, train.images[:600], train.labels[:600])
    assert refused(metrics) == {"near_copies"}


def test_noise_is_refused(digits):
    noise = np.random.default_rng(0).integers(0, 256, (600, 8, 8, 1), dtype=np.uint8)
    metrics = metrics_for(digits, noise, np.repeat(np.arange(10, dtype=np.int32), 60))
    assert {"frechet_distance", "precision", "train_on_synthetic", "label_faithfulness"} <= refused(metrics)


def test_swapped_labels_are_refused_although_the_pictures_are_perfect(digits):
    spare = digits[3]
    metrics = metrics_for(digits, spare.images, (spare.labels + 1) % 10)
    assert refused(metrics) == {"label_faithfulness", "train_on_synthetic"}


def test_too_few_gate_images_are_not_measured_and_refuse(digits):
    train, gate, held_out, spare = digits
    few = loaded(gate.images[:10], gate.labels[:10])
    metrics, pairs = measure_synthetic(SETTINGS, Evidence(train, few, held_out, spare), 0, silent)
    assert [(metric.outcome, metric.severity) for metric in metrics] == [(Outcome.NOT_MEASURED, "block")]
    assert metrics[0].note == (
        "the gate half of validation has 10 images, 30 are needed; add images or raise split.validation"
    )
    assert pairs is None


def test_without_labels_the_label_metrics_do_not_apply(digits):
    unlabelled = [LoadedSplit(part.images, None, part.ids, None) for part in digits]
    metrics, _ = measure_synthetic(SETTINGS, Evidence(*unlabelled), 0, silent)
    outcomes = {metric.name: metric.outcome for metric in metrics}
    assert outcomes["label_faithfulness"] == outcomes["train_on_synthetic"] == Outcome.NOT_APPLICABLE
    assert outcomes["frechet_distance"] is Outcome.PASSED
    assert metrics[0].extractor.startswith("random-conv")
