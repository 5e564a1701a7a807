"""`load` and its tf.data pipeline. Image i of a split has the value i at [0, 0], so that batches can be told apart."""

import re

import numpy as np
import pytest

from datasets import load, load_numpy
from datasets.errors import BadInput
from datasets.manifest import Kind
from datasets.mixing import synthetic_count
from datasets.tfrecord import read_tfrecord, write_tfrecord

pytestmark = pytest.mark.usefixtures("tf")
SHAPE = (8, 8, 1)


@pytest.fixture
def real(build_dataset, make_images):
    images = make_images(30, SHAPE)
    return build_dataset("digits", {"train": images, "train_augmented": images[:6], "test": images[:5]})


@pytest.fixture
def synthetic(build_dataset, make_images):
    images = make_images(20, SHAPE)
    images[:, 0, 0] += 100
    return build_dataset("digits_synthetic", {"train": images}, kind=Kind.SYNTHETIC)


def numbers(dataset) -> list[int]:
    """The marks of one epoch; synthetic ones begin at 100."""
    return [int(image[0, 0, 0]) for image, _ in dataset.as_numpy_iterator()]


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
@pytest.mark.parametrize("shape", [(8, 12, 1), (12, 8, 3)], ids=["gray", "rgb"])
def test_pixels_and_labels_are_those_of_load_numpy(build_dataset, make_images, encoding, shape):
    folder = build_dataset("digits", {"train": make_images(9, shape)}, encoding=encoding)
    images, labels = zip(*load(folder, scale="none").as_numpy_iterator(), strict=True)
    expected = load_numpy(folder)
    assert images[0].dtype == np.uint8
    assert np.array_equal(images, expected.images)
    assert list(labels) == expected.labels.tolist()


def test_without_labels_there_are_only_images(build_dataset, make_images):
    images = make_images(5, SHAPE)
    folder = build_dataset("digits", {"train": images}, class_names=None)
    assert np.array_equal(list(load(folder, scale="none", with_labels=False).as_numpy_iterator()), images)


def test_labels_may_be_left_out(real):
    (image, *_) = load(real, scale="none", with_labels=False).as_numpy_iterator()
    assert image.shape == SHAPE


def test_an_unlabelled_data_set_is_not_read_as_labelled(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(5, SHAPE)}, class_names=None)
    sentence = f"{folder}: this data set has no labels; load it with with_labels=False"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(folder)


def test_the_element_is_known_before_reading(real, tf):
    image, label = load(real, batch_size=4).element_spec
    assert (image.shape.as_list(), image.dtype) == ([None, *SHAPE], tf.float32)
    assert (label.shape.as_list(), label.dtype) == ([None], tf.int64)


def test_the_number_of_batches_is_known_before_reading(real):
    assert int(load(real, batch_size=4).cardinality()) == 8


def test_the_last_batch_may_be_smaller(real):
    assert [len(labels) for _, labels in load(real, batch_size=16)] == [16, 14]


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("none", lambda pixels: pixels),
        ("unit", lambda pixels: pixels / 255),
        ("symmetric", lambda pixels: pixels / 127.5 - 1),
        ("standardise", lambda pixels: (pixels / 255 - [0.25, 0.5, 0.5]) / [0.5, 0.25, 1e-6]),
    ],
)
def test_scales(build_dataset, make_images, scale, expected):
    images = make_images(3, (8, 8, 3))
    folder = build_dataset("digits", {"train": images})
    loaded = np.array([image for image, _ in load(folder, scale=scale).as_numpy_iterator()])
    # The last channel of these tests has deviation 0, and is divided by the smallest allowed one instead.
    np.testing.assert_allclose(loaded, expected(images), rtol=1e-5, atol=0.05 if scale == "standardise" else 1e-6)


def test_an_empty_split_is_an_empty_data_set(build_dataset, make_images):
    images = make_images(3, SHAPE)
    folder = build_dataset("digits", {"train": images, "test": images[:0]})
    assert list(load(folder, "test", shuffle=True)) == []


def test_without_shuffling_the_order_is_that_of_the_files(real):
    assert numbers(load(real, scale="none")) == list(range(30))


