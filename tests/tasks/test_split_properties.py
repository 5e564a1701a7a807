"""What holds for any manifest: blocks whole, shares met, nothing moves; and that old seeds give what they gave."""

import hashlib
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.splits import is_fold
from tasks.split import balanced
from tasks.splitting.assignment import assign_splits
from tasks.splitting.balance import BalanceSettings
from tasks.splitting.blocks import blocks
from tasks.splitting.settings import SplitSettings
from tests.tasks.split_rows import SAID, SHARES, assigned_to, columns_of, parted, row

FOLDS = SplitSettings(folds=3, test=0.2).shares
WITHOUT_TEST = SplitSettings(folds=4, test=0).shares
KINDS = st.sampled_from([SHARES, SplitSettings(validation=0.44, test=0.44).shares, FOLDS, WITHOUT_TEST])
PICKS = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.sampled_from([None, None, "g1", "g2", "g3"]),
    st.sampled_from([None, None, "d1", "d2"]),
    st.sampled_from(SAID),
    st.sampled_from(["s", "t"]),
)


def rows_from(picks, start=0):
    return [row(number, *pick[:3], said=pick[3], source=pick[4]) for number, pick in enumerate(picks, start)]


ROWS = st.lists(PICKS, min_size=1, max_size=50).map(rows_from)


@given(ROWS, KINDS, st.integers(0, 99), st.lists(st.tuples(st.integers(0, 49), st.integers(0, 49)), max_size=4))
@settings(max_examples=60, deadline=None)
def test_every_image_is_in_one_split_or_left_out_with_a_reason_and_blocks_are_whole(rows, shares, seed, linked):
    pairs = [tuple(rows[number % len(rows)]["sha256"] for number in pair) for pair in linked]
    found = assigned_to(rows, shares, seed, pairs=pairs)
    assert set(found) == {entry["sha256"] for entry in rows}
    assert set(found.values()) <= {*shares, None}
    assert parted(rows, found, pairs) == {}


@given(ROWS, st.lists(PICKS, max_size=30), KINDS, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_images_that_are_added_never_move_the_old_ones(rows, more, shares, seed):
    before = {sha256: split for sha256, split in assigned_to(rows, shares, seed).items() if split}
    after = assigned_to(rows + rows_from(more, 1000), shares, seed, ledger=before)
    assert all(after[sha256] in (split, None) for sha256, split in before.items())


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(3, 40), min_size=1), st.floats(0.01, 0.44), st.integers(0, 9)
)
@settings(max_examples=60, deadline=None)
def test_without_ties_every_class_has_its_share_within_one_image_and_one_in_each_split(sizes, share, seed):
    shares = SplitSettings(validation=share, test=share).shares
    rows = [row(100 * place + number, label) for place, label in enumerate(sizes) for number in range(sizes[label])]
    found = assigned_to(rows, shares, seed)
    for label, size in sizes.items():
        counts = Counter(found[entry["sha256"]] for entry in rows if entry["label"] == label)
        assert min(counts[name] for name in shares) >= 1
        assert all(abs(counts[name] - shares[name] * size) <= 1 for name in ("test", "validation") if share * size >= 1)


@given(ROWS, st.integers(2, 6), st.sampled_from([0, 0.2]), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_folds_are_equal_within_one_block_of_each_class(rows, count, test, seed):
    rows = [entry | {"source_split": None} for entry in rows]
    found = assigned_to(rows, SplitSettings(folds=count, test=test).shares, seed)
    block = blocks(columns_of(rows)[0])
    for label in {entry["label"] for entry in rows}:
        of_class, largest = commonest_label(rows, block, label)
        counts = Counter(found[rows[number]["sha256"]] for number in of_class)
        sizes = [counts[f"fold_{fold}"] for fold in range(count)]
        assert max(sizes) - min(sizes) <= largest


def commonest_label(rows, block, label):
    """Rows of the blocks that count as of a class, and the size of the largest of them."""
    members = {number: [i for i, b in enumerate(block) if b == number] for number in set(block.tolist())}
    of_class = []
    for rows_of_block in members.values():
        counts = Counter(rows[i]["label"] for i in rows_of_block)
        if min(counts, key=lambda name: (-counts[name], str(name))) == label:
            of_class.append(rows_of_block)
    return [i for rows_of_block in of_class for i in rows_of_block], max(map(len, of_class), default=0)


def test_single_images_of_many_classes_are_spread_over_the_folds():
    rows = [row(number, str(number)) for number in range(20)]
    found = assigned_to(rows, SplitSettings(folds=5, test=0).shares)
    assert Counter(found.values()) == {f"fold_{fold}": 4 for fold in range(5)}


def test_with_folds_a_source_holds_out_its_test_images_alone():
    rows = [row(number, said=SAID[number % 3]) for number in range(60)]  # test, validation, train, test, ...
    found = assigned_to(rows, FOLDS)
    assert {found[entry["sha256"]] == "test" for entry in rows if entry["source_split"] == "test"} == {True}
    assert all(is_fold(found[entry["sha256"]]) for entry in rows if entry["source_split"] != "test")


def test_of_several_folds_the_lowest_wins_and_test_before_all():
    rows = [row(number, duplicate_group="d") for number in range(3)] + [row(3, group="g"), row(4, group="g")]
    ledger = {rows[0]["sha256"]: "fold_2", rows[1]["sha256"]: "fold_1", rows[3]["sha256"]: "fold_0"}
    found = assigned_to(rows, FOLDS, ledger=ledger | {rows[4]["sha256"]: "test"})
    assert list(found.values()) == [None, "fold_1", "fold_1", None, "test"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"folds": 1}, "folds 1 leaves nothing to train on; give 2 to 20, or 0 for train and validation"),
        ({"test": 0}, "test 0 is for folds only; give a share above 0, or set folds"),
        ({"folds": 3, "test": 0.9}, "test 0.9 leaves under a tenth for the folds; lower it"),
        (
            {"validation": 0.45, "test": 0.45},
            "validation 0.45 + test 0.45 leave under a tenth for training; lower them",
        ),
        (
            {"folds": 3, "balance": {"policy": "undersample"}},
            "balance.policy undersample leaves out training images, and every fold is also validated on; set it to "
            "none, and weigh the classes while training",
        ),
    ],
)
def test_settings_that_do_not_agree_are_refused(changes, sentence):
    with pytest.raises(ValueError) as caught:
        SplitSettings(**changes)
    assert sentence in str(caught.value)


