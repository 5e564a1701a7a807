"""Reading any two sets of images into arrays of one shape."""

import json
import re
from collections import Counter

import numpy as np
import pytest

from datasets.errors import BadInput
from datasets.example_proto import encode_example
from datasets.image_codec import encode_image
from datasets.tfrecord import write_tfrecord
from tasks.progress import silent
from tasks.synthetic_gate.image_sets import left_out_sentence, read_sets


def write(folder, count, size=(8, 8), channels=1, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        image = rng.integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
        (folder / f"{number:03}.png").write_bytes(encode_image(image, "png"))
    return folder


def write_tfds(folder, splits):
    """TFRecord shards in the layout of TFDS that this project did not write: {split: images per class a and b}."""
    kinds = "tensorflow_datasets.core.features"
    features = {
        "image": {"pythonClassName": f"{kinds}.image_feature.Image", "image": {"dtype": "uint8"}},
        "label": {"pythonClassName": f"{kinds}.class_label_feature.ClassLabel", "classLabel": {"numClasses": "2"}},
    }
    folder.mkdir()
    rng = np.random.default_rng(0)
    for split, count in splits.items():
        images = rng.integers(0, 256, (2 * count, 8, 8, 1), dtype=np.uint8)
        examples = [
            encode_example({"image": encode_image(image, "png"), "label": number % 2})
            for number, image in enumerate(images)
        ]
        write_tfrecord(folder / f"made-{split}.tfrecord-00000-of-00001", examples)
    shards = [{"name": split, "shardLengths": [str(2 * count)]} for split, count in splits.items()]
    (folder / "features.json").write_text(json.dumps({"featuresDict": {"features": features}}))
    (folder / "dataset_info.json").write_text(json.dumps({"name": "made", "splits": shards}))
    (folder / "label.labels.txt").write_text("a\nb\n")
    return folder


def sets(real, made, **options):
    given = {
        "kind": "auto",
        "side_px": None,
        "mode": "stretch",
        "most": 1000,
        "seed": 0,
        "progress": lambda doing: silent,
    }
    return read_sets(real, made, **{**given, **options})


def test_both_sets_get_the_commonest_size_of_the_synthetic_images(tmp_path):
    real, made = write(tmp_path / "real", 5, (20, 10)), tmp_path / "made"
    write(made / "a", 5, (12, 8))
    write(made / "b", 2, (9, 9))
    real_set, made_set, said = sets(real, made)
    assert real_set.images.shape == (5, 8, 12, 1) and made_set.images.shape == (7, 8, 12, 1)
    assert said == (
        "both sets as 12x8 grey, the commonest size of the synthetic images; images of other sizes are resized "
        "(stretch: smaller by area, larger by bicubic)"
    )


def test_large_images_are_made_smaller(tmp_path):
    real, made = write(tmp_path / "real", 2, (20, 20)), write(tmp_path / "made", 2, (256, 192))
    _, made_set, said = sets(real, made)
    assert made_set.images.shape == (2, 96, 128, 1)
    assert "made smaller to 128 px (--side changes it)" in said


def test_a_side_can_be_asked_for(tmp_path):
    real, made = write(tmp_path / "real", 2), write(tmp_path / "made", 2, (256, 192))
    assert sets(real, made, side_px=16)[1].images.shape == (2, 16, 16, 1)


def test_one_set_in_colour_makes_both_colour(tmp_path):
    real, made = write(tmp_path / "real", 2, channels=3), write(tmp_path / "made", 2)
    real_set, made_set, _ = sets(real, made)
    assert real_set.images.shape == made_set.images.shape == (2, 8, 8, 3)


def test_labels_are_those_of_folders(tmp_path):
    for name in "ab":
        write(tmp_path / "real" / name, 2)
    real_set, made_set, _ = sets(tmp_path / "real", write(tmp_path / "made", 3))
    assert real_set.labels == ["a", "a", "b", "b"] and real_set.is_labelled
    assert made_set.labels == [None] * 3


def test_the_seed_draws_where_there_are_too_many(tmp_path):
    real, made = write(tmp_path / "real", 12), write(tmp_path / "made", 3)
    first, again, other = (sets(real, made, most=5, seed=seed)[0] for seed in (0, 0, 1))
    assert len(first.ids) == 5 and first.ids == again.ids != other.ids
    assert left_out_sentence("real", first.left_out) == (
        "7 real images are left out: 7 (more than 5 images (--max-images))"
    )


def test_a_damaged_image_is_left_out_and_said(tmp_path):
    real, made = write(tmp_path / "real", 4), write(tmp_path / "made", 3)
    broken = real / "001.png"
    broken.write_bytes(broken.read_bytes()[:60])
    real_set, _, _ = sets(real, made)
    assert len(real_set.images) == 3
    assert left_out_sentence("real", real_set.left_out).startswith("1 real images are left out: 1 (truncated: ")


def test_mostly_damaged_images_are_refused(tmp_path):
    real, made = write(tmp_path / "real", 3), write(tmp_path / "made", 3)
    for number in range(2):
        broken = real / f"{number:03}.png"
        broken.write_bytes(broken.read_bytes()[:60])
    sentence = rf"^{re.escape(str(real))}: 2 of 3 images cannot be used \(000.png: truncated: .+\); `augment-dataset "
    with pytest.raises(BadInput, match=sentence + "check` names all$"):
        sets(real, made)


def test_tfds_data_sets_of_others_are_read_with_labels_and_splits(tmp_path):
    real = write_tfds(tmp_path / "real", {"train": 3, "validation": 1})
    real_set, made_set, _ = sets(real, write_tfds(tmp_path / "made", {"train": 2}))
    assert real_set.labels == ["a", "b"] * 4 and Counter(real_set.splits) == {"train": 6, "validation": 2}
    assert made_set.images.shape == (4, 8, 8, 1)


def test_a_shard_that_is_cut_off_is_refused_by_name(tmp_path):
    real = write_tfds(tmp_path / "real", {"train": 5})
    shard = real / "made-train.tfrecord-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:-30])
    with pytest.raises(BadInput, match=re.escape(shard.name)):
        sets(real, write(tmp_path / "made", 3))


def test_a_kind_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"^--kind is zip; allowed are auto, folder_per_class, "):
        sets(write(tmp_path / "real", 3), write(tmp_path / "made", 3), kind="zip")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match=re.escape(str(tmp_path / "none"))):
        sets(tmp_path / "none", write(tmp_path / "made", 3))
