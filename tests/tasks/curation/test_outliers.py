import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.curation.finding_list import Findings
from tasks.curation.outliers import (
    LIMITS,
    ClassOutlierSettings,
    OutlierActions,
    OutlierLimits,
    check_class_outliers,
    check_limits,
    robust_z,
)
from tasks.findings import FINDINGS
from tasks.imaging.measures import measure

_DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")
SOUND = {
    **{"source": "s", "frame": 0, "sha256": "a", "label": "x", "status": "kept", "reason": None, "detail": None},
    **{"width_px": 100, "height_px": 80, "mean": 120.0, "std": 50.0, "entropy_bits": 7.0, "sharpness": 900.0},
    **{"brightness_p05": 20.0, "brightness_p95": 220.0, "clipped_fraction": 0.01},
}
BEYOND = [  # finding, limits that are not on by default, what is measured
    ("too_small", {}, {"width_px": 7, "height_px": 7}),
    ("oversized", {"max_side_px": 99}, {}),
    ("odd_aspect", {}, {"width_px": 801, "height_px": 100}),
    ("flat", {}, {"std": 1.9}),
    ("flat_black", {}, {"std": 1.9, "mean": 7.0}),
    ("flat_white", {}, {"std": 1.9, "mean": 250.0}),
    ("low_entropy", {}, {"entropy_bits": 0.4}),
    ("too_dark", {}, {"brightness_p95": 9.0}),
    ("too_bright", {}, {"brightness_p05": 246.0}),
    ("clipped", {"max_clipped_fraction": 0.5}, {"clipped_fraction": 0.6}),
    ("too_blurry", {}, {"sharpness": 14.0}),
]


def row(number=0, **changes):
    return SOUND | {"member": f"{number}.png"} | changes


def found(limits, **changes):
    """Findings of one row as (code, severity), and its status afterwards."""
    findings, checked = Findings(), row(**changes)
    check_limits([checked], limits, findings)
    return [(entry["finding"], entry["severity"]) for entry in findings.rows], checked["status"]


@pytest.mark.parametrize(("finding", "limits", "changes"), BEYOND, ids=[entry[0] for entry in BEYOND])
@pytest.mark.parametrize("action", ["reject", "note"])
def test_beyond_a_limit_is_rejected_or_noted_as_the_settings_say(finding, limits, changes, action):
    actions = OutlierActions(**{finding.removesuffix("_black").removesuffix("_white"): action})
    assert found(OutlierLimits(**limits, actions=actions), **changes) == (
        [(finding, action)],
        "rejected" if action == "reject" else "kept",
    )


def test_at_a_limit_is_not_beyond_it():
    at = {"width_px": 64, "height_px": 8, "std": 2.0, "entropy_bits": 0.5, "brightness_p95": 10.0, "sharpness": 15.0}
    assert found(OutlierLimits(), **at, brightness_p05=245.0) == ([], "kept")


def test_null_switches_a_limit_off():
    off = OutlierLimits(**{entry.setting: None for entry in LIMITS})
    assert found(off, width_px=1, height_px=900, std=0.0, entropy_bits=0.0, sharpness=0.0) == ([], "kept")


def test_a_reject_ends_the_search_and_notes_do_not():
    assert found(OutlierLimits(), brightness_p95=9.0, sharpness=1.0) == (
        [("too_dark", "note"), ("too_blurry", "note")],
        "kept",
    )
    assert found(OutlierLimits(), std=0.0, brightness_p95=9.0, sharpness=1.0)[0] == [("flat", "reject")]


def test_a_detail_names_value_setting_and_limit():
    findings = Findings()
    check_limits([row(sharpness=12.345)], OutlierLimits(), findings)
    assert findings.rows[0]["detail"] == "sharpness 12.35 is under min_sharpness 15"


def test_every_limit_has_an_action_and_an_explained_finding():
    assert {entry.finding for entry in LIMITS} == set(OutlierActions.model_fields)
    assert {entry.finding for entry in LIMITS} <= set(FINDINGS)


def test_robust_z_is_the_distance_from_the_median_in_scaled_median_deviations():
    scores = robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), 0.01)
    assert scores == pytest.approx(np.array([-2, -1, 0, 1, 97]) / 1.4826)


def test_where_all_are_equal_a_small_difference_is_not_far():
    assert robust_z(np.array([5.0] * 20 + [6.0]), 4.0)[-1] == pytest.approx(0.25)


def class_outliers(rows, **settings):
    findings = Findings()
    check_class_outliers(rows, ClassOutlierSettings(**settings), findings)
    return [(entry["member"], entry["severity"], entry["detail"]) for entry in findings.rows]


def test_an_image_is_compared_with_its_own_class():
    dark = [row(number, label="dark", mean=20.0 + number % 5) for number in range(60)]
    bright = [row(100 + number, label="bright", mean=220.0 + number % 5) for number in range(60)]
    stray = row(999, label="dark", mean=221.0)
    assert class_outliers([*dark, *bright]) == []
    sentence = "brightness lies 49.8 robust deviations above that of class dark"
    assert class_outliers([*dark, *bright, stray]) == [("999.png", "note", sentence)]


def test_odd_sizes_are_far_from_a_class_of_one_size():
    rows = [row(number) for number in range(60)] + [row(999, width_px=1000, height_px=800)]
    assert [member for member, _, _ in class_outliers(rows)] == ["999.png"]


def test_a_small_class_is_not_judged():
    rows = [row(number) for number in range(20)] + [row(999, mean=250.0)]
    assert class_outliers(rows) == []
    assert [member for member, _, _ in class_outliers(rows, min_class_images=10)] == ["999.png"]


def test_a_class_outlier_is_rejected_where_the_settings_say_so():
    rows = [row(number) for number in range(60)] + [row(999, mean=250.0)]
    class_outliers(rows, action="reject")
    assert (rows[-1]["status"], rows[-1]["reason"]) == ("rejected", "class_outlier")


def test_defaults_find_nothing_on_sound_photographs():
    if not _DATA or not (Path(_DATA) / "clothing").is_dir():
        pytest.skip("AUGMENT_DATASET_TEST_DATA is unset, or holds no clothing/")
    findings = Findings()
    files = sorted((Path(_DATA) / "clothing").rglob("*.jpg"))[::40]
    rows = []
    for number, path in enumerate(files):
        image = cv2.imread(str(path))[..., ::-1]
        rows.append(
            row(number, **measure(np.ascontiguousarray(image)), width_px=image.shape[1], height_px=image.shape[0])
        )
    check_limits(rows, OutlierLimits(), findings)
    assert len(rows) > 50
    assert findings.rows == []
