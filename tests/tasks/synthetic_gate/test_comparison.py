"""The comparison with the gate of the last published version."""

from dataclasses import replace

import pytest

from datasets.gate_file import Gate, Outcome
from tasks.synthetic_gate.comparison import regression_metric
from tasks.synthetic_gate.limits import Limit, apply_limit
from tasks.synthetic_gate.metric_table import METRICS, measured

CLASSIFIER = "classifier sha256:1 resize:none"


def coverage(value, **given):
    metric = measured("coverage", value, **{"extractor": CLASSIFIER, "n": 100, **given})
    return apply_limit(metric, Limit(limit=0.6), min_images=30)


def distance(value):
    return apply_limit(measured("frechet_distance", value, n=100), Limit(limit=20.0), min_images=30)


def compared(now, before, margin=0.25):
    last = ("1.0.0", Gate(gate="synthetic", metrics=tuple(before), decided_on="test"))
    return regression_metric(now, last, margin)


def test_what_is_no_worse_than_the_margin_is_no_regression():
    metric = compared([coverage(0.76), distance(14.9)], [coverage(0.9), distance(10.0)])
    assert (metric.value, metric.note) == (0.0, "compared with 1.0.0, 2 metrics")


@pytest.mark.parametrize("values", [(0.7, 10.0), (0.9, 15.1)])
def test_what_is_worse_by_more_than_a_share_of_its_limit_is_named(values):
    metric = compared([coverage(values[0]), distance(values[1])], [coverage(0.9), distance(10.0)])
    assert metric.value == 1.0
    worse = "coverage 0.7 after 0.9" if values[0] < 0.9 else "frechet_distance 15.1 after 10"
    assert metric.note == f"compared with 1.0.0, 2 metrics; worse by more than 0.25 of their limit: {worse}"


def test_what_is_better_is_no_regression():
    assert compared([coverage(1.0), distance(1.0)], [coverage(0.7), distance(19.0)]).value == 0.0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"n": 90}, "n 90 after 100"),
        ({"extractor": "classifier sha256:2"}, "another classifier"),
        ({"extractor": "inception-2015 sha256:1"}, "inception-2015 after classifier"),
    ],
)
def test_numbers_of_another_extractor_or_n_are_not_compared(given, why):
    metric = compared([coverage(0.1, **given), distance(10.0)], [coverage(0.9), distance(10.0)])
    assert (metric.value, metric.note) == (0.0, f"compared with 1.0.0, 1 metrics; not compared: coverage ({why})")


def test_metrics_that_are_only_reported_are_not_compared():
    reported = replace(coverage(0.1), threshold=None, outcome=Outcome.REPORTED)
    assert compared([reported, distance(10.0)], [coverage(0.9), distance(10.0)]).value == 0.0


def test_without_an_earlier_version_it_does_not_apply():
    metric = regression_metric([coverage(0.9)], None, 0.25)
    assert (metric.outcome, metric.note) == (Outcome.NOT_APPLICABLE, "there is no earlier version")


@pytest.mark.parametrize(("severity", "outcome"), [("warn", Outcome.WARNED), ("block", Outcome.REFUSED)])
def test_a_regression_warns_or_blocks(severity, outcome):
    limit = METRICS["regression"].limit.model_copy(update={"severity": severity})
    metric = compared([coverage(0.5)], [coverage(0.9)])
    assert apply_limit(metric, limit, min_images=30).outcome is outcome