def test_shuffling_keeps_every_record_once(real):
    shuffled = numbers(load(real, scale="none", shuffle=True))
    assert shuffled != list(range(30))
    assert sorted(shuffled) == list(range(30))


def test_the_same_seed_gives_the_same_epochs_and_each_its_own_order(real):
    first, again = (load(real, scale="none", shuffle=True, seed=5) for _ in range(2))
    epochs = [numbers(first), numbers(first)]
    assert [numbers(again), numbers(again)] == epochs
    assert epochs[0] != epochs[1]


def test_another_seed_gives_another_order(real):
    assert numbers(load(real, scale="none", shuffle=True, seed=1)) != numbers(
        load(real, scale="none", shuffle=True, seed=2)
    )


@pytest.mark.parametrize(("ratio", "n_synthetic"), [(0.1, 3), (0.25, 10), (0.4, 20), (0.5, 30), (0.75, 90)])
def test_the_share_of_synthetic_images_is_the_ratio(real, synthetic, ratio, n_synthetic):
    mixed = load(real, synthetic=synthetic, ratio=ratio, scale="none")
    marks = numbers(mixed)
    assert sorted(mark for mark in marks if mark < 100) == list(range(30))
    assert sum(mark >= 100 for mark in marks) == n_synthetic
    assert int(mixed.cardinality()) == len(marks)


@pytest.mark.parametrize("seed", range(5))
def test_every_stretch_of_the_mix_has_its_share(real, synthetic, seed):
    is_synthetic = [
        mark >= 100 for mark in numbers(load(real, synthetic=synthetic, ratio=0.25, scale="none", seed=seed))
    ]
    counts = [sum(is_synthetic[start : start + 12]) for start in range(len(is_synthetic) - 11)]
    assert set(counts) <= {2, 3, 4}


