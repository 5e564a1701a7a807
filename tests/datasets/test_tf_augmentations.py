"""Augmentation while reading: ranges, shapes, labels and seeds."""

import re

import numpy as np
import pytest

from datasets import load
from datasets.errors import BadInput
from datasets.tf_augmentations import STRENGTHS, contrast, cutmix, flip, mixup, shift, strengths_of

SHAPE = (8, 12, 3)
SINGLE = [name for name in STRENGTHS if name not in ("mixup", "cutmix")]


@pytest.fixture
def folder(build_dataset, make_images):
    images = make_images(24, SHAPE)
    return build_dataset("digits", {"train": images, "validation": images[:3], "train_augmented": images[:3]})


def epoch(dataset) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*dataset.as_numpy_iterator(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


@pytest.fixture
def seed(tf):
    return tf.constant([3, 4], tf.int64)


@pytest.fixture
def levels(tf, make_images):
    return tf.cast(make_images(64, SHAPE), tf.float32)


@pytest.mark.parametrize("name", SINGLE)
def test_images_change_within_the_range_and_labels_stay(tf, folder, name):
    plain_images, plain_labels = epoch(load(folder, batch_size=8, scale="none"))
    images, labels = epoch(load(folder, batch_size=8, scale="none", augment=[name]))
    assert images.dtype == np.uint8
    assert images.shape == plain_images.shape
    assert not np.array_equal(images, plain_images)
    assert labels.tolist() == plain_labels.tolist()


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixing_gives_soft_labels(tf, folder, name):
    images, labels = epoch(load(folder, batch_size=8, augment=name))
    assert labels.shape == (24, 3)
    assert labels.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    assert ((labels > 0.01).sum(axis=1) > 1).any()
    assert -1 <= images.min() <= images.max() <= 1


def test_the_element_is_known_before_reading(tf, folder):
    images, labels = load(folder, batch_size=4, augment=["flip", "mixup"]).element_spec
    assert (images.shape.as_list(), images.dtype) == ([None, *SHAPE], tf.float32)
    assert (labels.shape.as_list(), labels.dtype) == ([None, 3], tf.float32)


def test_single_images_are_changed_too(tf, folder):
    singles = [image for image, _ in load(folder, scale="none", augment=SINGLE).as_numpy_iterator()]
    plain = [image for image, _ in load(folder, scale="none").as_numpy_iterator()]
    assert singles[0].shape == SHAPE
    assert sum(np.array_equal(a, b) for a, b in zip(singles, plain, strict=True)) < 3


@pytest.mark.parametrize("options", [{}, {"shuffle": True}], ids=["in order", "shuffled"])
def test_the_same_seed_gives_the_same_epochs_and_each_its_own_draw(tf, folder, options):
    first, again, other = (load(folder, batch_size=8, augment=SINGLE, seed=seed, **options) for seed in (5, 5, 6))
    epochs = [epoch(first)[0], epoch(first)[0]]
    assert np.array_equal(epochs, [epoch(again)[0], epoch(again)[0]])
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0], epoch(other)[0])


def test_workers_draw_other_numbers(tf, folder):
    parts = [epoch(load(folder, batch_size=4, augment={"brightness": 1.0}, worker=(i, 2)))[0] for i in (0, 1)]
    plain = [epoch(load(folder, batch_size=4, worker=(i, 2)))[0] for i in (0, 1)]
    moves = [(part - unchanged).mean(axis=(1, 2, 3)) for part, unchanged in zip(parts, plain, strict=True)]
    assert not np.allclose(moves[0], moves[1], atol=0.01)


def test_float_shards_are_changed_as_levels(tf, build_dataset, make_images):
    images = make_images(8, SHAPE)
    settings = {"batch_size": 8, "augment": ["flip", "brightness"]}
    stored = build_dataset("floats", {"train": images}, encoding="raw", pixels="float32", method="standardise")
    plain = build_dataset("levels", {"train": images}, method="standardise")
    assert np.array_equal(epoch(load(stored, **settings))[0], epoch(load(plain, **settings))[0])


def test_a_certain_flip_mirrors_every_image(levels, seed):
    assert np.array_equal(flip(levels, seed, 1.0), levels[:, :, ::-1])


