"""What synthetic images are worth, on real digits with classifiers so small that they fit in a second."""

import re
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.gate_evidence import DIGITS_SHARES, OF_REAL_ALONE, digits, evidence_of, split_of
from datasets.gate_file import Outcome, refuses
from datasets.readers import LoadedSplit
from gan.metrics.non_inferiority import PairedDifference, paired_difference
from gan.settings import ClassifierSettings
from tasks.synthetic_gate.limits import Limit, apply_limit
from tasks.synthetic_gate.measuring import MEASURES, measure_synthetic
from tasks.synthetic_gate.metric_table import ON_TEST, ONLY_REPORTED
from tasks.synthetic_gate.settings import SyntheticGateSettings
from tasks.synthetic_gate.value_metrics import (
    MIN_TEST_IMAGES,
    NAMES,
    too_few_to_tell,
    training_set,
    value_identity,
    value_metrics,
)
from tasks.synthetic_gate.value_settings import ValueSettings

CLASSIFIER = ClassifierSettings(width=4, feature_size=16, budget_images=2500, batch_size=32, learning_rate=0.01)
SETTINGS = SyntheticGateSettings(classifier=CLASSIFIER)
VALUE_ONLY = tuple(measure for measure in MEASURES if measure.names == NAMES)


@pytest.fixture(scope="module")
def real():
    """Real digits, spare ones in place of synthetic ones; classifiers that saw only real ones are fitted once."""
    evidence = evidence_of(digits(), DIGITS_SHARES, SETTINGS, 0)
    assert len(evidence.trained_on_real) == 2
    return evidence


def changed(real, synthetic=None, **value):
    """The same real images and the classifiers that saw only them, with other synthetic images and settings."""
    settings = SyntheticGateSettings(classifier=CLASSIFIER, value=ValueSettings(**value))
    other = replace(real, synthetic=synthetic or real.synthetic, settings=settings)
    vars(other).update({name: vars(real)[name] for name in OF_REAL_ALONE if name in vars(real)})
    return other


def by_name(metrics):
    return {metric.name: metric for metric in metrics}


@pytest.fixture(scope="module")
def all_arms(real):
    arms = ("synthetic", "real_plus_synthetic", "real_plus_augmented", "real_oversampled")
    return by_name(value_metrics(changed(real, arms=arms)))


def test_every_arm_stands_beside_real_images_alone(all_arms):
    assert tuple(all_arms) == NAMES
    floor = all_arms["train_on_synthetic"].floor
    assert floor > 0.7
    assert all_arms["real_plus_synthetic"].floor == floor
    for arm in ("real_plus_augmented", "real_oversampled"):
        metric = all_arms[arm]
        assert (metric.floor, metric.n) == (floor, 197)
        assert metric.interval[0] < metric.value < metric.interval[1]
        assert metric.note.endswith(" of real alone, paired by image and seed")


def test_an_interval_of_shares_ends_where_shares_do(all_arms):
    intervals = {name: metric.interval for name, metric in all_arms.items() if metric.interval}
    assert {name: found for name, found in intervals.items() if not 0 <= found[0] <= found[1] <= 1} == {}
    assert max(high for _, high in intervals.values()) == 1.0  # the class that loses most has few images


def test_other_real_images_teach_as_well_and_are_recognised(all_arms):
    assert all_arms["train_on_synthetic"].value > 0.85 * all_arms["train_on_synthetic"].floor
    assert all_arms["train_on_real_test_on_synthetic"].n == 593
    assert all_arms["train_on_real_test_on_synthetic"].value == pytest.approx(
        all_arms["train_on_synthetic"].floor, abs=0.1
    )


def test_the_class_that_loses_most_is_named_with_those_that_follow(all_arms):
    metric = all_arms["real_plus_synthetic_lowest_class"]
    name = metric.note.removeprefix("of class ")[0]
    assert metric.note.startswith(f"of class {name}; differences to real alone, lowest first: {name} ")
    assert metric.note.count(", ") == 5
    assert metric.interval[0] < metric.value < metric.interval[1]


def test_what_is_measured_on_test_images_never_decides():
    assert {"train_on_synthetic_all_held_out", "real_plus_synthetic_lowest_class", *ON_TEST} < ONLY_REPORTED


def test_each_class_of_enough_images_has_its_numbers(real, all_arms):
    counts = np.bincount(real.held_out.labels, minlength=10)
    assert counts.min() >= MIN_TEST_IMAGES
    lowest = all_arms["real_plus_synthetic_lowest_class"]
    assert len(lowest.per_class) == 10
    assert lowest.per_class[lowest.note.removeprefix("of class ")[0]] == pytest.approx(lowest.value)
    alone = all_arms["train_on_synthetic_all_held_out"]
    shares = np.array([alone.per_class[str(label)] for label in range(10)])
    assert shares @ counts / counts.sum() == pytest.approx(alone.value)


def test_the_test_split_is_measured_alone_where_there_is_one(real, all_arms):
    assert all_arms["train_on_synthetic_test"].note == "there is no test split"
    few = split_of(real.held_out.images[:40], real.held_out.labels[:40])
    evidence = changed(replace(real, test=few), arms=("synthetic",))
    metric = by_name(measure_synthetic(evidence, measures=VALUE_ONLY))["train_on_synthetic_test"]
    assert (metric.outcome, metric.n, metric.floor > 0.6) == (Outcome.REPORTED, 40, True)


