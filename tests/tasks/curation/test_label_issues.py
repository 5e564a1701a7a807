import hashlib

import numpy as np
import pytest

from tasks.curation.finding_list import Findings
from tasks.curation.label_issues import LabelIssueSettings, check_label_issues, doubted
from tasks.imaging.measures import measure

ON = LabelIssueSettings(enabled=True)


@pytest.fixture(scope="module")
def digits():
    """Rows and thumbnails of 600 handwritten digits as a scan leaves them; their labels are right."""
    from sklearn.datasets import load_digits

    data = load_digits()
    rows, thumbnails = [], []
    for number in range(600):
        image = np.round(data.images[number] / 16 * 255).astype(np.uint8)[..., None]
        found = measure(image)
        thumbnails.append(np.frombuffer(found["thumbnail"], np.uint8))
        key = {"source": "s", "member": str(number), "frame": 0, "sha256": hashlib.sha256(b"%d" % number).hexdigest()}
        state = {"status": "kept", "reason": None, "detail": None, "duplicate_group": None}
        rows.append(found | key | state | {"label": str(data.target[number]), "width_px": 8, "height_px": 8})
    return rows, np.stack(thumbnails)


def mislabelled(rows, every=30):
    """Copies of the rows of which each so-manieth says the next digit, and which those are."""
    wrong = {str(number) for number in range(0, len(rows), every)}
    changed = [row | ({"label": str((int(row["label"]) + 1) % 10)} if row["member"] in wrong else {}) for row in rows]
    return changed, wrong


def search(rows, thumbnails, settings=ON):
    findings = Findings()
    summary = check_label_issues(rows, thumbnails, settings, findings)
    return {row["member"] for row in findings.rows}, summary, findings


def test_most_wrong_labels_are_found_and_few_right_ones_are_doubted(digits):
    rows, wrong = mislabelled(digits[0])
    found, summary, findings = search(rows, digits[1])
    assert len(found & wrong) >= 0.5 * len(wrong)
    assert len(found - wrong) <= 0.02 * len(rows)
    assert summary["found"] == len(found)
    assert {(row["finding"], row["severity"]) for row in findings.rows} == {("label_doubtful", "note")}


def test_the_same_images_in_another_order_give_the_same(digits):
    rows, _ = mislabelled(digits[0])
    order = np.random.default_rng(0).permutation(len(rows))
    assert search([rows[index] for index in order], digits[1][order])[0] == search(rows, digits[1])[0]


def test_doubtful_labels_are_rejected_where_the_settings_say_so(digits):
    rows, _ = mislabelled(digits[0])
    found, _, _ = search(rows, digits[1], LabelIssueSettings(enabled=True, action="reject"))
    assert {row["member"] for row in rows if row["reason"] == "label_doubtful"} == found


def test_nothing_is_doubted_where_the_classes_cannot_be_told_apart(digits):
    rng = np.random.default_rng(0)
    rows = [row | {"label": str(label)} for row, label in zip(digits[0], rng.integers(0, 3, 600), strict=True)]
    found, summary, _ = search(rows, digits[1])
    assert (found, summary["found"]) == (set(), 0)
    assert summary["note"].endswith("too few to doubt a label")


def test_it_is_off_by_default_and_needs_two_classes(digits):
    rows, thumbnails = digits
    assert search(rows, thumbnails, LabelIssueSettings())[:2] == (set(), None)
    assert search([row | {"label": "one"} for row in rows], thumbnails)[:2] == (set(), None)


def test_a_row_is_doubted_where_another_class_is_sure_and_its_own_is_ruled_out():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.0, 1.0], [0.1, 0.9], [0.3, 0.7]])
    assert doubted(probabilities, np.array([0, 0, 0, 1, 1]), 0.02) == [(2, 1)]
    assert doubted(probabilities, np.array([0, 0, 0, 1, 0]), 0.02) == [(2, 1)]
