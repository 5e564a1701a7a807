"""Training sets that are made of others."""

import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.value.arms import mixed, oversampled


def labelled(*counts, level=0):
    """So many images [N, 2, 2, 1] of each class; every one has its own grey level, from `level` on."""
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    levels = (level + np.arange(len(labels))).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (len(labels), 2, 2, 1)), labels


def test_all_real_images_come_with_at_most_so_many_others_for_each():
    real, others = labelled(6, 6), labelled(40, 40, level=100)
    images, labels = mixed(real, others, 1.5, seed=0)
    np.testing.assert_array_equal(images[:12], real[0])
    assert len(labels) == len(images) == 12 + 18
    assert np.bincount(labels[12:]).tolist() == [9, 9]
    assert len(np.unique(images[12:])) == 18


def test_all_others_are_taken_where_they_are_fewer():
    images, _ = mixed(labelled(6, 6), labelled(2, 3, level=100), 1.0, seed=0)
    assert len(images) == 12 + 5


def test_others_are_taken_by_the_seed():
    real, others = labelled(3, 3), labelled(40, 40, level=100)
    first, again, other = (mixed(real, others, 1.0, seed)[0].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_images_of_another_size_are_not_mixed_in():
    others = np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2, np.int32)
    sentence = "images of (2, 2, 1) and (4, 4, 1) cannot be mixed; resize one of them"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        mixed(labelled(3), others, 1.0, seed=0)


def test_small_classes_are_repeated_until_all_are_equal():
    images, labels = oversampled(labelled(7, 3, 0, 5), seed=0)
    assert np.bincount(labels).tolist() == [7, 7, 0, 7]
    repeats = np.unique(images[labels == 1][:, 0, 0, 0], return_counts=True)[1]
    assert sorted(repeats.tolist()) == [2, 2, 3]
