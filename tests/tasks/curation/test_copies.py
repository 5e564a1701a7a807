"""Policies for copies, on rows as curate has them."""

import numpy as np
import pytest

from datasets.manifest import Status
from tasks.curate import CurateSettings
from tasks.curation.copies import resolve_exact_duplicates, resolve_near_duplicates
from tasks.curation.finding_list import Findings
from tasks.imaging.measures import measure


def picture(seed, side_px=64):
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4)).astype(np.float64)
    return np.kron(coarse, np.ones((side_px // 4, side_px // 4))).astype(np.uint8)[..., None]


def blend(share):
    """From one picture to another in small steps."""
    return np.rint((1 - share) * picture(1).astype(float) + share * picture(2)).astype(np.uint8)


def decided(images, labels=None, **settings):
    """Rows after both searches, and their findings."""
    rows = [
        {"source": "s", "member": str(number), "frame": 0, "sha256": f"{number:064}", "label": label}
        | {"status": Status.KEPT, "reason": None, "detail": None, "duplicate_group": None, "source_split": None}
        | {"width_px": image.shape[1], "height_px": image.shape[0]}
        | measure(image)
        for number, (image, label) in enumerate(zip(images, labels or ["a"] * len(images), strict=True))
    ]
    thumbnails = np.stack([np.frombuffer(row["thumbnail"], np.uint8) for row in rows])
    findings = Findings()
    settings = CurateSettings(**settings)
    resolve_exact_duplicates(rows, settings, findings)
    copies = resolve_near_duplicates(rows, thumbnails, settings, findings)
    return rows, findings, copies


def kept(rows):
    return [number for number, row in enumerate(rows) if row["status"] == Status.KEPT]


@pytest.mark.parametrize(
    ("policy", "stays"), [("keep_best", [1]), ("keep_first", [0]), ("keep_all", [0, 1, 2]), ("ignore", [0, 1, 2])]
)
def test_policies_for_near_copies(policy, stays):
    rows, _, _ = decided([picture(1, 64), picture(1, 256), picture(1, 128)], near_duplicates=policy)
    assert kept(rows) == stays
    assert len({row["duplicate_group"] for row in rows}) == 1


@pytest.mark.parametrize(("policy", "stays"), [("keep_best", 1), ("keep_first", 1), ("keep_all", 2)])
def test_policies_for_exact_copies(policy, stays):
    rows, _, _ = decided([picture(1), picture(1)], exact_duplicates=policy)
    assert len(kept(rows)) == stays
    assert rows[0]["duplicate_group"] == rows[1]["duplicate_group"] is not None


@pytest.mark.parametrize(("policy", "stays"), [("reject_all", [3]), ("keep_first", [1, 3])])
def test_near_copies_under_two_labels_are_a_finding_of_their_own(policy, stays):
    images = [picture(1, 64), picture(1, 256), picture(1, 128), picture(4)]
    rows, findings, _ = decided(images, ["a", "b", "a", "a"], label_conflicts=policy)
    assert kept(rows) == stays
    assert [row["finding"] for row in findings.rows].count("label_conflict") == 3


@pytest.mark.parametrize(
    ("sides_px", "reason", "detail"),
    [
        ((64, 64, 64), "duplicate_exact", "same pixels as s/0#0, whose label a counts"),
        ((64, 48, 32), "duplicate_near", "nearly the same as s/0#0, whose label a counts"),
    ],
)
def test_where_copies_stay_and_the_first_label_counts_those_of_other_labels_go(sides_px, reason, detail):
    images = [picture(1, side_px) for side_px in sides_px]
    policies = {"exact_duplicates": "keep_all", "near_duplicates": "keep_all", "label_conflicts": "keep_first"}
    rows, _, _ = decided(images, ["a", "a", "b"], **policies)
    assert kept(rows) == [0, 1]
    assert (rows[2]["reason"], rows[2]["detail"]) == (reason, detail)
    assert len({row["duplicate_group"] for row in rows}) == 1


def test_a_chain_of_small_steps_does_not_join_its_ends():
    steps = [blend(number / 40) for number in range(41)]
    rows, _, copies = decided(steps)
    assert len(copies.pairs) >= 40
    assert len({row["duplicate_group"] for row in rows}) >= 2
    assert rows[0]["duplicate_group"] != rows[40]["duplicate_group"]
    assert len(kept(rows)) >= 2


def test_flat_images_are_copies_of_nothing_but_the_same_pixels():
    flat = [np.full((64, 64, 1), level, np.uint8) for level in (10, 10, 90, 200)]
    rows, _, copies = decided(flat)
    assert kept(rows) == [0, 2, 3]
    assert len(copies.pairs) == 0


def test_the_summary_says_what_was_compared_and_cut():
    numbers = decided([picture(1), picture(2)])[2].numbers
    assert numbers["comparisons_cut"] == numbers["proposals_cut"] == 0
    assert numbers["edit_radius_bits"] == 8