def test_long_chains_are_one_block():
    order = np.random.default_rng(0).permutation(5000)
    rows = [row(number) for number in range(5000)]
    pairs = [(rows[one]["sha256"], rows[other]["sha256"]) for one, other in pairwise(order)]
    assert len(set(blocks(columns_of(rows)[0], pairs).tolist())) == 1


def made_up_row(n, count, chance):
    return {
        "source": chance.choice(["s", "t", "u"]),
        "sha256": hashlib.sha256(f"image {n}".encode()).hexdigest(),
        "pixel_sha256": hashlib.sha256(f"pixels {n}".encode()).hexdigest(),
        "label": chance.choice(["cat", "dog", "10", "2", None, *("abcdefgh" if n % 50 == 0 else "x")]),
        "group": f"g{chance.randrange(count)}" if chance.random() < 0.2 else None,
        "duplicate_group": f"d{chance.randrange(count // 8)}" if chance.random() < 0.1 else None,
        "source_split": chance.choice([None, None, None, "train", "validation", "test"]) if n % 3 else None,
        "used": chance.random() < 0.95,
    }


def made_up_rows(count=4000):
    """Labels, groups, copies, frames of one file, unused rows and words of three sources, all at random."""
    chance = random.Random(7)
    rows = [made_up_row(n, count, chance) for n in range(count)]
    for n in range(0, count, 97):
        rows[n]["sha256"] = rows[n - n % 194]["sha256"]
    return rows


def test_a_seed_gives_what_it_has_always_given():
    """The digests were made by the first version of the splits, which went row by row."""
    rows = made_up_rows()
    chance = random.Random(8)
    ledger = {
        entry[key]: chance.choice(["train", "validation", "test"])
        for entry in rows
        for key in (["sha256"] if chance.random() < 0.5 else ["pixel_sha256"])
        if chance.random() < 0.1
    }
    pairs = [(chance.choice(rows)["sha256"], chance.choice(rows)["sha256"]) for _ in range(300)]
    images, used = columns_of(rows)
    digests = []
    for known in ({}, ledger):
        found = assign_splits(images, used, SHARES, 5, known, pairs)
        digests.append(digest_of(found, with_reasons=False))
        policy = BalanceSettings(policy="undersample", max_ratio=2)
        digests.append(digest_of(balanced(images, found, policy, 5, known), with_reasons=True))
    assert digests == [
        "e984f57bde5c5030388198d5fed38a6a25e04e2f640a9ab5e3ff4fae58ed73d2",
        "c8670a73f11ba86786353072699bfedf29a55fea7bf971d9e707c040abcf7c7e",
        "9b86169f34358ba6d2f47991dcb41c5c444b591250a81e3baf2c55addaf8c0cb",
        "879d77e645822799c488d8cc144f78276513d2017bb5ff4192e9cacd18d4d086",
    ]


def digest_of(found, with_reasons):
    lines = []
    for number, split in enumerate(found.splits):
        reason, why = found.left_out.get(number, ("bridges_splits", None))
        lines.append(f"{split} {why}" + (f" {reason}" if with_reasons else ""))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_of_folds_with_as_many_of_a_class_the_one_with_fewest_images_of_all_classes_is_next():
    """Two of class a were published in one fold, one of class b in the other: that gets the first two of a."""
    rows = [row(0, "a"), row(1, "a"), row(2, "b"), row(3, "a"), row(4, "a"), row(5, "a")]
    ledger = {rows[0]["sha256"]: "fold_0", rows[1]["sha256"]: "fold_0", rows[2]["sha256"]: "fold_1"}
    found = assigned_to(rows, SplitSettings(folds=2, test=0).shares, ledger=ledger)
    assert Counter(found[entry["sha256"]] for entry in rows[3:]) == {"fold_1": 2, "fold_0": 1}


def test_folds_do_not_depend_on_the_order_of_the_rows():
    rows = [row(number, "bca"[number % 3]) for number in range(50)]
    assert assigned_to(rows[::-1], FOLDS) == assigned_to(rows, FOLDS)
