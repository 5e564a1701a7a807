import re

import pytest
from pydantic import ValidationError

from tasks.curation.expectations import Expectations, check_expectations
from tasks.curation.finding_list import Findings

AS_EXPECTED = {"width_px": 28, "height_px": 28, "channels": 1, "bit_depth": 8, "formats": ["png"], "range": [0, 255]}
ROW = {
    **{"source": "s", "member": "1.png", "frame": 0, "sha256": "a", "status": "kept", "reason": None, "detail": None},
    **{"width_px": 28, "height_px": 28, "channels": 1, "bit_depth": 8, "format": "png"},
    **{"brightness_p05": 3.0, "brightness_p95": 240.0},
}


def details(expected, **changes):
    findings, row = Findings(), ROW | changes
    check_expectations([row], Expectations(**expected), findings)
    return [entry["detail"] for entry in findings.rows], row["reason"]


def test_what_is_as_expected_has_no_finding():
    assert details(AS_EXPECTED) == ([], None)


def test_nothing_is_expected_by_default():
    assert details({}, width_px=1, format="gif") == ([], None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"width_px": 30}, "width_px is 30, expected 28"),
        ({"height_px": 30}, "height_px is 30, expected 28"),
        ({"channels": 3}, "channels is 3, expected 1"),
        ({"bit_depth": 16}, "bit_depth is 16, expected 8"),
        ({"format": "jpeg"}, "format is jpeg, expected png"),
        ({"width_px": 30, "format": "gif"}, "width_px is 30, expected 28; format is gif, expected png"),
    ],
)
def test_each_violation_is_said(changes, sentence):
    assert details(AS_EXPECTED, **changes) == ([sentence], "unexpected")


def test_grey_levels_out_of_range_are_found():
    sentence = "grey levels are 3 to 240 (5th to 95th percentile), expected 0 to 200"
    assert details({"range": [0, 200]}) == ([sentence], "unexpected")


def test_a_violation_can_be_only_noted():
    found, reason = details({"width_px": 27, "action": "note"})
    assert (len(found), reason) == (1, None)


def test_formats_have_their_other_names_too():
    assert Expectations(formats=["JPG", ".tif", "jpeg"]).formats == ("jpeg", "tiff")


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        ({"formats": ["word"]}, "got word; allowed are jpeg, png, gif"),
        ({"range": [10, 5]}, "got [10.0, 5.0]; allowed is [least, most] with 0 <= least < most <= 255"),
    ],
)
def test_an_impossible_expectation_is_refused(expected, sentence):
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        Expectations(**expected)
