import json
import math
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.errors import FormatError
from datasets.gate_file import Gate, Metric, Outcome, describe_refusals, judged, read_gate, refuses, write_gate

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
METRICS = st.builds(
    Metric,
    name=st.text(),
    title=st.text(),
    value=NUMBERS,
    outcome=st.sampled_from(Outcome),
    threshold=NUMBERS,
    direction=st.sampled_from(["max", "min"]),
    severity=st.sampled_from(["block", "warn", "report"]),
    on=st.sampled_from(["estimate", "interval"]),
    floor=NUMBERS,
    interval=st.none() | st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2),
    extractor=st.none() | st.text(),
    n=st.none() | st.integers(0),
    per_class=st.none() | st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    note=st.text(),
)


def metric(value: float | None, **values) -> Metric:
    return Metric(
        **{"name": "fid", "title": "FID", "outcome": Outcome.REPORTED, "threshold": 35.0, **values}, value=value
    )


def gate_of(*metrics: Metric) -> Gate:
    return Gate(gate="synthetic", metrics=metrics, decided_on="validation, second half")


@given(st.lists(METRICS, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_written_is_read(tmp_path, metrics):
    gate = gate_of(*metrics)
    write_gate(gate, tmp_path)
    assert read_gate(tmp_path) == gate


def test_the_file_says_its_verdict(tmp_path):
    write_gate(gate_of(judged(metric(40.0))), tmp_path)
    assert json.loads((tmp_path / "gate.json").read_text())["verdict"] == "refused"


def test_the_file_has_only_values_that_json_knows(tmp_path):
    per_class = {"a": 0.5, "b": math.nan}
    odd = metric(math.inf, threshold=None, floor=math.nan, interval=(0.0, math.inf), per_class=per_class)
    write_gate(gate_of(odd), tmp_path)
    (read,) = read_gate(tmp_path).metrics
    assert (read.value, read.floor, read.interval, read.per_class) == (None, None, None, {"a": 0.5})


def test_an_unknown_version_is_refused_by_name(tmp_path):
    path = tmp_path / "gate.json"
    path.write_text('{"format_version": 9}')
    sentence = f"{path}: gate version 9, this code reads 3; run the gate again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        read_gate(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format_version": 3}'])
def test_a_damaged_file_is_refused(tmp_path, text):
    path = tmp_path / "gate.json"
    path.write_text(text)
    sentence = rf"^{re.escape(str(path))}: damaged \(.+\); delete it and run the gate again$"
    with pytest.raises(FormatError, match=sentence):
        read_gate(tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    sentence = f"{tmp_path / 'gate.json'}: cannot be read (No such file or directory); run the gate again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        read_gate(tmp_path)


@pytest.mark.parametrize(
    ("value", "direction", "severity", "outcome"),
    [
        (35.0, "max", "block", Outcome.PASSED),
        (35.1, "max", "block", Outcome.REFUSED),
        (35.1, "max", "warn", Outcome.WARNED),
        (35.0, "min", "block", Outcome.PASSED),
        (34.9, "min", "block", Outcome.REFUSED),
    ],
)
def test_the_outcome_follows_from_value_and_threshold(value, direction, severity, outcome):
    assert judged(metric(value, direction=direction, severity=severity)).outcome is outcome


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_refuses(value):
    result = judged(metric(value, note="one image per class"))
    assert (result.value, result.outcome) == (None, Outcome.NOT_MEASURED)
    assert result.note == f"one image per class; got {value}"
    assert refuses(result)


@pytest.mark.parametrize(
    ("direction", "interval", "outcome"),
    [
        ("max", (30.0, 35.0), Outcome.PASSED),
        ("max", (30.0, 35.1), Outcome.REFUSED),
        ("min", (35.0, 50.0), Outcome.PASSED),
        ("min", (34.9, 50.0), Outcome.REFUSED),
    ],
)
def test_the_worse_end_of_the_interval_is_judged(direction, interval, outcome):
    assert judged(metric(35.0, direction=direction, interval=interval, on="interval")).outcome is outcome


def test_without_an_interval_that_is_to_be_judged_a_metric_is_not_measured():
    result = judged(metric(1.0, on="interval"))
    assert (result.outcome, result.value, result.note) == (Outcome.NOT_MEASURED, None, "got no interval")


def test_a_refusal_by_the_end_of_an_interval_says_so():
    refusal = judged(metric(30.0, interval=(20.0, 40.0), on="interval"))
    assert describe_refusals([refusal]) == "FID 40 (end of its interval) > 35"


def test_a_metric_without_a_threshold_is_left_alone():
    assert judged(metric(1.0, threshold=None)).outcome is Outcome.REPORTED


@pytest.mark.parametrize(
    ("outcome", "severity", "expected"),
    [
        (Outcome.REFUSED, "block", True),
        (Outcome.NOT_MEASURED, "block", True),
        (Outcome.NOT_MEASURED, "warn", False),
        (Outcome.WARNED, "warn", False),
        (Outcome.REPORTED, "block", False),
        (Outcome.NOT_APPLICABLE, "block", False),
    ],
)
def test_which_outcomes_refuse(outcome, severity, expected):
    assert refuses(metric(1.0, outcome=outcome, severity=severity)) is expected


def test_one_refusal_refuses_the_gate():
    gate = gate_of(judged(metric(1.0)), judged(metric(40.0, name="kid")))
    assert gate.verdict == "refused"
    assert [refusal.name for refusal in gate.refusals] == ["kid"]


def test_no_refusal_passes_the_gate():
    assert gate_of(judged(metric(1.0)), metric(90.0)).verdict == "passed"


def test_refusals_as_a_sentence():
    refusals = [
        judged(metric(40.25)),
        judged(metric(0.31, title="coverage", threshold=0.7, direction="min")),
        metric(None, title="KID", outcome=Outcome.NOT_MEASURED, note="too few images"),
    ]
    assert describe_refusals(refusals) == ("FID 40.25 > 35; coverage 0.31 < 0.7; KID was not measured (too few images)")
