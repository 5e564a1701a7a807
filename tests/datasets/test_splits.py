import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.manifest import table_of
from datasets.splits import (
    augmented_split,
    cross_validation,
    fold_names,
    in_order,
    is_fold,
    is_for_training,
    is_training,
    training_rows,
)


@pytest.mark.parametrize("split", ["train", "fold_0", "fold_19"])
def test_train_and_folds_are_trained_on_with_their_copies(split):
    assert is_training(split)
    assert not is_training(augmented_split(split))
    assert is_for_training(split)
    assert is_for_training(augmented_split(split))


@pytest.mark.parametrize("split", ["test", "validation", "test_augmented", "trainer", "fold_", "fold_01", "folds"])
def test_nothing_else_is_trained_on(split):
    assert not is_for_training(split)


@given(
    st.permutations([*fold_names(12), "test", "train", "validation", "other", "train_augmented", "fold_3_augmented"])
)
def test_splits_stand_in_one_order(names):
    last = ["train_augmented", "fold_3_augmented"]
    assert in_order(names) == ["train", *fold_names(12), "validation", "test", "other", *last]


def test_each_fold_is_held_out_once_with_its_copies():
    names = {*fold_names(3), "test", *map(augmented_split, fold_names(3))}
    assert cross_validation(names)[0] == ("fold_1+fold_2", "fold_0")
    rounds = cross_validation(names, augmented=True)
    assert [held_out for _, held_out in rounds] == list(fold_names(3))
    assert rounds[1] == ("fold_0+fold_2+fold_0_augmented+fold_2_augmented", "fold_1")
    assert all(held_out not in training for training, held_out in rounds)


def test_without_folds_there_is_nothing_to_validate_across():
    assert cross_validation(["train", "validation", "test"]) == []


def test_rows_of_all_folds_are_training_rows():
    base = {"source": "s", "frame": 0, "kind": "real", "status": "kept"}
    splits = ["fold_0", "test", "fold_1", None, "train", "validation"]
    table = table_of([base | {"member": str(number), "split": split} for number, split in enumerate(splits)])
    assert all(map(is_fold, training_rows(table)["split"].to_pylist()[:2]))
    assert training_rows(table)["member"].to_pylist() == ["0", "2", "4"]


def test_without_training_images_there_are_no_training_rows():
    row = {"source": "s", "member": "a", "frame": 0, "kind": "real", "status": "kept", "split": "test"}
    assert len(training_rows(table_of([row]))) == 0
