import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import datasets
from datasets import load_numpy
from datasets.errors import BadInput, FormatError
from datasets.image_codec import decode_image, encode_image
from datasets.tfrecord import read_tfrecord, write_tfrecord

SHAPE = (8, 8, 1)


@pytest.mark.parametrize("shape", [(8, 12, 1), (12, 8, 3)], ids=["gray", "rgb"])
def test_png_comes_back_pixel_for_pixel(build_dataset, make_images, shape):
    images = make_images(10, shape)
    loaded = load_numpy(build_dataset("digits", {"train": images}))
    assert np.array_equal(loaded.images, images)


@pytest.mark.parametrize("shape", [(8, 12, 1), (12, 8, 3)], ids=["gray", "rgb"])
def test_jpeg_comes_back_as_it_was_encoded(build_dataset, make_images, shape):
    images = make_images(10, shape)
    loaded = load_numpy(build_dataset("digits", {"train": images}, encoding="jpeg"))
    assert np.array_equal(loaded.images, [decode_image(encode_image(image, "jpeg")) for image in images])


def test_labels_ids_and_class_names(build_dataset, make_images):
    loaded = load_numpy(build_dataset("digits", {"train": make_images(5, (8, 8, 1))}))
    assert loaded.labels.dtype == np.int32
    assert loaded.labels.tolist() == [0, 1, 2, 0, 1]
    assert loaded.ids == [f"train/ü{number}.png#0" for number in range(5)]
    assert loaded.class_names == ("bag", "été", "t-shirt")


def test_without_labels(build_dataset, make_images):
    loaded = load_numpy(build_dataset("digits", {"train": make_images(5, (8, 8, 1))}, class_names=None))
    assert (loaded.labels, loaded.class_names) == (None, None)


def test_joined_splits_follow_each_other(build_dataset, make_images):
    images = make_images(9, (8, 8, 1))
    folder = build_dataset("digits", {"train": images[:6], "train_augmented": images[6:]})
    assert np.array_equal(load_numpy(folder, "train+train_augmented").images, images)


@pytest.mark.parametrize("limit", [0, 3, 4, 100])
def test_a_limit_gives_the_first(build_dataset, make_images, limit):
    images = make_images(10, (8, 8, 1))
    loaded = load_numpy(build_dataset("digits", {"train": images}), limit=limit)
    assert np.array_equal(loaded.images, images[:limit])
    assert len(loaded.ids) == len(loaded.labels) == min(limit, 10)


def test_an_empty_split_has_no_images(build_dataset, make_images):
    images = make_images(3, (8, 8, 1))
    loaded = load_numpy(build_dataset("digits", {"train": images, "test": images[:0]}), "test")
    assert loaded.images.shape == (0, 8, 8, 1)


@pytest.mark.parametrize("limit", [-1, 1.5, "5"])
def test_a_limit_that_cannot_be_is_refused(tmp_path, limit):
    sentence = f"got limit {limit!r}; allowed are 0 or more images, or None for all"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load_numpy(tmp_path, limit=limit)


@pytest.mark.parametrize("change", [slice(None, -1), slice(None, None, 1)], ids=["fewer", "more"])
def test_a_shard_with_another_count_than_the_index_is_refused(build_dataset, make_images, change):
    folder = build_dataset("digits", {"train": make_images(4, (8, 8, 1))})
    shard = folder / "digits-train.tfrecord-00000-of-00001"
    records = list(read_tfrecord(shard))
    changed = records[change] if change.stop else [*records, records[0]]
    write_tfrecord(shard, changed)
    sentence = f"{shard}: has {len(changed)} records, index.json says 4; copy it again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        load_numpy(folder)


def test_a_shard_of_another_data_set_is_refused(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(4, (8, 8, 1))})
    other = build_dataset("others", {"train": make_images(4, (8, 8, 3))})
    shutil.copy(other / "others-train.tfrecord-00000-of-00001", folder / "digits-train.tfrecord-00000-of-00001")
    sentence = f"{folder}: record 'train/ü0.png#0': its image is [8, 8, 3], index.json says [8, 8, 1]; shard again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        load_numpy(folder)


def test_records_without_labels_where_the_index_names_classes_are_refused(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(4, (8, 8, 1))})
    other = build_dataset("others", {"train": make_images(4, (8, 8, 1))}, class_names=None)
    shutil.copy(other / "others-train.tfrecord-00000-of-00001", folder / "digits-train.tfrecord-00000-of-00001")
    sentence = f"{folder}: record 'train/ü0.png#0' has no label, index.json names classes; shard again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        load_numpy(folder)


def test_reading_with_numpy_imports_no_tensorflow(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(4, (8, 8, 1))})
    code = (
        "import sys, datasets; "
        f"assert len(datasets.load_numpy({str(folder)!r}).images) == 4; "
        "heavy = {'tensorflow', 'keras', 'prefect', 'dask', 'distributed'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(datasets.__file__).parents[1])


@pytest.fixture
def mixable(build_dataset, make_images):
    """The folder of a real and of a synthetic version; synthetic images are marked from 100 on."""
    made = make_images(2, SHAPE)
    made[:, 0, 0] += 100
    return build_dataset("digits", {"train": make_images(6, SHAPE)}), build_dataset("made", {"train": made})


def marks(loaded) -> list[int]:
    return loaded.images[:, 0, 0, 0].tolist()


def test_synthetic_images_are_mixed_in_without_tensorflow(mixable):
    real, made = mixable
    loaded = load_numpy(real, synthetic=made, ratio=1 / 3)
    assert sorted(marks(loaded)) == [0, 1, 2, 3, 4, 5, 100, 100, 101]
    assert [mark % 100 % 3 for mark in marks(loaded)] == loaded.labels.tolist()


def test_a_limit_gives_the_first_of_a_mix(mixable):
    real, made = mixable
    everything = load_numpy(real, synthetic=made, ratio=0.5)
    assert marks(load_numpy(real, synthetic=made, ratio=0.5, limit=5)) == marks(everything)[:5]


def test_a_mix_has_the_scale_of_the_real_images(mixable):
    real, made = mixable
    loaded = load_numpy(real, synthetic=made, ratio=0.5, scale="unit")
    assert np.allclose(loaded.images * 255, load_numpy(real, synthetic=made, ratio=0.5).images)


@pytest.mark.parametrize(
    ("shape", "class_names", "what"),
    [
        ((8, 8, 3), ("bag", "été", "t-shirt"), "images [8, 8, 3], the real ones are [8, 8, 1]"),
        (SHAPE, ("été", "bag", "t-shirt"), "its class ids are not those of {real}"),
    ],
    ids=["shape", "class ids"],
)
def test_what_does_not_fit_is_not_mixed_in(mixable, build_dataset, make_images, shape, class_names, what):
    real, _ = mixable
    other = build_dataset("other", {"train": make_images(2, shape)}, class_names=class_names)
    sentence = f"{other}: {what.format(real=real)}; train on this version"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load_numpy(real, synthetic=other, ratio=0.5)


def test_labels_are_not_mixed_with_none(mixable, build_dataset, make_images):
    unlabelled = build_dataset("unlabelled", {"train": make_images(2, SHAPE)}, class_names=None)
    sentence = f"{unlabelled}: its images have no labels, the real ones have; train on this version"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load_numpy(mixable[0], synthetic=unlabelled, ratio=0.5)
