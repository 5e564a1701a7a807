import math

import pytest

from tasks.curation.finding_list import Findings
from tasks.curation.labels import (
    check_class_sizes,
    check_labels,
    class_balance,
    effective_classes,
    read_balance,
    write_balance,
)


def rows_of(*labels):
    base = {"source": "s", "frame": 0, "sha256": "a", "status": "kept", "reason": None, "detail": None}
    return [base | {"member": str(number), "label": label} for number, label in enumerate(labels)]


def reasons(rows):
    return [row["reason"] for row in rows]


def test_a_label_that_is_none_of_the_classes_is_rejected_and_both_are_named():
    rows = rows_of("cat", "dgo", "dog")
    check_labels(rows, ["cat", "dog"], Findings())
    assert reasons(rows) == [None, "label_unknown", None]
    assert rows[1]["detail"] == "label dgo is none of curate.classes (cat, dog); correct one or the other"


def test_where_classes_are_named_an_unlabelled_image_lacks_its_label():
    rows = rows_of(None, None)
    check_labels(rows, ["cat"], Findings())
    assert reasons(rows) == ["label_missing"] * 2


def test_any_label_will_do_where_no_classes_are_named():
    rows = rows_of("cat", "dgo")
    check_labels(rows, None, Findings())
    assert reasons(rows) == [None, None]


def test_small_classes_are_rejected_whole():
    rows = rows_of("cat", "cat", "dog")
    check_class_sizes(rows, 2, Findings())
    assert reasons(rows) == [None, None, "class_too_small"]


def test_balance_counts_images_in_use_and_names_empty_classes():
    rows = rows_of("cat", "cat", "cat", "dog", "bird")
    rows[4]["status"] = "rejected"
    assert class_balance(rows, ["cat", "dog", "fox"]) == {
        "images": {"cat": 3, "dog": 1, "fox": 0},
        "empty": ["fox"],
        "largest_to_smallest": 3.0,
        "effective_classes": pytest.approx(1.7548, abs=1e-4),
    }
    assert class_balance(rows, None)["empty"] == ["bird"]


def test_a_label_that_the_settings_leave_out_names_no_class():
    rows = rows_of("cat", "blurred")
    rows[1] |= {"status": "unselected", "reason": "label_left_out"}
    assert class_balance(rows, None)["images"] == {"cat": 1}
    assert class_balance(rows, ["blurred", "cat"])["empty"] == ["blurred"]


def test_images_without_classes_have_no_balance(tmp_path):
    assert class_balance(rows_of(None, None), None) is None
    write_balance(tmp_path, None)
    assert read_balance(tmp_path) is None


def test_equal_classes_are_as_effective_as_many():
    assert effective_classes([7, 7, 7]) == pytest.approx(3)
    assert effective_classes([100]) == pytest.approx(1)
    assert effective_classes([9, 1]) == pytest.approx(math.exp(-(0.9 * math.log(0.9) + 0.1 * math.log(0.1))))
    assert effective_classes([]) == 0
