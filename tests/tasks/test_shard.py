import math
import re
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from datasets.manifest import MANIFEST_FILE, read_table
from datasets.readers import load_numpy
from datasets.tfds_layout import ShardFeatures, read_index
from datasets.tfrecord import read_tfrecord
from tasks import shard_plan
from tasks.augment import augment
from tasks.digests import file_sha256
from tasks.imaging.augmentation import AugmentationSettings
from tasks.parallel import ComputeSettings
from tasks.scan import ScanSettings
from tasks.shard import ShardSettings, normalise_constants, shard_real


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


def test_workers_write_the_same_bytes(workbench, class_folders, no_augmentation, monkeypatch):
    alone = shard(workbench, class_folders, no_augmentation, shard_mib=0.002)["content_digest"]
    monkeypatch.setattr(shard_plan, "SPREAD_FROM_BYTES", 0)
    monkeypatch.setattr(shard_plan, "PARTITION_BYTES", 1)
    context = workbench.context("shard", "split", "augment")
    spread = replace(context, compute=ComputeSettings(workers=2))
    assert shard_real(ShardSettings(shard_mib=0.002), spread)["content_digest"] == alone


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


def shard_encoded(workbench, folder, encoding, augmentation, **settings):
    """The same images, prepared in an encoding; the workbench has one store for all recipes, so it begins anew."""
    shutil.rmtree(workbench.shared / "pixels", ignore_errors=True)
    scan = ScanSettings(channels=1, resize={"width_px": 16, "height_px": 16}, encoding=encoding)
    workbench.prepare(folder, scan=scan)
    workbench.run("augment", augment, augmentation, "split")
    workbench.run("shard", shard_real, ShardSettings(**settings), "split", "augment")
    return workbench.outputs["shard"]


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_other_encodings_hold_the_same_images(workbench, class_folders, no_augmentation, encoding):
    expected, found = (
        load_numpy(shard_encoded(workbench, class_folders, name, no_augmentation)) for name in ("png", encoding)
    )
    assert found.ids == expected.ids
    difference = np.abs(found.images.astype(int) - expected.images)
    assert difference.max() == 0 if encoding == "raw" else 0 < difference.mean() < 3


def test_raw_records_hold_nothing_but_pixels(workbench, class_folders, no_augmentation):
    folder = shard_encoded(workbench, class_folders, "raw", no_augmentation)
    assert read_index(folder).features.encoding == "raw"
    images = load_numpy(folder).images
    (shard,) = read_index(folder).splits["train"]
    for image, record in zip(images, read_tfrecord(folder / shard.file), strict=True):
        assert image.tobytes() in record
        assert b"\x00RAW" not in record


@pytest.mark.parametrize("encoding", ["png", "raw"])
@pytest.mark.parametrize("method", ["standardise", "min_max", "percentile_clip"])
def test_float32_shards_give_the_levels_back(workbench, class_folders, no_augmentation, method, encoding):
    levels = load_numpy(shard_encoded(workbench, class_folders, encoding, no_augmentation)).images
    settings = {"pixels": "float32", "normalise": {"method": method, "low_percentile": 0, "high_percentile": 100}}
    folder = shard_encoded(workbench, class_folders, encoding, no_augmentation, **settings)
    index = read_index(folder)
    assert (index.features.pixels, index.features.encoding, index.normalise.method) == ("float32", "raw", method)
    assert np.array_equal(load_numpy(folder).images, levels)
    assert load_numpy(folder, scale="as_published").images.dtype == np.float32


def test_augmented_copies_are_stored_like_the_rest(workbench, class_folders):
    augmentation = AugmentationSettings(preset="digits", variants_per_image=1)
    folder = shard_encoded(workbench, class_folders, "raw", augmentation, pixels="float32")
    train, copies = (load_numpy(folder, split).images for split in ("train", "train_augmented"))
    assert len(copies) >= len(train) > 0


def test_the_index_knows_digest_and_size_of_every_file(workbench, class_folders, no_augmentation):
    shard(workbench, class_folders, no_augmentation, shard_mib=0.005)
    folder = workbench.outputs["shard"]
    entries = [entry for shards in read_index(folder).splits.values() for entry in shards]
    assert len(entries) > 3
    for entry in entries:
        assert (entry.bytes, entry.sha256) == ((folder / entry.file).stat().st_size, file_sha256(folder / entry.file))
        assert entry.bytes <= 0.005 * 2**20


def test_constants_are_exact_for_numbers_that_floats_cannot_hold():
    features = ShardFeatures(1 << 15, 1 << 15, 1, "png", None)
    sums, squares = [2**36 + 1, 2**37 + 3, 2**38], [2**43 + 1, 2**44 + 5, 2**45 + 7]
    used = pa.table(
        {
            "split": ["train", "train", "test"],
            "channel_sums": [[value] for value in sums],
            "channel_square_sums": [[value] for value in squares],
        }
    )
    how = normalise_constants(used, features)
    n_values = 2 * (1 << 30)
    mean = Fraction(sum(sums[:2]), 255 * n_values)
    variance = Fraction(sum(squares[:2]), 255 * 255 * n_values) - mean * mean
    assert how.mean == (float(mean),)
    assert how.std == (math.sqrt(float(variance)),)


def test_without_training_images_there_is_nothing_to_take_off():
    used = pa.table({"split": ["test"], "channel_sums": [[1, 2, 3]], "channel_square_sums": [[1, 2, 3]]})
    how = normalise_constants(used, ShardFeatures(4, 4, 3, "png", None))
    assert (how.mean, how.std) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"normalise": {"low_percentile": 60, "high_percentile": 40}},
            "low_percentile is 60 and high_percentile 40; the low one has to be below the high one",
        ),
        (
            {"pixels": "float32", "normalise": {"method": "none"}},
            "pixels is float32 and normalise.method none, which would store the levels 0 to 255 in four bytes each; "
            "choose another method, or pixels: uint8",
        ),
    ],
    ids=["percentiles", "floats"],
)
def test_settings_that_are_refused(settings, sentence):
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        ShardSettings(**settings)
