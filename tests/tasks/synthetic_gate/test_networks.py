"""Who judges whom: extractor, judge and what selected or rejected samples are other networks, on other folds."""

import pytest

from benchmarks.gate_evidence import DIGITS_SHARES, digits, evidence_of
from datasets.errors import Refused
from datasets.gate_file import Outcome
from datasets.readers import LoadedSplit
from gan.classifier import fit_classifier
from gan.extractors.folds import Fold
from gan.seeds import derived_seed
from gan.settings import ClassifierSettings
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.measuring import measure_synthetic
from tasks.synthetic_gate.settings import SyntheticGateSettings

SETTINGS = SyntheticGateSettings(classifier=ClassifierSettings(width=4, feature_size=8, budget_images=64))


@pytest.fixture(scope="module")
def real():
    return evidence_of(digits(), DIGITS_SHARES, SETTINGS, 0)


def barring(real, *digests):
    return Evidence(real.train, real.gate, real.held_out, real.synthetic, frozenset(digests), SETTINGS)


def fitted(real, fold, seed):
    own = real.folds == fold
    return fit_classifier(real.train.images[own], real.train.labels[own], 10, SETTINGS.classifier, seed)


def test_a_network_that_rejected_samples_may_not_judge_labels(real):
    judge = fitted(real, Fold.FAITHFULNESS, 1)
    sentence = (
        "^the judge of labels of the synthetic gate is the network that samples were rejected with "
        rf"\(sha256 {judge.weights_sha256[:12]}\); a gate must not ask it; change synthetic_gate\.classifier$"
    )
    with pytest.raises(Refused, match=sentence):
        _ = barring(real, judge.weights_sha256).judge


def test_a_network_that_rejected_samples_may_not_extract_features(real):
    features = fitted(real, Fold.FEATURES, 0)
    with pytest.raises(Refused, match=r"^the extractor of features of the synthetic gate is the network"):
        _ = barring(real, features.weights_sha256).extractor


def test_the_classifier_of_training_learns_from_another_fold_than_the_networks_of_the_gate(real):
    seeds = {Fold.SELECTION: derived_seed(0, "extractor"), Fold.FEATURES: 0, Fold.FAITHFULNESS: 1}
    assert len({fitted(real, fold, seed).weights_sha256 for fold, seed in seeds.items()}) == 3


def test_without_labels_the_label_metrics_do_not_apply(real):
    parts = (real.train, real.gate, real.held_out, real.synthetic)
    unlabelled = [LoadedSplit(part.images, None, part.ids, None) for part in parts]
    metrics = {metric.name: metric for metric in measure_synthetic(Evidence(*unlabelled, settings=SETTINGS))}
    for name in ("label_faithfulness", "lowest_class_faithfulness", "train_on_synthetic", "real_plus_synthetic"):
        assert metrics[name].outcome is Outcome.NOT_APPLICABLE
        assert metrics[name].note == "needs labels of two classes or more"
    assert metrics["frechet_distance"].outcome is metrics["lowest_class_diversity"].outcome is Outcome.PASSED
    assert metrics["frechet_distance"].extractor.startswith("self-supervised")
