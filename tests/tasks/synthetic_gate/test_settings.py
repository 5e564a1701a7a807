"""What the settings of the synthetic gate say and refuse."""

import re

import pytest
from pydantic import ValidationError

from tasks.synthetic_gate.metric_table import METRICS
from tasks.synthetic_gate.settings import SyntheticGateSettings


def settings(**limits):
    return SyntheticGateSettings(limits=limits)


def test_metrics_that_are_not_named_keep_their_limits():
    found = settings(coverage={"limit": 0.8})
    assert found.limit_of("recall") == METRICS["recall"].limit


def test_what_is_not_said_of_a_metric_stays_as_in_the_table():
    limit = settings(frechet_distance={"severity": "warn"}).limit_of("frechet_distance")
    assert (limit.limit, limit.of, limit.severity) == (2.0, "floor_ratio", "warn")


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"fid": {"limit": 3}}, "fid is no metric of the synthetic gate; there are frechet_distance, frechet_infinity"),
        (
            {"frechet_distance": {"of": "absolute"}},
            "frechet_distance.of is absolute instead of floor_ratio; give its limit too",
        ),
        (
            {"density": {"severity": "warn"}},
            "limits.density has severity warn and no limit; give a limit, or severity report",
        ),
        (
            {"train_on_synthetic_all_held_out": {"severity": "block", "limit": 0.9}},
            "limits.train_on_synthetic_all_held_out has severity block, and it is measured on test images too, which "
            "never decide; use report",
        ),
        (
            {"lowest_class_diversity": {"on": "interval"}},
            "limits.lowest_class_diversity is to be judged on an interval, and this metric has none; set on to "
            "estimate",
        ),
        (
            {"near_copies": {"extractor": "classifier"}},
            "limits.near_copies is for the extractor classifier, and this metric uses no extractor; leave it out",
        ),
        (
            {"frechet_distance": {"extractor": "inception-2015"}},
            "limits.frechet_distance is for the extractor inception-2015, and extractor.kind is auto; change one of "
            "them",
        ),
        (
            {"regression": {"of": "floor_ratio", "limit": 2}},
            "limits.regression is of floor_ratio, and there is no real against real to compare this metric with; set "
            "of to absolute",
        ),
        *(
            (
                {name: {"of": "absolute", "limit": 12, "severity": "warn"}},
                f"limits.{name} is absolute, and such a number belongs to one extractor; name it, e.g. with "
                "extractor: classifier, or set of to floor_ratio",
            )
            for name in ("frechet_distance", "frechet_infinity", "kernel_distance", "inception_score")
        ),
    ],
)
def test_limits_that_cannot_be_are_refused_by_name(limits, sentence):
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        settings(**limits)


def limited(extractor, limited_to):
    limits = {"frechet_distance": {"limit": 12, "of": "absolute", "extractor": limited_to}}
    return SyntheticGateSettings(limits=limits, extractor=extractor)


def test_a_limit_may_be_for_one_file_and_one_resize_rule():
    wanted = "inception-2015 sha256:0f0f0f0f0f0f resize:clean"
    found = limited({"kind": "inception-2015", "resize": "clean"}, wanted)
    assert found.limit_of("frechet_distance").extractor == wanted


@pytest.mark.parametrize(
    ("kind", "limited_to", "rule"),
    [("inception-2015", "inception-2015 resize:legacy", "clean"), ("classifier", "classifier resize:clean", "none")],
)
def test_a_limit_for_another_resize_rule_is_refused_by_name(kind, limited_to, rule):
    sentence = (
        f"limits.frechet_distance is for the extractor {limited_to}, and it resizes by {rule}; change one of them"
    )
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        limited({"kind": kind}, limited_to)


def test_a_limit_may_name_the_extractor_that_measures():
    found = SyntheticGateSettings(
        limits={"frechet_distance": {"extractor": "random-conv"}}, extractor={"kind": "random-conv"}
    )
    assert found.limit_of("frechet_distance").extractor == "random-conv"


@pytest.mark.parametrize("name", METRICS)
def test_every_default_limit_can_be_written_down(name):
    written = METRICS[name].limit.model_dump()
    assert settings(**{name: written}).limit_of(name) == METRICS[name].limit
