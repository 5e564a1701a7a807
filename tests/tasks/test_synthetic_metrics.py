"""The synthetic gate on real digits: real images pass in place of synthetic ones, bad generators do not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from datasets.errors import Refused
from datasets.gate_file import Gate, Outcome, judged
from datasets.readers import LoadedSplit
from gan.classifier import fit_classifier
from gan.extractors import Fold, fold_of, make_extractor
from gan.seeds import derived_seed
from gan.settings import ClassifierSettings
from tasks.gate_synthetic import SyntheticGateSettings
from tasks.progress import silent
from tasks.synthetic_metrics import (
    Evidence,
    Features,
    distribution_metrics,
    diversity_metric,
    faithfulness_metrics,
    measure_synthetic,
)

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


@pytest.fixture(scope="module")
def unseen(digits):
    """Which training images the extractor of features did not see, and the judge of labels did."""
    train = digits[0]
    return fold_of(len(train.images), len(Fold), 0, train.labels) == Fold.FAITHFULNESS


@pytest.fixture(scope="module")
def extractor(digits, unseen):
    train = digits[0]
    return make_extractor(train.images[~unseen], train.labels[~unseen], 10, SETTINGS.classifier, 0)


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
    assert refused(metrics) == {"label_faithfulness", "lowest_class_faithfulness", "train_on_synthetic"}


def test_one_collapsed_class_of_ten_is_refused_for_its_diversity(digits, unseen, extractor):
    spare = digits[3]
    images, threes = spare.images.copy(), np.flatnonzero(spare.labels == 3)
    images[threes] = images[threes[0]]
    evidence = Evidence(*digits[:3], loaded(images, spare.labels))
    metric = diversity_metric(SETTINGS, Features.of(extractor, evidence, unseen), evidence, unseen)
    assert (metric.note, metric.value) == ("lowest for class 3", 0)
    assert judged(metric).outcome is Outcome.REFUSED


def test_a_class_that_shows_another_is_refused_although_nine_of_ten_are_right(digits, unseen):
    spare = digits[3]
    images, ones = spare.images.copy(), np.flatnonzero(spare.labels == 1)
    eights = np.flatnonzero(spare.labels == 8)
    images[eights] = images[np.resize(ones, len(eights))]
    evidence = Evidence(*digits[:3], loaded(images, spare.labels))
    _, lowest = faithfulness_metrics(SETTINGS, evidence, unseen, 1)
    assert (lowest.name, lowest.note) == ("lowest_class_faithfulness", "lowest for class 8")
    assert judged(lowest).outcome is Outcome.REFUSED


def test_blurred_images_are_refused(digits, unseen, extractor):
    spare = digits[3]
    blurred = gaussian_filter(spare.images, (0, 1.5, 1.5, 0))
    features = Features.of(extractor, Evidence(*digits[:3], loaded(blurred, spare.labels)), unseen)
    metrics = {metric.name: judged(metric) for metric in distribution_metrics(SETTINGS, features, True, 0)}
    assert {"frechet_distance", "precision"} <= refused(metrics)


def test_real_images_pass_with_a_small_gate_half(digits):
    train, gate, held_out, spare = digits
    few = loaded(gate.images[:30], gate.labels[:30])
    metrics, _ = measure_synthetic(SETTINGS, Evidence(train, few, held_out, spare), 0, silent)
    assert refused({metric.name: metric for metric in metrics}) == set()


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
    assert outcomes["lowest_class_faithfulness"] == Outcome.NOT_APPLICABLE
    assert outcomes["frechet_distance"] is outcomes["lowest_class_diversity"] is Outcome.PASSED
    assert metrics[0].extractor.startswith("random-conv")


def test_a_network_that_rejected_samples_may_not_judge_labels(digits, unseen):
    train, gate, held_out, spare = digits
    judge = fit_classifier(train.images[unseen], train.labels[unseen], 10, SETTINGS.classifier, 5)
    barred = frozenset({judge.weights_sha256})
    evidence = Evidence(train=train, gate=gate, held_out=held_out, synthetic=spare, barred=barred)
    sentence = (
        "^the judge of labels of the synthetic gate is the network that samples were rejected with "
        rf"\(sha256 {judge.weights_sha256[:12]}\); a gate must not ask it; change synthetic_gate\.classifier$"
    )
    with pytest.raises(Refused, match=sentence):
        faithfulness_metrics(SETTINGS, evidence, unseen, 5)


def test_a_network_that_rejected_samples_may_not_extract_features(digits):
    train, gate, held_out, spare = digits
    own = fold_of(len(train.images), len(Fold), 0, train.labels) == Fold.FEATURES
    features = make_extractor(train.images[own], train.labels[own], 10, SETTINGS.classifier, 0)
    barred = frozenset({features.classifier.weights_sha256})
    evidence = Evidence(train=train, gate=gate, held_out=held_out, synthetic=spare, barred=barred)
    with pytest.raises(Refused, match=r"^the extractor of features of the synthetic gate is the network"):
        measure_synthetic(SETTINGS, evidence, 0, silent)


def test_the_classifier_of_training_learns_from_another_fold_than_the_networks_of_the_gate(digits):
    train = digits[0]
    fold = fold_of(len(train.images), len(Fold), 0, train.labels)
    small = ClassifierSettings(width=4, feature_size=8, budget_images=64)
    seeds = {Fold.SELECTION: derived_seed(0, "extractor"), Fold.FEATURES: 0, Fold.FAITHFULNESS: 1}
    digests = {
        fit_classifier(train.images[fold == part], train.labels[fold == part], 10, small, seed).weights_sha256
        for part, seed in seeds.items()
    }
    assert len(digests) == 3
