"""Metrics of the worst class, from given shares and spreads."""

import math

from datasets.gate_file import Outcome
from gan.metrics.diversity import ClassSpread
from gan.value import Faithfulness
from tasks.synthetic_gate.labels import class_faithfulness_metric
from tasks.synthetic_gate.limits import apply_limit
from tasks.synthetic_gate.metric_table import METRICS
from tasks.synthetic_gate.overlaps import diversity_metric

NAMES = ("a", "b", "c")


def shares(*per_class, n=50):
    return Faithfulness(sum(per_class) / 3, per_class, (n, n, n), 3 * n)


def test_a_class_that_the_judge_cannot_tell_on_real_images_has_a_lower_limit():
    metric = class_faithfulness_metric(shares(0.9, 0.7, 0.35), shares(1.0, 1.0, 0.4), 0.8, 0.65, NAMES, "judge")
    assert (metric.value, metric.floor) == (0.35, 0.4)


def test_the_class_furthest_below_its_own_limit_decides():
    metric = class_faithfulness_metric(shares(0.4, 0.9, 0.35), shares(1.0, 1.0, 0.4), 0.8, 0.65, NAMES, "judge")
    assert metric.note == "lowest for class a"
    assert (metric.value, metric.floor) == (0.4, 0.8)
    assert metric.per_class == {"a": 0.4, "b": 0.9, "c": 0.35}


def test_classes_of_too_few_images_are_named_and_not_judged():
    synthetic, real = ClassSpread((1.0, 0.0, 0.5), (50, 9, 50)), ClassSpread((1.0, 1.0, 1.0), (50, 50, 50))
    metric = diversity_metric(synthetic, real, real, NAMES, "random-conv")
    assert (metric.value, metric.note) == (0.5, "lowest for class c; too few images to tell: b")
    assert metric.per_class == {"a": 1.0, "c": 0.5}


def test_a_class_without_synthetic_images_is_not_named():
    synthetic, real = ClassSpread((1.0, math.nan, 0.5), (50, 0, 50)), ClassSpread((1.0, 1.0, 1.0), (50, 50, 50))
    assert diversity_metric(synthetic, real, real, NAMES, "random-conv").note == "lowest for class c"


def test_no_class_with_enough_images_is_not_measured():
    spread = ClassSpread((1.0, 1.0, 1.0), (4, 4, 4))
    metric = diversity_metric(spread, spread, spread, NAMES, "random-conv")
    metric = apply_limit(metric, METRICS[metric.name].limit, min_images=30)
    assert (metric.outcome, metric.severity) == (Outcome.NOT_MEASURED, "block")
    assert metric.note == (
        "no class has 10 synthetic images and 5 real ones to measure them by; "
        "make more images of each class, or add real ones"
    )


def test_the_floor_of_diversity_leaves_out_classes_with_few_held_out_images():
    spread, held_out = ClassSpread((1.0, 1.0, 1.0), (50, 50, 50)), ClassSpread((0.9, 0.1, 1.2), (5, 4, 5))
    assert diversity_metric(spread, spread, held_out, NAMES, "random-conv").floor == 0.9
