import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table
from tasks.split import (
    SplitSettings,
    agrees_with_state,
    assign_splits,
    class_names,
    largest_splits,
    read_class_names,
)
from tasks.state import State, write_state

SHARES = SplitSettings().shares


def row(number, label="a", group=None, duplicate_group=None, used=True, pixels=None):
    hashes = {"sha256": f"{number:064x}", "pixel_sha256": pixels or f"pixels {number}"}
    return {**hashes, "label": label, "group": group, "duplicate_group": duplicate_group, "used": used}


rows_strategy = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", None]), st.sampled_from([None, "g1", "g2", "g3"]), st.sampled_from([None, "d1"])
    ),
    min_size=1,
    max_size=60,
).map(lambda picks: [row(number, *pick) for number, pick in enumerate(picks)])


@given(rows_strategy, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_groups_are_never_parted_and_nothing_is_lost(rows, seed):
    assigned = assign_splits(rows, SHARES, seed, {})
    assert set(assigned) == {entry["sha256"] for entry in rows}
    for key in ("group", "duplicate_group"):
        by_group = {}
        for entry in rows:
            if entry[key]:
                by_group.setdefault(entry[key], set()).add(assigned[entry["sha256"]])
        assert all(len(splits) == 1 for splits in by_group.values())


@given(rows_strategy, rows_strategy, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_published_images_never_move(first, more, seed):
    ledger = {sha256: split for sha256, split in assign_splits(first, SHARES, seed, {}).items() if split}
    later = assign_splits(
        [*first, *[row(1000 + i, r["label"], r["group"]) for i, r in enumerate(more)]], SHARES, seed, ledger
    )
    assert all(later[sha256] in (split, None) for sha256, split in ledger.items())


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=4),
    st.floats(0.01, 0.44),
    st.floats(0.01, 0.44),
)
@settings(max_examples=60, deadline=None)
def test_no_split_gets_more_than_was_foretold_of_the_files(classes, validation, test):
    """Of so many files per class, some are unfit."""
    shares = SplitSettings(validation=validation, test=test).shares
    fit = [min(pair) for pair in classes]
    rows = [row(100 * label + number, str(label)) for label, size in enumerate(fit) for number in range(size)]
    counts = Counter(assign_splits(rows, shares, 0, {}).values())
    most = largest_splits(shares, [max(pair) for pair in classes])
    assert counts["train"] <= most["train"]
    assert counts["validation"] <= most["validation"]