def test_half_of_the_images_are_flipped(levels, seed):
    same = (flip(levels, seed, 0.5).numpy() == levels.numpy()).all(axis=(1, 2, 3))
    assert 20 < same.sum() < 44


def test_shifted_images_repeat_their_edge(tf, seed):
    image = np.zeros((200, 4, 4, 1), np.float32)
    image[:, 0, 0] = 9
    found = {
        tuple(map(tuple, shifted[:, :, 0].astype(int))) for shifted in shift(tf.constant(image), seed, 0.25).numpy()
    }
    assert len(found) == 5  # each direction keeps the corner or repeats it; away from it, the mark is gone
    assert ((9, 9, 0, 0), (9, 9, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0)) in found


def test_contrast_keeps_the_mean(levels, seed):
    changed = contrast(levels, seed, 0.5).numpy()
    np.testing.assert_allclose(changed.mean(axis=(1, 2, 3)), levels.numpy().mean(axis=(1, 2, 3)), rtol=1e-4)
    ratio = changed.std(axis=(1, 2, 3)) / levels.numpy().std(axis=(1, 2, 3))
    assert 0.5 <= ratio.min() < 0.7 < 1.3 < ratio.max() <= 1.5


def test_the_labels_of_mixup_are_the_shares_of_the_images(tf, seed):
    images = tf.reshape(tf.constant([0.0, 100.0] * 8), [16, 1, 1, 1])
    labels = tf.one_hot([0, 1] * 8, 2)
    mixed, shares = mixup(images, labels, seed, 1.0)
    np.testing.assert_allclose(mixed[:, 0, 0, 0], 100 * shares[:, 1], rtol=1e-4)
    assert len(set(shares[:, 1].numpy().round(4))) > 4


def test_the_labels_of_cutmix_are_the_areas_of_the_images(tf, seed):
    images = tf.ones([16, 9, 7, 1]) * tf.reshape(tf.constant([0.0, 100.0] * 8), [16, 1, 1, 1])
    labels = tf.one_hot([0, 1] * 8, 2)
    mixed, shares = cutmix(images, labels, seed, 1.0)
    np.testing.assert_allclose(tf.reduce_mean(mixed, axis=[1, 2, 3]), 100 * shares[:, 1], rtol=1e-4, atol=1e-3)
    assert len(set(shares[:, 1].numpy().round(4))) > 4


def test_a_tiny_alpha_gives_no_nonsense(levels, tf, seed):
    mixed, shares = mixup(levels, tf.one_hot([0] * 64, 2), seed, 0.001)
    assert np.isfinite(mixed).all()
    assert np.isfinite(shares).all()


def test_strengths_are_those_given_or_usual_in_the_order_of_the_table():
    assert strengths_of(["shift", "flip"]) == {"flip": 0.5, "shift": 0.1}
    assert list(strengths_of(["shift", "flip"])) == ["flip", "shift"]
    assert strengths_of({"contrast": 0.4}) == {"contrast": 0.4}
    assert strengths_of("flip") == {"flip": 0.5}
    assert strengths_of(()) == {}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"augment": ["blur"]},
            "got augment 'blur'; allowed are flip, shift, brightness, contrast, cutout, mixup, cutmix",
        ),
        (
            {"augment": {"flip": 2}},
            "got augment flip 2; it is the chance to be mirrored left to right: above 0, at most 1; "
            "leave the name out for none",
        ),
        (
            {"augment": ["mixup", "cutmix"]},
            "got augment with mixup and cutmix; both mix each image with another: name one of them",
        ),
        (
            {"augment": ["flip"], "split": "train+validation"},
            "got augment flip for split validation; images are changed for training only: leave it out",
        ),
        (
            {"augment": ["mixup"]},
            "got augment mixup without batch_size; it mixes images of a batch: give a batch_size",
        ),
        (
            {"augment": ["cutmix"], "batch_size": 4, "with_labels": False},
            "got augment cutmix without labels; it mixes labels as it mixes images: leave it out",
        ),
    ],
    ids=["name", "strength", "both", "split", "batch_size", "labels"],
)
def test_settings_that_are_refused(folder, settings, sentence):
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(folder, **settings)
