"""Every kind of leak is planted, found, counted and named; what only looks like one is not."""

import pytest

from datasets.errors import Refused
from datasets.manifest import MANIFEST_FILE, read_table, table_of, with_columns, write_table
from tasks.augment import augment
from tasks.data_gate.leaks import MOST_NAMED, find_leaks
from tasks.gate_data import DataGateSettings, gate_data
from tasks.imaging.augmentation import AugmentationSettings
from tasks.publish import PublishSettings, publish_real
from tasks.shard import ShardSettings, shard_real


def used(*rows):
    base = {"source": "s", "frame": 0, "kind": "real", "status": "kept"}
    named = [{"member": f"{number}.png", "sha256": str(number)} for number in range(len(rows))]
    return table_of([base | name | row for name, row in zip(named, rows, strict=True)])


def copy_of(number, split, **changes):
    return {"kind": "augmented", "derived_from": f"s/{number}.png#0", "split": split} | changes


def test_clean_splits_leak_nothing():
    rows = [{"split": "train"}, {"split": "test"}, {"split": "fold_0"}, copy_of(0, "train_augmented")]
    found = find_leaks(used(*rows, copy_of(2, "fold_0_augmented")), [("0", "missing")])
    assert (found.count, found.named) == (0, ())


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("sha256", "the same bytes"),
        ("pixel_sha256", "the same pixels"),
        ("duplicate_group", "copies of one picture"),
        ("group", "images of one group"),
    ],
)
@pytest.mark.parametrize(("one", "other"), [("train", "test"), ("validation", "train"), ("fold_0", "fold_1")])
def test_anything_shared_between_splits_is_a_leak(key, what, one, other):
    found = find_leaks(used({"split": one, key: "same"}, {"split": other, key: "same"}))
    assert (found.count, found.named) == (1, (f"s/0.png#0 ({one}) and s/1.png#0 ({other}) are {what}",))


def test_frames_of_one_file_in_two_splits_are_a_leak():
    frames = [{"member": "film.gif", "sha256": "film", "frame": n, "split": s} for n, s in enumerate(["train", "test"])]
    found = find_leaks(used(*frames))
    assert found.named == ("s/film.gif#0 (train) and s/film.gif#1 (test) are frames of one file",)


def test_a_pair_of_near_copies_in_two_splits_is_a_leak():
    table = used({"split": "train"}, {"split": "validation"}, {"split": "validation"})
    assert find_leaks(table, [("1", "2")]).count == 0
    assert find_leaks(table, [("0", "1")]).named == ("s/0.png#0 (train) and s/1.png#0 (validation) are near copies",)


@pytest.mark.parametrize(
    ("parent", "split"),
    [("validation", "train_augmented"), ("test", "test_augmented"), ("fold_1", "fold_0_augmented"), ("train", "train")],
)
def test_an_augmented_copy_where_copies_of_its_image_do_not_belong_is_a_leak(parent, split):
    found = find_leaks(used({"split": parent}, copy_of(0, split)))
    sentence = f"s/1.png#0 ({split}) is an augmented copy of s/0.png#0 ({parent})"
    assert (found.count, found.named) == (1, (sentence,))


def test_an_augmented_copy_of_what_is_not_used_is_a_leak():
    found = find_leaks(used({"split": "train"}, copy_of(7, "train_augmented")))
    assert found.named == ("s/1.png#0 (train_augmented) is an augmented copy of s/7.png#0, which is not in use",)


def test_an_augmented_copy_with_the_bytes_of_a_test_image_is_a_leak():
    found = find_leaks(used({"split": "train"}, {"split": "test"}, copy_of(0, "train_augmented", sha256="1")))
    assert found.named == ("s/1.png#0 (test) and s/2.png#0 (train_augmented) are the same bytes",)


def test_of_many_leaks_all_are_counted_and_the_first_named():
    found = find_leaks(used(*[{"split": split, "group": str(n)} for n in range(9) for split in ("train", "test")]))
    assert (found.count, len(found.named)) == (9, MOST_NAMED)


def planted_group(workbench):
    """A group over train and test in the output of split."""
    path = workbench.outputs["split"] / MANIFEST_FILE
    table = read_table(path)
    first = {split: table["split"].to_pylist().index(split) for split in ("train", "test")}
    groups = ["patient" if number in first.values() else None for number in range(len(table))]
    write_table(with_columns(table, group=groups), path)
    return [table["member"][first[split]].as_py() for split in ("train", "test")]


def planted_copy(workbench):
    """A copy of a training image that says to be of a validation image, in the output of augment."""
    split = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
    held_out = next(entry for entry in split if entry["split"] == "validation")
    path = workbench.outputs["augment"] / MANIFEST_FILE
    copies = read_table(path)
    parents = copies["derived_from"].to_pylist()
    parents[0] = f"{held_out['source']}/{held_out['member']}#0"
    write_table(with_columns(copies, derived_from=parents), path)
    return [copies["member"][0].as_py(), held_out["member"]]


@pytest.mark.parametrize("plant", [planted_group, planted_copy])
def test_a_planted_leak_refuses_publishing_and_names_the_images(workbench, class_folders, plant):
    workbench.prepare(class_folders)
    workbench.run("augment", augment, AugmentationSettings(preset="light", variants_per_image=1), "split")
    members = plant(workbench)
    workbench.run("shard", shard_real, ShardSettings(), "split", "augment")
    summary = workbench.run("gate_data", gate_data, DataGateSettings(), "curate", "split", "shard")
    assert summary["verdict"] == "refused"
    with pytest.raises(Refused, match=r"images, copies or groups in two splits 1 > 0 \(") as caught:
        workbench.run("publish_data", publish_real, PublishSettings(), "shard", "gate_data")
    assert all(member in str(caught.value) for member in members)
