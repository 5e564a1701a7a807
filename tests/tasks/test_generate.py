import re

import numpy as np
import pytest

from datasets.errors import BadInput
from tasks.generate import GenerateSettings, untrained, wanted_labels
from tasks.validation_halves import validation_halves


def test_every_class_gets_its_quota_in_order():
    settings = GenerateSettings(images_per_class=2, quotas={"b": 3})
    assert wanted_labels(settings, ("a", "b")).tolist() == [0, 0, 1, 1, 1]


def test_without_classes_the_number_is_that_of_all_images():
    assert wanted_labels(GenerateSettings(images_per_class=4), None).tolist() == [0, 0, 0, 0]


def test_a_quota_of_an_unknown_class_is_bad_input():
    with pytest.raises(BadInput, match=f"^{re.escape('generate.quotas names c; the classes are a, b')}$"):
        wanted_labels(GenerateSettings(quotas={"c": 1}), ("a", "b"))


def test_a_class_without_training_images_is_not_made_whatever_its_quota():
    settings = GenerateSettings(images_per_class=2, quotas={"b": 3})
    assert wanted_labels(settings, ("a", "b", "c"), [5, 0, 1]).tolist() == [0, 0, 2, 2]


def test_classes_without_training_images_are_named():
    assert untrained(("a", "b", "c"), [0, 4, 0]) == ["a", "c"]


def test_no_image_at_all_is_bad_input():
    sentence = (
        "generate.quotas is 0 for every class that has training images, of a, b; at least one needs 1 image or more; "
        "raise a quota, or leave it out to get generate.images_per_class"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_labels(GenerateSettings(quotas={"a": 0}), ("a", "b"), [3, 0])


def test_validation_halves_are_disjoint_complete_and_even_in_every_class():
    ids = [f"image-{number}" for number in range(101)]
    labels = np.arange(101) % 5
    select, gate = validation_halves(ids, labels)
    assert sorted([*select, *gate]) == list(range(101))
    for label in range(5):
        assert abs(int((labels[select] == label).sum()) - int((labels[gate] == label).sum())) <= 1


def test_validation_halves_do_not_depend_on_the_order_of_the_images():
    ids = [f"image-{number}" for number in range(50)]
    labels = np.arange(50) % 3
    order = np.random.default_rng(0).permutation(50)
    select, _ = validation_halves(ids, labels)
    shuffled, _ = validation_halves([ids[index] for index in order], labels[order])
    assert {ids[index] for index in select} == {ids[order[index]] for index in shuffled}


def test_classes_are_filled_up_to_a_number_with_quotas_going_before():
    settings = GenerateSettings(fill_to=5, quotas={"c": 1})
    assert wanted_labels(settings, ("a", "b", "c"), [3, 9, 4]).tolist() == [0, 0, 2]


def test_without_classes_all_images_together_are_filled_up():
    assert len(wanted_labels(GenerateSettings(fill_to=5), None, [3])) == 2


def test_where_every_class_is_full_nothing_can_be_made():
    sentence = (
        "generate.fill_to is 5, and no class has fewer real training images; raise it, or leave it out to get "
        "generate.images_per_class"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_labels(GenerateSettings(fill_to=5), ("a", "b"), [5, 9])
