"""The gate's default limits refuse bad generators and pass real images, on digits and on Fashion-MNIST.

Networks that are fitted on real images alone are shared. The arm with real images beside synthetic ones is left out:
it only warns, and costs most.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gate_evidence import (
    CLASSIFIER,
    DIGITS_SHARES,
    FASHION_SHARES,
    MAKERS,
    OF_REAL_ALONE,
    digits,
    evidence_of,
    fashion,
    in_place_of_synthetic,
    made_by,
    refusals,
    split_of,
)
from datasets.gate_file import Outcome
from tasks.synthetic_gate.labels import faithfulness_metrics
from tasks.synthetic_gate.measuring import MEASURES, measure_synthetic
from tasks.synthetic_gate.overlaps import diversity_metrics
from tasks.synthetic_gate.settings import SyntheticGateSettings
from tasks.synthetic_gate.value_settings import ValueSettings

SETTINGS = SyntheticGateSettings(classifier=CLASSIFIER, value=ValueSettings(seeds=1, arms=("synthetic",)))
DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")


@pytest.fixture(scope="module", params=["digits", "fashion"])
def evidence(request):
    """Real images of one data set in four parts, with the spare part in place of synthetic ones."""
    if request.param == "digits":
        return evidence_of(digits(), DIGITS_SHARES, SETTINGS, 0)
    if DATA is None:
        pytest.skip("AUGMENT_DATASET_TEST_DATA names no folder with fashion-mnist/")
    return evidence_of(fashion(Path(DATA) / "fashion-mnist", 2500), FASHION_SHARES, SETTINGS, 0)


def with_networks_of(evidence, other):
    """Other evidence of the same training images, with the networks that were fitted on them."""
    vars(other).update({name: getattr(evidence, name) for name in OF_REAL_ALONE})
    return other


def measured_by(function, evidence):
    """What one measuring function finds, judged."""
    measures = tuple(measure for measure in MEASURES if measure.of == function)
    return {metric.name: metric for metric in measure_synthetic(evidence, measures=measures)}


def metrics_of(name, evidence):
    return {metric.name: metric for metric in measure_synthetic(made_by(MAKERS[name], evidence))}


def test_real_images_pass(evidence):
    metrics = metrics_of("real images", evidence)
    assert refusals(metrics.values()) == set()
    assert metrics["frechet_distance"].value == pytest.approx(metrics["frechet_distance"].floor, rel=0.5)
    assert metrics["train_on_synthetic_all_held_out"].outcome is Outcome.REPORTED


def test_one_image_per_class_is_refused(evidence):
    refused = refusals(metrics_of("one image per class", evidence).values())
    assert {"recall", "coverage", "frechet_distance", "lowest_class_diversity", "train_on_synthetic"} <= refused


def test_a_copier_of_the_training_set_is_refused_for_its_copies_alone(evidence):
    refused = refusals(metrics_of("copies of training images", evidence).values())
    assert refused == {"near_copies", "exact_copies"}


def test_noise_is_refused(evidence):
    refused = refusals(metrics_of("noise", evidence).values())
    assert {"frechet_distance", "precision", "label_faithfulness", "train_on_synthetic"} <= refused


def test_swapped_labels_are_refused_although_the_pictures_are_perfect(evidence):
    refused = refusals(metrics_of("swapped labels", evidence).values())
    assert refused == {"label_faithfulness", "lowest_class_faithfulness", "train_on_synthetic"}


def test_blurred_images_are_refused(evidence):
    refused = refusals(metrics_of("blurred (σ 1.5 px)", evidence).values())
    assert {"frechet_distance", "recall", "coverage"} <= refused


def test_one_collapsed_class_of_ten_is_refused_for_its_diversity(evidence):
    metrics = measured_by(diversity_metrics, made_by(MAKERS["one class of ten collapsed"], evidence))
    lowest = metrics["lowest_class_diversity"]
    assert (lowest.outcome, lowest.value, lowest.note) == (Outcome.REFUSED, 0, "lowest for class 3")


def test_a_class_that_shows_another_is_refused_although_nine_of_ten_are_right(evidence):
    images, labels = evidence.synthetic.images.copy(), evidence.synthetic.labels
    eights, ones = np.flatnonzero(labels == 8), np.flatnonzero(labels == 1)
    images[eights] = images[np.resize(ones, len(eights))]
    metrics = measured_by(faithfulness_metrics, in_place_of_synthetic(evidence, (images, labels)))
    lowest = metrics["lowest_class_faithfulness"]
    assert (lowest.outcome, lowest.note) == (Outcome.REFUSED, "lowest for class 8")
    assert metrics["label_faithfulness"].value > 0.8 * metrics["label_faithfulness"].floor


def test_real_images_pass_with_a_small_gate_half(evidence):
    few = split_of(evidence.gate.images[:30], evidence.gate.labels[:30])
    small = with_networks_of(evidence, replace(evidence, gate=few))
    assert refusals(measure_synthetic(small)) == set()


def test_too_few_gate_images_are_not_measured_and_refuse(evidence):
    few = split_of(evidence.gate.images[:10], evidence.gate.labels[:10])
    (metric,) = measure_synthetic(replace(evidence, gate=few))
    assert (metric.outcome, metric.severity) == (Outcome.NOT_MEASURED, "block")
    assert metric.note == (
        "the gate half of validation has 10 images, 30 are needed; add images or raise split.validation"
    )
