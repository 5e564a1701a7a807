import re
from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_in_pieces, read_table, with_columns, write_table
from tasks.class_ids import class_names, read_class_names
from tasks.curate import CurateSettings
from tasks.split import split
from tasks.splitting.balance import BalanceSettings
from tasks.splitting.ledger import agrees_with_state
from tasks.splitting.settings import SplitSettings
from tasks.splitting.targets import largest_source_splits, largest_splits
from tasks.state import State, write_state
from tests.tasks.split_rows import SAID, SHARES, agreement_of, assigned_to, parted, placed_rows, row

HELD_OUT = {"test", "validation"}


def split_of_each(rows, **options):
    """The splits as a list in the order of the rows."""
    return list(assigned_to(rows, **options).values())


def as_rows(picks):
    return [row(number, *pick[:3], said=pick[3], source=pick[4]) for number, pick in enumerate(picks)]


picks_strategy = st.tuples(
    st.sampled_from(["a", "b", None]),
    st.sampled_from([None, "g1", "g2", "g3"]),
    st.sampled_from([None, "d1"]),
    st.sampled_from(SAID),
    st.sampled_from(["s", "t"]),
)
rows_strategy = st.lists(picks_strategy, min_size=1, max_size=60).map(as_rows)


@given(rows_strategy, st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=5))
@settings(max_examples=60, deadline=None)
def test_groups_are_never_parted_and_nothing_is_lost(rows, seed, linked):
    pairs = [tuple(rows[number % len(rows)]["sha256"] for number in pair) for pair in linked]
    found = assigned_to(rows, seed=seed, pairs=pairs)
    assert set(found) == {entry["sha256"] for entry in rows}
    assert parted(rows, found, pairs) == {}


