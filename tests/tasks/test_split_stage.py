"""The stage as a whole: what it reads besides the manifest, what it passes on, and what it says."""

import re

import numpy as np
import pytest

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table, with_columns, write_table
from datasets.sources import source_settings
from tasks.curation.kept_pairs import write_kept_pairs
from tasks.split import check_enough, split
from tasks.splitting.balance import BalanceSettings, over_class_size
from tasks.splitting.ledger import agrees_with_state, check_same_splits, published_splits
from tasks.splitting.settings import SplitSettings
from tasks.splitting.targets import targets
from tasks.state import State, write_state
from tests.tasks.split_rows import SHARES, assigned_to, columns_of, row


def test_the_summary_says_what_came_in_and_which_classes_there_are(workbench, class_folders):
    write_state(workbench.shared, State(class_names=("right",)))
    summary = workbench.prepare(class_folders)
    assert (summary["images_in"], summary["images_out"], summary["classes"]) == (40, 40, ["right", "left"])


def test_a_data_set_is_named_that_was_published_with_folds(workbench, class_folders):
    write_state(workbench.shared, State(splits={"0" * 64: "fold_4"}))
    sentence = (
        "split.folds is 0, but tiny was published with 5 folds, and no image ever moves: set split.folds to 5, or give "
        "the data set another name (dataset)"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.prepare(class_folders)


def test_images_without_labels_are_not_put_beside_published_classes(workbench, class_folders):
    write_state(workbench.shared, State(class_names=("left", "right")))
    unlabelled = source_settings(kind="flat_folder", path=class_folders / "left")
    sentence = (
        "20 images in use have no label, and tiny has classes (left, right), of this run or of its published versions; "
        "label the images, or choose another dataset name"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.prepare(class_folders, source=unlabelled)


def test_the_seed_of_the_run_decides_who_goes_where_and_who_is_left_out(workbench, class_folders):
    workbench.prepare(class_folders, "curate")
    settings = SplitSettings(balance=BalanceSettings(policy="target", images_per_class=3))
    found = []
    for seed in (0, 1):
        workbench.run("split", split, settings, "curate", seed=seed)
        rows = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
        found.append([{entry["sha256"] for entry in rows if entry["split"] == name} for name in SHARES])
        plain = assigned_to([{**entry, "used": True} for entry in rows], seed=seed)
        assert found[seed][0] == {sha256 for sha256, name in plain.items() if name == "test"}
        is_training = [plain[entry["sha256"]] == "train" for entry in rows]
        training = read_table(workbench.outputs["curate"] / MANIFEST_FILE).filter(is_training)
        over = over_class_size(training, [False] * len(training), settings.balance, seed)
        left_out = {entry["sha256"] for entry in rows if entry["reason"] == "over_class_size"}
        assert left_out == {training["sha256"][number].as_py() for number in over}
        assert len(found[seed][2]) == 6
    assert all(first != second for first, second in zip(*found, strict=True))


def test_near_copies_that_stay_in_use_share_a_split(workbench, class_folders):
    workbench.prepare(class_folders, "curate")
    rows = read_table(workbench.outputs["curate"] / MANIFEST_FILE).to_pylist()
    chain = np.array([[number, number + 1] for number in range(5)])
    write_kept_pairs(workbench.outputs["curate"], rows, chain)
    workbench.run("split", split, SplitSettings(), "curate")
    table = read_table(workbench.outputs["split"] / MANIFEST_FILE)
    assert len(set(table["split"].to_pylist()[:6])) == 1


def test_with_folds_without_a_share_for_test_what_a_source_calls_test_is_counted(workbench, class_folders):
    workbench.prepare(class_folders, "curate")
    path = workbench.outputs["curate"] / MANIFEST_FILE
    write_table(with_columns(read_table(path), source_split=["test", None, None, None] * 10), path)
    summary = workbench.run("split", split, SplitSettings(folds=2, test=0), "curate")
    assert summary["splits"] == {"fold_0": 15, "fold_1": 15, "test": 10}


def test_copies_of_one_image_are_not_enough_images():
    rows = [row(number, duplicate_group="d") for number in range(5)] + [row(5)]
    sentence = "2 different usable images are too few to split; at least 3 are needed"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}"):
        check_enough(columns_of(rows)[0], SplitSettings())
    check_enough(columns_of([*rows, row(6)])[0], SplitSettings())


def test_there_are_20_folds_at_most():
    assert len(SplitSettings(folds=20).shares) == 21
    with pytest.raises(ValueError, match="less than or equal to 20"):
        SplitSettings(folds=21)


def test_what_was_published_in_a_split_of_another_name_is_free():
    images, _ = columns_of([row(0), row(1)])
    ledger = {images["sha256"][0].as_py(): "other", images["sha256"][1].as_py(): "validation"}
    assert published_splits(images, ledger, tuple(SHARES)).tolist() == [0, 2]


def test_targets_leave_an_image_for_each_of_the_others():
    by_test, by_validation = SplitSettings(validation=0.05, test=0.8), SplitSettings(validation=0.8, test=0.05)
    assert [targets(by_test.shares, size) for size in (0, 2, 3, 4)] == [
        {"test": test, "validation": validation} for test, validation in ((0, 0), (0, 0), (1, 1), (2, 1))
    ]
    assert [targets(by_validation.shares, size)["validation"] for size in (3, 4, 5)] == [1, 2, 3]
    assert targets(SplitSettings(folds=3, test=0.8).shares, 5) == {"test": 2}


@pytest.mark.parametrize(
    ("folds", "published", "was", "before"),
    [(0, ["fold_0", "fold_2"], "3 folds", 3), (2, ["fold_0", "fold_2", "train"], "3 folds", 3)]
    + [(2, [name], "train and validation", 0) for name in ("train", "validation")],
)
def test_other_folds_than_published_are_refused(folds, published, was, before):
    sentence = (
        f"split.folds is {folds}, but tiny was published with {was}, and no image ever moves: "
        f"set split.folds to {before}, or give the data set another name (dataset)"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_same_splits(SplitSettings(folds=folds), published, "tiny")


@pytest.mark.parametrize(("folds", "published"), [(3, ["fold_0", "fold_2"]), (0, ["train"]), (2, ["test"]), (2, [])])
def test_the_same_folds_or_nothing_that_tells_are_accepted(folds, published):
    check_same_splits(SplitSettings(folds=folds), published, "tiny")


def test_reasons_are_told_by_number_and_then_by_name(workbench, class_folders):
    workbench.prepare(class_folders, "curate")
    path = workbench.outputs["curate"] / MANIFEST_FILE
    table = read_table(path)
    reasons = ["too_small", "not_an_image", "too_small", "truncated", "damaged"]
    rest = [None] * (len(table) - len(reasons))
    status = ["rejected"] * len(reasons) + table["status"].to_pylist()[len(reasons) :]
    write_table(with_columns(table, status=status, reason=[*reasons, *rest]), path)
    summary = workbench.run("split", split, SplitSettings(), "curate")
    assert list(summary["rejected"].items()) == [
        ("too_small", 2),
        ("damaged", 1),
        ("not_an_image", 1),
        ("truncated", 1),
    ]


@pytest.mark.parametrize("other", ["test", "validation", "train"])
def test_the_split_is_named_that_an_image_was_published_in(workbench, class_folders, other):
    workbench.prepare(class_folders)
    folder = workbench.outputs["split"]
    rows = read_table(folder / MANIFEST_FILE).to_pylist()
    moved = next(entry for entry in rows if entry["split"] != other)
    write_state(workbench.shared, State(splits={moved["sha256"]: other}))
    assert agrees_with_state(SplitSettings(), workbench.context("split", "curate"), folder) == (
        f"an image assigned to {moved['split']} was published in {other}"
    )


@pytest.mark.parametrize(("first", "second"), [("a", "b"), (None, "A")])
def test_classes_take_their_turns_at_the_folds_by_name(first, second):
    shares = SplitSettings(folds=2, test=0).shares
    rows = [row(0, label=second), row(1, label=first)]
    for ordered in (rows, rows[::-1]):
        assert assigned_to(ordered, shares) == {rows[1]["sha256"]: "fold_0", rows[0]["sha256"]: "fold_1"}