def test_an_arm_that_is_left_out_is_not_measured_and_refuses_where_it_has_to_pass(real):
    metrics = by_name(measure_synthetic(changed(real, arms=()), measures=VALUE_ONLY))
    assert {name for name, metric in metrics.items() if refuses(metric)} == {"train_on_synthetic"}
    assert metrics["train_on_synthetic"].note == "value.arms does not name synthetic"
    assert metrics["real_plus_synthetic"].outcome is Outcome.NOT_MEASURED
    assert "real_oversampled" not in metrics


def test_one_seed_says_nothing_of_paired_differences(real):
    evidence = changed(real, arms=("real_plus_synthetic",), seeds=1)
    metric = by_name(measure_synthetic(evidence, measures=VALUE_ONLY))["real_plus_synthetic"]
    assert (metric.outcome, metric.value) == (Outcome.NOT_MEASURED, None)
    assert metric.note == "value.seeds is 1, which says nothing of how much a seed matters; give 2 or more"


def test_classes_without_synthetic_images_are_named(real):
    labels = real.synthetic.labels
    kept = (labels != 3) & (labels != 8)
    evidence = changed(real, split_of(real.synthetic.images[kept], labels[kept]), arms=("synthetic",))
    metric = by_name(value_metrics(evidence))["train_on_synthetic"]
    assert metric.note.endswith("; no synthetic images of 3, 8")
    assert metric.value < 0.85


def test_fewer_synthetic_images_than_classes_are_not_measured(real):
    few = split_of(real.synthetic.images[:9], real.synthetic.labels[:9])
    metric = by_name(measure_synthetic(changed(real, few), measures=VALUE_ONLY))["train_on_synthetic"]
    assert metric.outcome is Outcome.NOT_MEASURED
    assert metric.note == "9 synthetic images of 10 classes to train on; make at least one for each"


def test_synthetic_images_without_labels_are_not_measured(real):
    images = real.synthetic.images
    unlabelled = LoadedSplit(images, None, real.synthetic.ids, None)
    metric = by_name(measure_synthetic(changed(real, unlabelled), measures=VALUE_ONLY))["real_plus_synthetic"]
    assert metric.outcome is Outcome.NOT_MEASURED
    assert metric.note == "the synthetic images have no labels, which the real training images have"


def test_one_class_has_no_value_to_measure(real):
    one = [replace(part, class_names=("digit",)) for part in (real.train, real.gate, real.held_out, real.synthetic)]
    evidence = replace(real, train=one[0], gate=one[1], held_out=one[2], synthetic=one[3])
    metrics = measure_synthetic(evidence, measures=VALUE_ONLY)
    assert {metric.outcome for metric in metrics} == {Outcome.NOT_APPLICABLE}


def test_no_more_synthetic_images_are_added_than_asked_for(real):
    labels = training_set("real_plus_synthetic", changed(real, most_per_real=0.5))[1]
    assert len(labels) == 809 + round(0.5 * 809)


def test_augmented_copies_are_of_training_images_and_differ_from_them(real):
    images, labels = training_set("real_plus_augmented", real)
    np.testing.assert_array_equal(labels[:809], labels[809:])
    assert 0.5 < np.mean([np.any(image != copy) for image, copy in zip(images[:809], images[809:], strict=True)]) <= 1


def paired(lost, won=0, images=400, seeds=3):
    """Of so many images, each seed loses the first `lost`, and wins as many others as `won`."""
    candidate, reference = np.ones((seeds, images), dtype=bool), np.ones((seeds, images), dtype=bool)
    candidate[:, :lost], reference[:, lost : lost + won] = False, False
    return paired_difference(candidate, reference)


def test_too_few_images_for_the_margin_come_with_the_number_it_takes():
    assert too_few_to_tell(paired(1, 1, images=60), 0.02) == (
        "to tell a loss of 0.02 takes about 576 images; add images, or raise split.validation"
    )


def test_a_clear_loss_is_told_by_few_images():
    assert too_few_to_tell(paired(30, images=60), 0.02) is None


def test_seeds_that_differ_too_much_take_more_seeds():
    found = PairedDifference(0.0, 2, 100, image_variance=0.01, seed_variance=0.01, rest_variance=0.0)
    assert too_few_to_tell(found, 0.02) == "2 seeds differ too much to tell a loss of 0.02; raise value.seeds"


@pytest.mark.parametrize(("interval", "outcome"), [((0.94, 0.96), Outcome.PASSED), ((0.92, 0.96), Outcome.WARNED)])
def test_the_lower_bound_decides_and_by_default_only_warns(real, interval, outcome, all_arms):
    metric = replace(all_arms["real_plus_synthetic"], value=0.95, floor=0.95, interval=interval)
    assert apply_limit(metric, SETTINGS.limit_of(metric.name), 30).outcome is outcome


def test_numbers_are_of_the_settings_and_seeds_of_their_classifiers(real, all_arms):
    identity = value_identity(real)
    assert re.fullmatch(r"value-classifier sha256:[0-9a-f]{12} resize:none", identity)
    assert {metric.extractor for metric in all_arms.values()} == {identity}
    wider = real.settings.model_copy(update={"classifier": CLASSIFIER.model_copy(update={"width": 8})})
    others = (replace(real, seed=1), replace(real, settings=wider), changed(real, seeds=3))
    assert len({identity, *map(value_identity, others)}) == 4


def test_a_limit_on_the_estimate_asks_no_number_of_images(real):
    limits = {"real_plus_synthetic": Limit(limit=0.02, of="floor_excess", on="estimate")}
    evidence = changed(real, arms=("real_plus_synthetic",))
    evidence = replace(evidence, settings=evidence.settings.model_copy(update={"limits": limits}))
    evidence.__dict__["trained_on_real"] = real.trained_on_real
    assert by_name(value_metrics(evidence))["real_plus_synthetic"].value is not None