def test_the_mix_is_the_same_for_the_same_seed(real, synthetic):
    settings = {"synthetic": synthetic, "ratio": 0.4, "scale": "none", "shuffle": True}
    first, again, other = (numbers(load(real, seed=seed, **settings)) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_too_few_synthetic_images_begin_again(real, synthetic):
    marks = [mark for mark in numbers(load(real, synthetic=synthetic, ratio=0.6, scale="none")) if mark >= 100]
    assert marks == [*range(100, 120), *range(100, 120), *range(100, 105)]


def test_too_many_synthetic_images_are_left_out(real, synthetic):
    marks = [mark for mark in numbers(load(real, synthetic=synthetic, ratio=0.25, scale="none")) if mark >= 100]
    assert marks == list(range(100, 110))


def test_labels_stay_with_their_images_in_a_mix(real, synthetic):
    pairs = [
        (int(image[0, 0, 0]), int(label)) for image, label in load(real, synthetic=synthetic, ratio=0.4, scale="none")
    ]
    assert all(label == mark % 100 % 3 for mark, label in pairs)


def test_synthetic_images_join_the_augmented_ones(real, synthetic):
    marks = numbers(load(real, "train+train_augmented", synthetic=synthetic, ratio=0.1, scale="none"))
    assert len(marks) == 36 + 4


def test_every_batch_has_its_share_in_every_epoch(real, synthetic):
    # As the README has it: the folders of the data sets, whose `latest` names the version.
    settings = {"synthetic": synthetic.parent, "ratio": 0.5, "scale": "none", "shuffle": True, "batch_size": 8}
    mixed = load(real.parent, split="train+train_augmented", **settings)
    for _ in range(2):
        batches = [(images.numpy()[:, 0, 0, 0] >= 100).sum() for images, _ in mixed]
        assert batches == [4] * 9


def test_epochs_of_a_mix_differ_and_come_again_with_the_seed(real, synthetic):
    settings = {"synthetic": synthetic, "ratio": 0.5, "scale": "none", "shuffle": True}
    first, again = (load(real, **settings) for _ in range(2))
    epochs = [numbers(first), numbers(first)]
    assert [numbers(again), numbers(again)] == epochs
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("ratio", [0.25, 0.6])
def test_load_numpy_mixes_as_load_does(real, synthetic, ratio, seed):
    settings = {"synthetic": synthetic, "ratio": ratio, "seed": seed}
    images, labels = zip(*load(real, scale="none", **settings).as_numpy_iterator(), strict=True)
    loaded = load_numpy(real, **settings)
    assert np.array_equal(loaded.images, images)
    assert loaded.labels.tolist() == list(labels)


def test_a_png_data_set_is_mixed_with_a_jpeg_one(real, build_dataset, make_images):
    jpegs = build_dataset("digits_synthetic", {"train": make_images(5, SHAPE)}, encoding="jpeg")
    assert len(list(load(real, synthetic=jpegs, ratio=0.25))) == 40


@pytest.mark.parametrize(("n_real", "ratio", "expected"), [(100, 0.5, 100), (3, 0.25, 1), (0, 0.5, 0), (10, 0.99, 990)])
def test_synthetic_count(n_real, ratio, expected):
    assert synthetic_count(n_real, ratio) == expected


def test_a_generator_that_knows_fewer_classes_may_be_mixed_in(real, build_dataset, make_images):
    older = build_dataset("older", {"train": make_images(5, SHAPE)}, class_names=("bag", "été"))
    assert len(list(load(real, synthetic=older, ratio=0.25))) == 40


def test_other_class_ids_are_refused(real, build_dataset, make_images):
    other = build_dataset("other", {"train": make_images(5, SHAPE)}, class_names=("été", "bag"))
    sentence = f"{other}: its class ids are not those of {real}; train on this version"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(real, synthetic=other, ratio=0.25)


def test_another_shape_is_refused(real, build_dataset, make_images):
    other = build_dataset("other", {"train": make_images(5, (8, 8, 3))})
    sentence = f"{other}: images [8, 8, 3], the real ones are [8, 8, 1]; train on this version"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(real, synthetic=other, ratio=0.25)


def test_no_synthetic_images_are_refused(real, build_dataset, make_images):
    empty = build_dataset("empty", {"train": make_images(0, SHAPE)})
    sentence = f"{empty}: split train has no records; generate some, or leave synthetic out"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(real, synthetic=empty, ratio=0.25)


def test_held_out_images_stay_real(real, synthetic):
    sentence = "got split test with synthetic images; they are for training only: use a train split"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(real, "test", synthetic=synthetic, ratio=0.25)


def test_damage_in_a_shard_is_not_read_over(real, tf):
    shard = real / "digits-train.tfrecord-00003-of-00008"
    data = bytearray(shard.read_bytes())
    data[-20] ^= 1
    shard.write_bytes(data)
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        list(load(real))


@pytest.mark.parametrize("change", [-1, 1], ids=["fewer", "more"])
def test_a_count_unlike_that_of_the_index_is_not_read_over(real, tf, change):
    shard = real / "digits-train.tfrecord-00003-of-00008"
    records = list(read_tfrecord(shard))
    write_tfrecord(shard, records[:-1] if change < 0 else [*records, records[0]])
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"cardinality|contain"):
        list(load(real))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"batch_size": 0}, "got batch_size 0; allowed are 1 or more, or None for single images"),
        ({"batch_size": 2.5}, "got batch_size 2.5; allowed are 1 or more, or None for single images"),
        ({"worker": 1}, "got worker 1; allowed is (index, count) with an index from 0 to count - 1"),
        ({"worker": (0, 2, 3)}, "got worker (0, 2, 3); allowed is (index, count) with an index from 0 to count - 1"),
        ({"ratio": 1.0}, "got ratio 1.0; allowed is the share of synthetic images from 0 to below 1"),
        ({"ratio": 0.5}, "got ratio 0.5 without synthetic; give the folder of a synthetic data set, or ratio 0"),
        (
            {"synthetic": "digits_synthetic"},
            "got synthetic digits_synthetic with ratio 0, which takes nothing of it; give the share of synthetic "
            "images, above 0 and below 1, or leave synthetic out",
        ),
        (
            {"scale": "[-1, 1]"},
            "got scale '[-1, 1]'; allowed are as_published, none, unit, symmetric, centre, standardise, min_max, "
            "percentile_clip",
        ),
    ],
    ids=["batch_size", "half a batch", "worker", "three of worker", "ratio", "ratio alone", "synthetic alone", "scale"],
)
def test_settings_that_are_refused(real, settings, sentence):
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(real, **settings)