@given(rows_strategy, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_rows_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert assign_splits(rows, SHARES, 0, {}) == assign_splits(shuffled, SHARES, 0, {})


def test_shares_are_met_in_every_class():
    rows = [row(number, label) for label, start in (("a", 0), ("b", 1000)) for number in range(start, start + 200)]
    assigned = assign_splits(rows, SHARES, 3, {})
    for label in "ab":
        counts = Counter(assigned[entry["sha256"]] for entry in rows if entry["label"] == label)
        assert counts == {"train": 140, "validation": 30, "test": 30}


def test_a_class_of_three_has_one_image_in_each_split():
    assert Counter(assign_splits([row(i) for i in range(3)], SHARES, 0, {}).values()) == {
        "train": 1,
        "validation": 1,
        "test": 1,
    }


def test_a_class_of_two_is_for_training():
    assert set(assign_splits([row(0), row(1)], SHARES, 0, {}).values()) == {"train"}


def test_another_seed_gives_another_split():
    rows = [row(number) for number in range(100)]
    assert assign_splits(rows, SHARES, 0, {}) != assign_splits(rows, SHARES, 1, {})


def test_a_bridge_goes_to_test_and_the_training_member_is_not_used():
    rows = [row(0, duplicate_group="d"), row(1, duplicate_group="d"), row(2, duplicate_group="d")]
    ledger = {rows[0]["sha256"]: "train", rows[1]["sha256"]: "test"}
    assert assign_splits(rows, SHARES, 0, ledger) == {
        rows[0]["sha256"]: None,
        rows[1]["sha256"]: "test",
        rows[2]["sha256"]: "test",
    }


def test_the_same_pixels_in_another_file_stay_where_they_were():
    rows = [row(number) for number in range(30)]
    ledger = {r["pixel_sha256"]: split for r in rows for split in [assign_splits(rows, SHARES, 0, {})[r["sha256"]]]}
    again = [row(100 + number, pixels=f"pixels {number}") for number in range(30)]
    found = assign_splits(again, SHARES, 0, ledger)
    assert [found[r["sha256"]] for r in again] == [ledger[r["pixel_sha256"]] for r in again]


def test_a_copy_that_took_the_place_of_a_published_image_goes_where_that_was():
    rows = [row(0, duplicate_group="d", used=False), row(1, duplicate_group="d"), *[row(n) for n in range(2, 40)]]
    found = assign_splits(rows, SHARES, 0, {rows[0]["sha256"]: "validation"})
    assert found[rows[1]["sha256"]] == "validation"
    assert rows[0]["sha256"] not in found


def test_near_copies_are_kept_together():
    rows = [row(number) for number in range(40)]
    pairs = [(rows[number]["sha256"], rows[number + 1]["sha256"]) for number in range(0, 40, 2)]
    found = assign_splits(rows, SHARES, 0, {}, pairs)
    assert all(found[first] == found[second] for first, second in pairs)


def test_classes_of_two_leave_nothing_to_validate_on(workbench, write_images, blob_image):
    folder = write_images({f"{label}/{n}.png": blob_image(label, n) for label in range(4) for n in range(2)}, "pairs")
    sentence = (
        "the splits would be train 8, validation 0, test 0, and each needs an image; a class is split from three "
        "images on: add images, or merge classes"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.prepare(folder)


def test_class_ids_are_append_only_and_numbers_sort_as_numbers():
    rows = [row(0, "10"), row(1, "2"), row(2, "cat")]
    assert class_names(rows, None) == ["2", "10", "cat"]
    assert class_names([*rows, row(3, "1")], ["2", "10", "cat"]) == ["2", "10", "cat", "1"]
    assert class_names([row(0, "cat")], ["2", "10", "cat"]) == ["2", "10", "cat"]
    assert class_names([row(0, None)], None) is None


def test_two_images_are_too_few(workbench, write_images, class_folders):
    folder = write_images(
        {f"a/{number}.png": (class_folders / "left" / f"{number:02d}.png").read_bytes() for number in range(2)}, "few"
    )
    sentence = (
        "2 different usable images are too few to split; at least 3 are needed, one each for train, validation and "
        "test; add images or loosen the settings under curate"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.prepare(folder)


def test_the_manifest_has_splits_and_class_ids(workbench, class_folders):
    summary = workbench.prepare(class_folders)
    assert summary["splits"] == {"train": 28, "validation": 6, "test": 6}
    assert read_class_names(workbench.outputs["split"]) == ["left", "right"]
    for entry in read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist():
        assert entry["class_id"] == ["left", "right"].index(entry["label"])


def test_an_old_output_that_contradicts_what_was_published_is_not_reused(workbench, class_folders):
    workbench.prepare(class_folders)
    folder = workbench.outputs["split"]
    context = workbench.context("split", "curate")
    table = read_table(folder / MANIFEST_FILE).to_pylist()
    assert agrees_with_state(SplitSettings(), context, folder) is None
    moved = {"train": "test", "validation": "test", "test": "train"}[table[0]["split"]]
    write_state(workbench.shared, State(splits={table[0]["sha256"]: moved}))
    assert agrees_with_state(SplitSettings(), context, folder) == (
        f"an image assigned to {table[0]['split']} was published in {moved}"
    )
    write_state(workbench.shared, State(class_names=("right", "left")))
    assert "was published under another id" in agrees_with_state(SplitSettings(), context, folder)


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValueError, match=re.escape("validation 0.5 + test 0.45 leave under a tenth for training")):
        SplitSettings(validation=0.5, test=0.45)
