"""What becomes of a measured number and its limit."""

import math

import pytest

from datasets.gate_file import Outcome
from tasks.synthetic_gate.limits import Limit, apply_limit
from tasks.synthetic_gate.metric_table import measured, not_applicable


def judged(value, limit, name="coverage", **measured_too):
    return apply_limit(measured(name, value, **measured_too), limit, min_images=30)


@pytest.mark.parametrize(
    ("name", "of", "threshold"),
    [
        ("coverage", "absolute", 0.5),
        ("coverage", "floor_ratio", 0.4),
        ("coverage", "floor_excess", 0.3),  # smaller is worse: it may fall short by the limit
        ("near_copies", "floor_excess", 1.3),
    ],
)
def test_limits_are_absolute_or_relative_to_real_against_real(name, of, threshold):
    assert judged(0.6, Limit(limit=0.5, of=of), name, floor=0.8).threshold == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("severity", "outcome"), [("block", Outcome.REFUSED), ("warn", Outcome.WARNED), ("report", Outcome.REPORTED)]
)
def test_severity_says_what_a_limit_that_is_passed_does(severity, outcome):
    assert judged(0.4, Limit(limit=0.5, severity=severity)).outcome is outcome


def test_a_reported_metric_needs_no_limit():
    assert judged(0.4, Limit(severity="report")).outcome is Outcome.REPORTED


def test_the_end_of_the_interval_can_decide_alone():
    limit = Limit(limit=0.5)
    on_interval = limit.model_copy(update={"on": "interval"})
    assert judged(0.6, limit, interval=(0.4, 0.8)).outcome is Outcome.PASSED
    assert judged(0.6, on_interval, interval=(0.4, 0.8)).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("limit", "given", "why"),
    [
        (Limit(limit=0.5), {"n": 29}, "29 images, 30 are needed; add images, or lower min_images"),
        (Limit(limit=0.5, min_images=50), {"n": 49}, "49 images, 50 are needed; add images, or lower min_images"),
        (
            Limit(limit=0.5, extractor="inception-2015"),
            {"extractor": "random-conv sha256:12 resize:none"},
            "its limit is for the extractor inception-2015, and this was measured with random-conv sha256:12 "
            "resize:none",
        ),
        (
            Limit(limit=0.5, of="floor_ratio"),
            {},
            "real images against real ones could not be measured, and its limit is relative to that",
        ),
        (Limit(limit=0.5, on="interval"), {}, "it has no interval to judge"),
    ],
)
def test_what_cannot_be_judged_is_not_measured_and_no_number(limit, given, why):
    metric = judged(0.6, limit, **{"n": 60, **given})
    assert (metric.outcome, metric.value, metric.note) == (Outcome.NOT_MEASURED, None, why)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("severity", ["block", "report"])
def test_what_is_no_number_is_not_measured(value, severity):
    metric = judged(value, Limit(limit=0.5, severity=severity))
    assert (metric.outcome, metric.value) == (Outcome.NOT_MEASURED, None)


def test_a_limit_for_the_extractor_that_measured_decides():
    metric = judged(0.6, Limit(limit=0.5, extractor="classifier"), extractor="classifier sha256:12 resize:none")
    assert metric.outcome is Outcome.PASSED


IDENTITY = "inception-2015 sha256:1f3a5c7799aa resize:clean"


@pytest.mark.parametrize(
    ("wanted", "is_its"),
    [
        ("inception-2015", True),
        ("inception-2015 resize:clean", True),
        (IDENTITY, True),
        ("inception-2015 resize:legacy", False),
        ("inception-2015 sha256:0f3a5c7799aa", False),
        ("resize:clean", False),
    ],
)
def test_a_limit_may_be_for_more_than_the_name_of_an_extractor(wanted, is_its):
    metric = judged(0.6, Limit(limit=0.5, extractor=wanted), extractor=IDENTITY)
    assert (metric.outcome is Outcome.PASSED) == is_its


def test_what_does_not_apply_stays_so():
    (metric,) = not_applicable(["coverage"])
    assert apply_limit(metric, Limit(limit=0.5), min_images=30) == metric