@given(rows_strategy, rows_strategy, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_published_images_never_move(first, more, seed):
    ledger = {sha256: split for sha256, split in assigned_to(first, seed=seed).items() if split}
    later = [
        *first,
        *[entry | {"sha256": f"later {entry['sha256']}", "pixel_sha256": f"later {i}"} for i, entry in enumerate(more)],
    ]
    found = assigned_to(later, seed=seed, ledger=ledger)
    assert all(found[sha256] in (split, None) for sha256, split in ledger.items())
    assert parted(later, found) == {}


@given(rows_strategy, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_no_image_goes_where_its_source_does_not_want_it(rows, seed):
    found = assigned_to(rows, seed=seed)
    named = {name: {r["source_split"] for r in rows if r["source"] == name} & HELD_OUT for name in ("s", "t")}
    for entry in rows:
        split, said = found[entry["sha256"]], entry["source_split"]
        if said in HELD_OUT:
            assert split in (said, None)
        elif said == "train":
            assert split not in named[entry["source"]]


@given(st.lists(st.sampled_from(SAID), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_without_ties_every_word_of_the_source_is_followed(words):
    found = split_of_each([row(number, said=said) for number, said in enumerate(words)])
    assert all(split == said for split, said in zip(found, words, strict=True) if said in HELD_OUT)
    assert None not in found


def test_a_source_with_a_test_set_gives_validation_from_its_training_images():
    words = ["test"] * 20 + ["train"] * 80
    found = split_of_each([row(number, said=said) for number, said in enumerate(words)])
    assert Counter(zip(words, found, strict=True)) == {
        ("test", "test"): 20,
        ("train", "validation"): 15,  # of all 100 images
        ("train", "train"): 65,
    }


def test_a_source_with_validation_images_gives_test_from_its_training_images():
    words = ["validation"] * 5 + ["train"] * 95
    found = split_of_each([row(number, said=said) for number, said in enumerate(words)])
    assert Counter(zip(words, found, strict=True)) == {
        ("validation", "validation"): 5,
        ("train", "test"): 15,
        ("train", "train"): 80,
    }


def test_a_source_of_training_images_alone_is_split_as_if_it_had_said_nothing():
    rows = [row(number) for number in range(100)]
    assert assigned_to([entry | {"source_split": "train"} for entry in rows]) == assigned_to(rows)


def test_a_source_that_names_all_splits_is_taken_at_its_word():
    words = ["test"] * 2 + ["validation"] * 3 + ["train"] * 95
    assert split_of_each([row(number, said=said) for number, said in enumerate(words)]) == words


def test_images_of_another_source_fill_up_what_the_first_leaves():
    rows = [row(number, said="train" if number else "test") for number in range(50)]
    rows += [row(number, source="t") for number in range(50, 100)]
    found = assigned_to(rows)
    assert Counter(found[entry["sha256"]] for entry in rows) == {"train": 70, "validation": 15, "test": 15}
    assert Counter(found[entry["sha256"]] for entry in rows[:50])["test"] == 1


def test_unusable_images_name_no_split():
    rows = [row(0, said="validation", duplicate_group="d", used=False), row(1, said="test", duplicate_group="d")]
    rows += [row(number, said="train") for number in range(2, 22)]
    assert Counter(split_of_each(rows)) == {"test": 1, "validation": 3, "train": 17}


def test_a_training_image_like_a_test_image_is_not_used():
    rows = [row(0, said="train"), row(1, said="test"), row(2), row(3, said="validation")]
    placed = placed_rows(rows, pairs=[(rows[number]["sha256"], rows[1]["sha256"]) for number in (0, 2, 3)])
    assert [entry.split for entry in placed] == [None, "test", "test", None]
    assert placed[0].why == "its source says train, but a copy of it, or an image of its group, belongs to test"


def test_what_was_published_outweighs_the_source():
    rows = [row(0, said="test"), row(1, said="test", group="g"), row(2, group="g"), row(3, said="train", group="g")]
    ledger = {rows[0]["sha256"]: "train", rows[2]["sha256"]: "validation"}
    placed = placed_rows(rows, ledger=ledger)
    assert [entry.split for entry in placed] == ["train", None, "validation", "validation"]
    assert agreement_of(rows, [entry.split for entry in placed]) == {
        "followed": 1,
        "published_elsewhere": 1,
        "unselected": 1,
    }


def test_a_silent_source_neither_agrees_nor_disagrees():
    assert agreement_of([row(0)], ["train"]) is None


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=4),
    st.floats(0.01, 0.44),
    st.floats(0.01, 0.44),
    st.lists(st.sampled_from(SAID), min_size=1, max_size=10),
)
@settings(max_examples=80, deadline=None)
def test_no_split_gets_more_than_was_foretold_of_the_files(classes, validation, test, words):
    """Of so many files per class, some are unfit; what their source says repeats itself."""
    shares = SplitSettings(validation=validation, test=test).shares
    said = [[words[number % len(words)] for number in range(max(pair))] for pair in classes]
    rows = [
        row(100 * label + number, str(label), said=said[label][number])
        for label, pair in enumerate(classes)
        for number in range(min(pair))
    ]
    counts = Counter(split_of_each(rows, shares=shares))
    most = largest_source_splits(shares, [Counter(of_class) for of_class in said])
    assert counts["train"] <= most["train"]
    assert counts["validation"] <= most["validation"]


def test_without_a_word_of_the_source_the_foretelling_is_that_of_sizes():
    said = [Counter({"train": 50}), Counter({None: 7, "train": 3})]
    assert largest_source_splits(SHARES, said) == largest_splits(SHARES, [50, 10])


def test_of_a_source_with_splits_no_more_than_its_words_are_foretold():
    said = [Counter({"train": 50, "test": 100}), Counter({"train": 10, "validation": 90})]
    assert largest_source_splits(SHARES, said) == {"train": 60, "validation": 22 + 90}


@given(rows_strategy, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_rows_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert assigned_to(rows) == assigned_to(shuffled)


def test_shares_are_met_in_every_class():
    rows = [row(number, label) for label, start in (("a", 0), ("b", 1000)) for number in range(start, start + 200)]
    found = assigned_to(rows, seed=3)
    for label in "ab":
        counts = Counter(found[entry["sha256"]] for entry in rows if entry["label"] == label)
        assert counts == {"train": 140, "validation": 30, "test": 30}


def test_a_class_of_three_has_one_image_in_each_split():
    assert Counter(split_of_each([row(i) for i in range(3)])) == {"train": 1, "validation": 1, "test": 1}


def test_a_class_of_two_is_for_training():
    assert split_of_each([row(0), row(1)]) == ["train", "train"]


def test_another_seed_gives_another_split():
    rows = [row(number) for number in range(100)]
    assert assigned_to(rows) != assigned_to(rows, seed=1)


def test_a_bridge_goes_to_test_and_the_training_member_is_not_used():
    rows = [row(0, duplicate_group="d"), row(1, duplicate_group="d"), row(2, duplicate_group="d")]
    ledger = {rows[0]["sha256"]: "train", rows[1]["sha256"]: "test"}
    placed = placed_rows(rows, ledger=ledger)
    assert [entry.split for entry in placed] == [None, "test", "test"]
    assert placed[0].why == (
        "it was published in train, a copy of it, or an image of its group, belongs to test, and no image ever moves"
    )


def test_the_same_pixels_in_another_file_stay_where_they_were():
    rows = [row(number) for number in range(30)]
    ledger = dict(zip([r["pixel_sha256"] for r in rows], split_of_each(rows), strict=True))
    again = [row(100 + number, pixels=f"pixels {number}") for number in range(30)]
    assert split_of_each(again, ledger=ledger) == split_of_each(rows)


def test_a_copy_that_took_the_place_of_a_published_image_goes_where_that_was():
    rows = [row(0, duplicate_group="d", used=False), row(1, duplicate_group="d"), *[row(n) for n in range(2, 40)]]
    found = assigned_to(rows, ledger={rows[0]["sha256"]: "validation"})
    assert found[rows[1]["sha256"]] == "validation"
    assert rows[0]["sha256"] not in found


def test_the_same_file_twice_is_judged_by_what_each_source_says():
    rows = [row(0, duplicate_group="d", said="test"), row(0, duplicate_group="d", said="train")]
    assert [entry.split for entry in placed_rows(rows)] == ["test", None]


def test_classes_of_two_leave_nothing_to_validate_on(workbench, write_images, blob_image):
    folder = write_images({f"{label}/{n}.png": blob_image(label, n) for label in range(4) for n in range(2)}, "pairs")
    sentence = (
        "the splits would be train 8, validation 0, test 0, and each needs an image; a class is split from three "
        "images on: add images, or merge classes"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.prepare(folder)


def test_class_ids_are_append_only_and_numbers_sort_as_numbers():
    assert class_names(["10", "2", "cat"], None) == ["2", "10", "cat"]
    assert class_names(["10", "2", "cat", "1"], ["2", "10", "cat"]) == ["2", "10", "cat", "1"]
    assert class_names(["cat"], ["2", "10", "cat"]) == ["2", "10", "cat"]
    assert class_names([None], None) is None


def test_numbers_sort_as_numbers_however_many_digits_they_have():
    long = "9" * 5000
    sorted_names = ["0", "00", "007", "7", "\u0668", "10", long, "1" + long, "7a", "cat"]
    assert class_names(sorted_names[::-1], None) == sorted_names


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


@pytest.fixture
def split_as_said(workbench, class_folders):
    """split_as_said(words, settings) -> summary and rows where the source said so of its images, in their order."""

    def run(words, split_settings=None, **settings):
        workbench.prepare(class_folders, "curate", **settings)
        path = workbench.outputs["curate"] / MANIFEST_FILE
        table = read_table(path)
        words = (words * len(table))[: len(table)]
        write_table(with_columns(table, source_split=words), path)
        summary = workbench.run("split", split, split_settings or SplitSettings(), "curate")
        rows = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
        return summary, rows

    return run


def test_splits_of_the_source_are_kept(split_as_said):
    summary, rows = split_as_said(["test", "validation", "train", "train"])
    assert [entry["split"] for entry in rows] == [entry["source_split"] for entry in rows]
    assert summary["splits"] == {"train": 20, "validation": 10, "test": 10}
    assert summary["source_splits"] == {"followed": 40, "published_elsewhere": 0, "unselected": 0}


def test_splits_of_the_source_can_be_ignored(split_as_said):
    summary, _ = split_as_said(["test", "train"], SplitSettings(source_splits="ignore"))
    assert summary["splits"] == {"train": 28, "validation": 6, "test": 6}
    assert summary["source_splits"] is None


def test_an_image_that_the_source_splits_otherwise_stays_where_it_was_published(
    workbench, class_folders, split_as_said
):
    workbench.prepare(class_folders, "curate")
    first = read_table(workbench.outputs["curate"] / MANIFEST_FILE)["sha256"][0].as_py()
    write_state(workbench.shared, State(splits={first: "train"}))
    summary, rows = split_as_said(["test", "train"])
    assert rows[0]["split"] == "train"
    assert summary["source_splits"] == {"followed": 39, "published_elsewhere": 1, "unselected": 0}


def test_an_image_in_two_minds_is_unselected_with_a_sentence(split_as_said, class_folders):
    payload = (class_folders / "left" / "00.png").read_bytes()
    (class_folders / "left" / "00-again.png").write_bytes(payload)
    summary, rows = split_as_said(["train", "test", "train"], curate=CurateSettings(exact_duplicates="keep_all"))
    assert [entry["member"] for entry in rows[:2]] == ["left/00-again.png", "left/00.png"]
    detail = "its source says train, but a copy of it, or an image of its group, belongs to test"
    expected = {"status": "unselected", "reason": "bridges_splits", "detail": detail, "split": None, "class_id": None}
    assert {name: rows[0][name] for name in expected} == expected
    assert rows[1]["split"] == "test"
    assert summary["source_splits"]["unselected"] == 1


def test_a_source_that_leaves_a_split_empty_is_refused(split_as_said):
    sentence = (
        "the splits would be train 0, validation 0, test 40, and each needs an image; a class is split from three "
        "images on: add images, or merge classes, or set split.source_splits to ignore"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        split_as_said(["test"])


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
    both = {table[0]["sha256"]: table[0]["split"], table[0]["pixel_sha256"]: moved}
    write_state(workbench.shared, State(splits=both))
    assert agrees_with_state(SplitSettings(), context, folder) == (
        f"an image assigned to {table[0]['split']} was published in {moved}"
    )


def test_an_old_output_that_is_as_published_is_reused(workbench, class_folders):
    workbench.prepare(class_folders)
    folder = workbench.outputs["split"]
    rows = read_table(folder / MANIFEST_FILE).to_pylist()
    splits = {entry[key]: entry["split"] for entry in rows for key in ("sha256", "pixel_sha256")}
    for names in (("left", "right"), ("left",), None):
        write_state(workbench.shared, State(splits=splits, class_names=names))
        assert agrees_with_state(SplitSettings(), workbench.context("split", "curate"), folder) is None


@pytest.mark.parametrize("published", [("right", "left"), ("right",), ("other", "right")])
def test_an_old_output_whose_classes_have_other_ids_than_published_is_not_reused(workbench, class_folders, published):
    workbench.prepare(class_folders)
    write_state(workbench.shared, State(class_names=published))
    found = agrees_with_state(SplitSettings(), workbench.context("split", "curate"), workbench.outputs["split"])
    known = ["left"] if "other" in published else ["left", "right"]
    assert found in [f"class {label} was published under another id" for label in known]


def test_an_old_output_without_labels_contradicts_no_class(workbench, write_images, blob_image):
    workbench.prepare(write_images({f"{number}.png": blob_image(0, number) for number in range(9)}))
    write_state(workbench.shared, State(class_names=("cat",)))
    found = agrees_with_state(SplitSettings(), workbench.context("split", "curate"), workbench.outputs["split"])
    assert found is None


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ValueError, match=re.escape("validation 0.5 + test 0.45 leave under a tenth for training")):
        SplitSettings(validation=0.5, test=0.45)


def test_balancing_leaves_out_training_images_alone_and_keeps_every_row(workbench, write_images, blob_image):
    folder = write_images(
        {
            f"{name}/{n:02d}.png": blob_image(index, n)
            for index, (name, count) in enumerate((("a", 30), ("b", 10)))
            for n in range(count)
        }
    )
    workbench.prepare(folder)
    before = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
    settings = SplitSettings(balance=BalanceSettings(policy="undersample"))
    summary = workbench.run("split", split, settings, "curate")
    after = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
    held_out = [(row["member"], row["split"]) for row in before if row["split"] in HELD_OUT]
    assert [(row["member"], row["split"]) for row in after if row["split"] in HELD_OUT] == held_out
    sizes = Counter(row["label"] for row in after if row["split"] == "train")
    assert sizes["a"] == sizes["b"] > 0
    left_out = [row for row in after if row["reason"] == "over_class_size"]
    assert {(row["status"], row["split"], row["class_id"]) for row in left_out} == {("unselected", None, None)}
    assert len(after) == len(before) == summary["images_out"] + sum(summary["rejected"].values())
    assert summary["rejected"]["over_class_size"] == len(left_out)


def test_balancing_keeps_the_training_images_that_were_published(workbench, class_folders):
    settings = SplitSettings(balance=BalanceSettings(policy="target", images_per_class=3))
    workbench.prepare(class_folders)
    trained = {
        row["sha256"]
        for row in read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
        if row["split"] == "train"
    }
    published = sorted(trained)[:2]
    write_state(workbench.shared, State(splits=dict.fromkeys(published, "train")))
    workbench.run("split", split, settings, "curate")
    rows = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
    assert {row["split"] for row in rows if row["sha256"] in published} == {"train"}
    assert Counter(row["label"] for row in rows if row["split"] == "train") == {"left": 3, "right": 3}


def test_what_is_foretold_by_hand():
    """Classes of up to two are for training; 0.7 and 0.12 of ten are rounded down, and one image may be added."""
    assert largest_splits(SHARES, [1, 2, 3, 10]) == {"train": 1 + 2 + 3 + 8, "validation": 0 + 0 + 1 + 2}
    few = SplitSettings(validation=0.44, test=0.44).shares
    assert largest_splits(few, [1, 2, 10]) == {"train": 1 + 2 + 2, "validation": 0 + 0 + 4}
    classes = [{"test": 3}, {"validation": 9, "train": 1}, {None: 20}, {"train": 10}, {"train": 2}]
    assert largest_source_splits(SHARES, classes) == {"train": 0 + 1 + 20 + 10 + 2, "validation": 1 + 9 + 3 + 2}


def test_a_word_of_an_unusable_image_is_not_followed():
    rows = [row(0, said="validation", used=False), *(row(number, said="train") for number in range(1, 4))]
    assert agreement_of(rows, [None, "validation", "train", "test"]) == {
        "followed": 3,
        "published_elsewhere": 0,
        "unselected": 0,
    }


def test_a_manifest_in_pieces_is_split_as_a_whole_one(workbench, class_folders):
    """Rejected rows lie in between, and two of one group were published in different splits."""
    workbench.prepare(class_folders, "curate")
    path = workbench.outputs["curate"] / MANIFEST_FILE
    table = read_table(path)
    rejected = {3: "zebra", 17: "zebra", 20: "alpha"}
    status = [("rejected" if number in rejected else entry) for number, entry in enumerate(table["status"].to_pylist())]
    reason = [rejected.get(number) for number in range(len(table))]
    group = ["both" if number in (5, 30) else None for number in range(len(table))]
    table = with_columns(table, status=status, reason=reason, group=group)
    hashes = table["sha256"].to_pylist()
    write_state(workbench.shared, State(splits={hashes[5]: "test", hashes[30]: "train"}))
    outputs = []
    for piece_rows in (40, 7):
        write_table(table, path)
        pq.write_table(pq.read_table(path), path, row_group_size=piece_rows, write_page_checksum=True)
        assert len(list(read_in_pieces(path))) == -(-40 // piece_rows)
        summary = workbench.run("split", split, SplitSettings(), "curate")
        outputs.append(read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist())
        assert list(summary["rejected"].items()) == [("zebra", 2), ("alpha", 1), ("bridges_splits", 1)]
    assert outputs[0] == outputs[1]
    before = table.to_pylist()
    assigned = {"split", "class_id", "status", "reason", "detail"}
    for number, (entry, old) in enumerate(zip(outputs[0], before, strict=True)):
        assert {name: entry[name] for name in entry.keys() - assigned} == {
            name: old[name] for name in old.keys() - assigned
        }
        if number == 30:
            assert (entry["status"], entry["reason"]) == ("unselected", "bridges_splits")
            assert entry["detail"].startswith("it was published in train, a copy of it")
        else:
            assert (entry["status"], entry["reason"], entry["detail"]) == (old["status"], old["reason"], old["detail"])
        assert (entry["split"] is None) == (entry["class_id"] is None) == (number in rejected or number == 30)
