import re
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks.splitting.balance import BalanceSettings, over_class_size

UNDERSAMPLE = BalanceSettings(policy="undersample")


def rows_of(**sizes):
    """So many rows of each class, each of its own bytes."""
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return [{"label": label, "sha256": f"{number:03d}", "duplicate_group": None} for number, label in enumerate(labels)]


def over(rows, published=None, policy=UNDERSAMPLE, seed=0):
    """Numbers of the training images that are left out, and why."""
    table = pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in rows[0]]))
    return over_class_size(table, published or [False] * len(rows), policy, seed)


def left(rows, published=None, policy=UNDERSAMPLE, seed=0):
    """Training images that stay, per class."""
    gone = over(rows, published, policy, seed)
    return Counter(row["label"] for number, row in enumerate(rows) if number not in gone)


def test_undersampling_brings_classes_down_to_the_smallest():
    assert left(rows_of(a=10, b=4, c=7)) == {"a": 4, "b": 4, "c": 4}


def test_a_ratio_leaves_larger_classes_more():
    assert left(rows_of(a=10, b=4), policy=BalanceSettings(policy="undersample", max_ratio=1.5)) == {"a": 6, "b": 4}


def test_a_target_caps_classes_and_leaves_smaller_ones():
    assert left(rows_of(a=10, b=4), policy=BalanceSettings(policy="target", images_per_class=5)) == {"a": 5, "b": 4}


def test_without_a_policy_or_without_classes_all_stay():
    assert left(rows_of(a=10, b=4), policy=BalanceSettings()) == {"a": 10, "b": 4}
    unlabelled = [row | {"label": None} for row in rows_of(a=5)]
    assert over(unlabelled) == {}


def test_copies_stay_or_go_together():
    rows = [row | {"duplicate_group": f"g{number // 3}"} for number, row in enumerate(rows_of(a=9))] + rows_of(b=7)[:4]
    rows[9:] = [row | {"sha256": f"b{number}", "label": "b"} for number, row in enumerate(rows[9:])]
    gone = over(rows)
    groups = Counter(rows[number]["duplicate_group"] for number in gone)
    assert len(gone) == 6
    assert set(groups.values()) == {3}


def test_a_class_of_nothing_but_copies_keeps_those_of_one_picture():
    rows = [row | {"duplicate_group": row["label"]} for row in rows_of(a=5, b=1)]
    assert left(rows) == {"a": 5, "b": 1}


def test_where_all_are_too_many_the_copies_of_the_picture_with_the_fewest_stay():
    rows = [row | {"duplicate_group": "few" if number < 2 else "many"} for number, row in enumerate(rows_of(a=5))]
    for seed in range(4):
        assert set(over(rows, policy=BalanceSettings(policy="target", images_per_class=1), seed=seed)) == {2, 3, 4}


def test_published_images_stay_before_new_ones():
    published = [number in (3, 8) for number in range(12)]
    rows = rows_of(a=10, b=2)
    assert over(rows, published).keys() & {3, 8} == set()


def test_the_sentence_names_class_sizes_and_setting():
    gone = over(rows_of(a=2, b=1))
    sentence = "class a has 2 training images, over 1, the smallest class times split.balance.max_ratio 1"
    assert set(gone.values()) == {sentence}


@given(st.integers(5, 30), st.integers(1, 10), st.integers(0, 29))
@settings(max_examples=40, deadline=None)
def test_one_image_less_changes_the_choice_by_one_at_most(size, least, removed):
    policy = BalanceSettings(policy="target", images_per_class=least)
    rows = rows_of(a=size)
    fewer = [row for number, row in enumerate(rows) if number != removed % size]

    def staying(rows):
        gone = over(rows, policy=policy)
        return {row["sha256"] for number, row in enumerate(rows) if number not in gone}

    assert len(staying(fewer) - staying(rows)) <= 1


def test_a_target_needs_its_number():
    sentence = "policy target needs images_per_class; set it, or take policy undersample"
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        BalanceSettings(policy="target")


def test_the_sentence_names_the_target():
    assert set(over(rows_of(a=3), policy=BalanceSettings(policy="target", images_per_class=2)).values()) == {
        "class a has 3 training images, over split.balance.images_per_class 2"
    }
