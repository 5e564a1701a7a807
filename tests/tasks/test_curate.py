from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table, with_columns, write_table
from datasets.sources import source_settings
from tasks.curate import CHECKS, DECIDING_COLUMNS, CurateSettings, Curation, curate, rows_of
from tasks.curation.finding_list import BEYOND_OVERRIDES
from tasks.curation.labels import read_balance
from tasks.data_gate.measures import effective_per_class
from tasks.findings import FINDINGS
from tasks.imaging.measures import measure


def picture(seed, side_px=16):
    """Smooth random uint8 [side, side, 1], unlike any other seed's."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4)).astype(np.float64)
    return np.kron(coarse, np.ones((side_px // 4, side_px // 4))).astype(np.uint8)[..., None]


def decided(workbench):
    return {
        row["member"]: (row["status"], row["reason"])
        for row in read_table(workbench.outputs["curate"] / MANIFEST_FILE).to_pylist()
    }


def groups(workbench):
    table = read_table(workbench.outputs["curate"] / MANIFEST_FILE)
    return dict(zip(table["member"].to_pylist(), table["duplicate_group"].to_pylist(), strict=True))


def test_an_exact_duplicate_is_rejected_and_the_first_is_kept(workbench, write_images):
    workbench.prepare(write_images({"a/1.png": picture(1), "a/2.png": picture(1), "a/3.png": picture(3)}), "curate")
    assert decided(workbench) == {
        "a/1.png": ("kept", None),
        "a/2.png": ("rejected", "duplicate_exact"),
        "a/3.png": ("kept", None),
    }


def test_kept_duplicates_share_a_group(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(1), "a/3.png": picture(3)})
    workbench.prepare(folder, "curate", curate=CurateSettings(exact_duplicates="keep_all", near_duplicates="keep_all"))
    found = groups(workbench)
    assert found["a/1.png"] == found["a/2.png"] is not None
    assert found["a/3.png"] is None


def test_kept_duplicates_are_not_rejected_as_near_ones(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(1), "a/3.png": picture(3)})
    workbench.prepare(folder, "curate", curate=CurateSettings(exact_duplicates="keep_all"))
    assert set(decided(workbench).values()) == {("kept", None)}


def test_one_picture_under_two_labels_is_rejected_under_both(workbench, write_images):
    workbench.prepare(write_images({"a/1.png": picture(1), "b/1.png": picture(1), "b/2.png": picture(2)}), "curate")
    assert decided(workbench) == {
        "a/1.png": ("rejected", "label_conflict"),
        "b/1.png": ("rejected", "label_conflict"),
        "b/2.png": ("kept", None),
    }


def test_a_near_duplicate_is_rejected_and_the_larger_is_kept(workbench, write_images):
    folder = write_images({"a/1.png": picture(1, 32), "a/2.png": picture(1, 64), "a/3.png": picture(3)})
    workbench.prepare(folder, "curate")
    assert decided(workbench)["a/1.png"] == ("rejected", "duplicate_near")
    assert decided(workbench)["a/2.png"] == ("kept", None)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((16, 16, 1), np.uint8), "flat_black"),
        (np.full((16, 16, 1), 255, np.uint8), "flat_white"),
        (np.full((16, 16, 1), 100, np.uint8), "flat"),
        (picture(5)[:4], "too_small"),
        (np.concatenate([picture(seed) for seed in range(10)], axis=1), "odd_aspect"),
    ],
    ids=["black", "white", "grey", "small", "long"],
)
def test_unfit_images_are_rejected(workbench, write_images, image, reason):
    workbench.prepare(write_images({"a/odd.png": image, "a/fine.png": picture(1)}), "curate")
    assert decided(workbench) == {"a/odd.png": ("rejected", reason), "a/fine.png": ("kept", None)}


def test_an_image_without_a_label_among_labelled_ones_is_rejected(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "b/2.png": picture(2), "loose.png": picture(3)})
    workbench.prepare(folder, "curate", source=source_settings(path=folder, kind="folder_per_class"))
    assert decided(workbench)["loose.png"] == ("rejected", "label_missing")


def test_unlabelled_images_are_no_fault(workbench, write_images):
    workbench.prepare(write_images({"1.png": picture(1), "2.png": picture(2)}), "curate")
    assert set(decided(workbench).values()) == {("kept", None)}


def test_a_class_that_is_too_small_is_rejected_whole(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(2), "b/3.png": picture(3)})
    workbench.prepare(folder, "curate", curate=CurateSettings(min_images_per_class=2))
    assert decided(workbench)["b/3.png"] == ("rejected", "class_too_small")


def test_every_reject_has_a_finding_with_a_sentence(workbench, write_images):
    workbench.prepare(write_images({"a/1.png": picture(1), "a/2.png": picture(1), "a/3.png": b"x"}), "curate")
    rows = read_table(workbench.outputs["curate"] / FINDINGS_FILE).to_pylist()
    assert {(row["member"], row["finding"]) for row in rows} == {
        ("a/2.png", "duplicate_exact"),
        ("a/3.png", "not_an_image"),
    }
    assert all(row["detail"] for row in rows)


def test_no_row_is_lost(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(1), "a/3.png": b""})
    summary = workbench.prepare(folder, "curate")
    assert summary["images_in"] == len(decided(workbench)) == 3
    assert summary["images_out"] + sum(summary["rejected"].values()) == 3


def test_an_image_without_a_licence_is_rejected_where_one_is_required(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(2)})
    strict = CurateSettings(require_licence=True)
    workbench.prepare(folder, "curate", curate=strict)
    assert set(decided(workbench).values()) == {("kept", None)}
    workbench.prepare(folder, "curate", curate=strict, source=source_settings(path=folder, licence=" "))
    assert set(decided(workbench).values()) == {("rejected", "licence_missing")}


def test_a_licence_is_not_required_unless_told(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(2)})
    workbench.prepare(folder, "curate", source=source_settings(path=folder))
    assert set(decided(workbench).values()) == {("kept", None)}


def test_of_copies_the_one_with_a_licence_stays(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(1), "a/3.png": picture(3)})
    workbench.prepare(folder, "scan")
    change(workbench, licence=["", "CC0-1.0", "CC0-1.0"])
    workbench.run("curate", curate, CurateSettings(require_licence=True), "scan")
    assert decided(workbench)["a/1.png"] == ("rejected", "licence_missing")
    assert decided(workbench)["a/2.png"] == ("kept", None)


def change(workbench, **columns):
    """Replace columns of the manifest that the scan wrote."""
    path = workbench.outputs["scan"] / MANIFEST_FILE
    write_table(with_columns(read_table(path), **columns), path)


@pytest.mark.parametrize("sides_px", [(16, 16), (64, 32)], ids=["exact", "near"])
def test_a_copy_among_training_images_does_not_oust_the_one_that_the_source_tests_with(
    workbench, write_images, sides_px
):
    first, second = sides_px
    folder = write_images({"a/1.png": picture(1, first), "a/2.png": picture(1, second), "a/3.png": picture(3)})
    workbench.prepare(folder, "scan")
    change(workbench, source_split=["train", "test", "validation"])
    workbench.run("curate", curate, CurateSettings(), "scan")
    assert decided(workbench)["a/1.png"][0] == "rejected"
    assert decided(workbench)["a/2.png"] == ("kept", None)


LABELS = st.sampled_from([None, "cat", "dog", "fox"])
IMAGES = st.tuples(
    st.integers(0, 5), st.sampled_from([16, 32]), LABELS, st.sampled_from(["kept", "rejected", "repaired"])
)
POLICIES = st.fixed_dictionaries(
    {
        "exact_duplicates": st.sampled_from(["keep_first", "keep_best", "keep_all"]),
        "near_duplicates": st.sampled_from(["keep_best", "keep_all", "ignore"]),
        "label_conflicts": st.sampled_from(["reject_all", "keep_first"]),
        "classes": st.sampled_from([None, ("cat", "dog")]),
        "min_images_per_class": st.integers(1, 3),
        "min_side_px": st.sampled_from([None, 20]),
        "expect": st.sampled_from([{}, {"width_px": 32}, {"width_px": 32, "action": "note"}]),
    }
)


@pytest.fixture(scope="module")
def drawn():
    """measures of `picture(seed, side)`, each made once."""
    return {
        (seed, side_px): measure(picture(seed, side_px)) | {"width_px": side_px, "height_px": side_px}
        for seed in range(6)
        for side_px in (16, 32)
    }


@given(st.lists(IMAGES, min_size=1, max_size=12), POLICIES, st.sets(st.integers(0, 11), max_size=3))
@settings(max_examples=60, deadline=None)
def test_counts_add_up_and_every_row_has_one_fate(drawn, images, policies, kept):
    rows = []
    for number, (seed, side_px, label, status) in enumerate(images):
        found = {name: value for name, value in drawn[seed, side_px].items() if name != "thumbnail"}
        key = {"source": "s", "member": str(number), "frame": 0, "kind": "real", "sha256": f"{seed}-{side_px}"}
        fate = {"status": status, "reason": "truncated" if status == "rejected" else None, "detail": None}
        state = {"label": label, "licence": None, "source_split": None, "duplicate_group": None, "format": "png"}
        rows.append(found | key | fate | state | {"channels": 1, "bit_depth": 8})
    thumbnails = [np.frombuffer(drawn[seed, side_px]["thumbnail"], np.uint8) for seed, side_px, _, _ in images]
    work = Curation(rows, np.stack(thumbnails), CurateSettings(**policies))
    for number in kept & set(range(len(rows))):
        work.findings.protect(rows[number])
    before = [row["member"] for row in rows]
    for check in CHECKS:
        check(work)
    assert [row["member"] for row in work.rows] == before
    assert all((row["status"] == "rejected") == (row["reason"] is not None) for row in rows)
    rejects = Counter(entry["member"] for entry in work.findings.rows if entry["severity"] == "reject")
    newly = {row["member"] for row in rows if row["status"] == "rejected" and row["reason"] != "truncated"}
    assert rejects == dict.fromkeys(newly, 1)
    beyond = {row["reason"] for row in rows if int(row["member"]) in kept} - {None, "truncated"}
    assert beyond <= BEYOND_OVERRIDES
    assert {entry["finding"] for entry in work.findings.rows} <= set(FINDINGS)


def test_the_summary_says_how_even_the_classes_are_and_which_are_empty(workbench, write_images):
    folder = write_images({"a/1.png": picture(1), "a/2.png": picture(2), "b/3.png": b"no image", "c/4.png": picture(4)})
    summary = workbench.prepare(folder, "curate", curate=CurateSettings(classes=("a", "b", "c", "d")))
    assert summary["classes"]["images"] == {"a": 2, "b": 0, "c": 1, "d": 0}
    assert summary["classes"]["empty"] == ["b", "d"]
    assert summary["classes"] == read_balance(workbench.outputs["curate"])


def test_expectations_are_of_the_stored_file(workbench, write_images):
    folder = write_images({"a/1.png": picture(1, 32), "a/2.png": picture(2, 16)})
    expected = {"width_px": 32, "height_px": 32, "channels": 1, "bit_depth": 8, "formats": ["png"], "range": [0, 255]}
    workbench.prepare(folder, "curate", curate=CurateSettings(expect=expected))
    assert decided(workbench) == {"a/1.png": ("kept", None), "a/2.png": ("rejected", "unexpected")}


def test_row_groups_change_neither_decisions_nor_thumbnails(workbench, write_images, monkeypatch):
    folder = write_images({f"{label}/{number:02}.png": picture(number % 9) for label in "ab" for number in range(12)})
    settings = CurateSettings(near_duplicates="keep_all", exact_duplicates="keep_all", label_conflicts="keep_first")
    workbench.prepare(folder, curate=settings)
    expected = [read_table(workbench.outputs[stage] / MANIFEST_FILE) for stage in ("curate", "split")]
    effective = effective_per_class(workbench.outputs["split"] / MANIFEST_FILE)
    monkeypatch.setattr("datasets.manifest.ROW_GROUP_ROWS", 5)
    workbench.prepare(folder, curate=settings)
    found = [read_table(workbench.outputs[stage] / MANIFEST_FILE) for stage in ("curate", "split")]
    ignored = ["pack", "offset", "length"]
    assert [table.drop(ignored) for table in found] == [table.drop(ignored) for table in expected]
    assert effective_per_class(workbench.outputs["split"] / MANIFEST_FILE) == pytest.approx(effective)
    assert list(workbench.outputs["curate"].glob("thumbnails-*")) == []


def test_rows_share_what_they_can(workbench, write_images):
    workbench.prepare(write_images({f"a/{number}.png": picture(number) for number in range(3)}), "scan")
    one, other, _ = rows_of(read_table(workbench.outputs["scan"] / MANIFEST_FILE, list(DECIDING_COLUMNS)))
    assert (one["member"], other["member"], one["detail"]) == ("a/0.png", "a/1.png", None)
    assert one["label"] is other["label"]
    assert all(mine is others for mine, others in zip(one, other, strict=True))
