import numpy as np
import pytest

from datasets.manifest import MANIFEST_FILE, read_table
from datasets.readers import load_numpy
from datasets.tfds_layout import read_index
from tasks.augment import augment
from tasks.shard import ShardSettings, plan_shards, shard_real


def shard(workbench, folder, augmentation, seed=0, **settings):
    workbench.prepare(folder)
    workbench.run("augment", augment, augmentation, "split", seed=seed)
    return workbench.run("shard", shard_real, ShardSettings(**settings), "split", "augment", seed=seed)


def test_every_used_image_is_in_the_shards_with_its_label(workbench, class_folders, no_augmentation):
    shard(workbench, class_folders, no_augmentation)
    folder = workbench.outputs["shard"]
    used = read_table(folder / MANIFEST_FILE).to_pylist()
    for split in ("train", "validation", "test"):
        found = load_numpy(folder, split)
        expected = {f"{r['source']}/{r['member']}#0": r["class_id"] for r in used if r["split"] == split}
        assert dict(zip(found.ids, found.labels.tolist(), strict=True)) == expected


def test_records_are_shuffled_across_classes(workbench, class_folders, no_augmentation):
    shard(workbench, class_folders, no_augmentation)
    labels = load_numpy(workbench.outputs["shard"], "train").labels.tolist()
    assert labels not in (sorted(labels), sorted(labels, reverse=True))


def test_shards_keep_to_their_size(workbench, class_folders, no_augmentation):
    summary = shard(workbench, class_folders, no_augmentation, shard_mib=0.002)
    index = read_index(workbench.outputs["shard"])
    assert summary["shards"] == sum(map(len, index.splits.values())) > 5
    assert all(entry.records > 0 for shards in index.splits.values() for entry in shards)


def test_two_runs_give_the_same_bytes(workbench, class_folders, no_augmentation):
    digests = [shard(workbench, class_folders, no_augmentation)["content_digest"] for _ in range(2)]
    assert digests[0] == digests[1]


def test_another_seed_gives_another_order(workbench, class_folders, no_augmentation):
    digests = [shard(workbench, class_folders, no_augmentation, seed=seed)["content_digest"] for seed in (0, 1)]
    assert digests[0] != digests[1]


def test_normalise_constants_are_those_of_the_training_split(workbench, class_folders, no_augmentation):
    shard(workbench, class_folders, no_augmentation)
    index = read_index(workbench.outputs["shard"])
    pixels = load_numpy(workbench.outputs["shard"], "train").images.astype(np.float64) / 255
    assert index.normalise.mean == pytest.approx((pixels.mean(),), rel=1e-12)
    assert index.normalise.std == pytest.approx((pixels.std(),), rel=1e-9)


def test_the_published_manifest_names_no_place_of_the_workspace(workbench, class_folders, no_augmentation):
    shard(workbench, class_folders, no_augmentation)
    table = read_table(workbench.outputs["shard"] / MANIFEST_FILE)
    assert {name: table[name].null_count for name in ("pack", "offset", "length")} == dict.fromkeys(
        ("pack", "offset", "length"), len(table)
    )
    raw = b"".join(path.read_bytes() for path in workbench.outputs["shard"].iterdir())
    assert str(workbench.base).encode() not in raw


def test_unlabelled_images_have_no_labels(workbench, write_images, class_folders, no_augmentation):
    flat = write_images(
        {
            f"{side}{path.name}": path.read_bytes()
            for side in ("left", "right")
            for path in (class_folders / side).iterdir()
        },
        "flat",
    )
    shard(workbench, flat, no_augmentation)
    found = load_numpy(workbench.outputs["shard"], "train")
    assert (found.labels, found.class_names) == (None, None)


def test_a_plan_deals_rows_evenly():
    rows = [
        {"split": "train", "length": 100, "sha256": f"{i:064x}", "source": "s", "member": str(i), "frame": 0}
        for i in range(10)
    ]
    (shards,) = plan_shards("tiny", rows, 0, 400).values()
    assert [(name, len(entries)) for name, entries in shards] == [
        ("tiny-train.tfrecord-00000-of-00003", 3),
        ("tiny-train.tfrecord-00001-of-00003", 4),
        ("tiny-train.tfrecord-00002-of-00003", 3),
    ]
