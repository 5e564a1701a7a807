"""Which real images train and which decide, of any set."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from tasks.synthetic_gate.image_sets import ImageSet
from tasks.synthetic_gate.roles import evidence_of
from tasks.synthetic_gate.settings import SyntheticGateSettings

SETTINGS = SyntheticGateSettings(min_gate_images=8)
NOWHERE = Path("/nowhere")


def image_set(count, labels="ab", splits=(None,), seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    repeated = [labels[number % len(labels)] if labels else None for number in range(count)]
    ids = [f"x/{number}" for number in range(count)]
    return ImageSet(images, repeated, [splits[number % len(splits)] for number in range(count)], ids, Counter())


def evidence(real, made=None, seed=0):
    return evidence_of(real, image_set(20, seed=9) if made is None else made, NOWHERE, SETTINGS, seed)


def test_without_splits_a_fifth_of_each_class_decides():
    found, said = evidence(image_set(100))
    assert (len(found.train.images), len(found.gate.images)) == (80, 20)
    assert np.bincount(found.gate.labels).tolist() == [10, 10]
    assert said == (
        "a fifth of the real images, drawn by seed 0, as there is no validation split; where the generator learned "
        "from these too, copies of them are not found (20 images; 80 real images to train on)"
    )


def test_the_fifth_follows_from_the_seed_and_not_from_the_order():
    real = image_set(100, labels="")
    order = np.random.default_rng(1).permutation(100)
    shuffled = ImageSet(real.images[order], real.labels, real.splits, [real.ids[one] for one in order], Counter())
    first, again, other = (
        set(evidence(one, seed=seed)[0].gate.ids) for one, seed in ((real, 0), (shuffled, 0), (real, 1))
    )
    assert first == again != other


def test_images_of_equal_pixels_are_not_parted():
    real = image_set(100, labels="")
    real.images[50:] = real.images[:50]
    found, _ = evidence(real)
    decided = {int(name.removeprefix("x/")) % 50 for name in found.gate.ids}
    assert len(found.gate.ids) == 2 * len(decided)


def test_splits_are_used_as_in_the_pipeline():
    found, said = evidence(image_set(200, splits=("train", "train", "train", "validation", "test")))
    assert (len(found.train.images), len(found.gate.images), len(found.held_out.images)) == (120, 20, 80)
    assert said == "gate half of validation, as in the pipeline (20 images; 120 real images to train on)"


def test_without_validation_test_images_do_not_decide():
    found, _ = evidence(image_set(200, splits=("train", "test")))
    tests = {f"x/{number}" for number in range(1, 200, 2)}
    assert not tests & {*found.gate.ids, *found.train.ids} and tests < set(found.held_out.ids)

    assert tests == set(found.test.ids)


def test_without_training_images_those_of_validation_are_drawn_from_and_test_images_do_not_decide():
    found, said = evidence(image_set(200, splits=("validation", "test")))
    tests = {f"x/{number}" for number in range(1, 200, 2)}
    assert not tests & {*found.gate.ids, *found.train.ids} and tests == set(found.test.ids) < set(found.held_out.ids)
    assert said == (
        "a fifth of the real images, drawn by seed 0, as there is no train split; where the generator learned from "
        "these too, copies of them are not found (20 images; 80 real images to train on)"
    )


def test_test_images_alone_are_drawn_from_and_are_no_test():
    found, _ = evidence(image_set(100, splits=("test",)))
    assert (len(found.train.images), len(found.gate.images), found.test) == (80, 20, None)
    assert found.held_out.ids == found.gate.ids


def test_synthetic_images_need_no_labels():
    found, _ = evidence(image_set(100), image_set(20, labels=""))
    assert found.labelled and found.unlabelled_side == "synthetic"


def test_without_labels_of_real_images_those_of_synthetic_ones_are_not_used():
    found, _ = evidence(image_set(100, labels=""))
    assert not found.labelled and found.synthetic.labels is None


def test_classes_that_real_images_lack_are_refused():
    sentence = (
        "^the synthetic images have classes that the real ones lack: c; there are a, b; rename their folders, or give "
        "both without labels$"
    )
    with pytest.raises(BadInput, match=sentence):
        evidence(image_set(100), image_set(20, labels="abc"))


def test_too_few_real_images_are_refused():
    sentence = (
        "^30 real images give 24 to train on and 6 to decide on; at least 16 and 8 are needed; give more, or lower "
        r"synthetic_gate\.min_gate_images$"
    )
    with pytest.raises(BadInput, match=sentence):
        evidence(image_set(30))


def test_too_few_that_were_drawn_of_more_ask_for_the_option():
    real = image_set(30)
    real.left_out["more than 30 images (--max-images)"] = 100
    with pytest.raises(
        BadInput, match=r"at least 16 and 8 are needed; raise --max-images, or lower synthetic_gate\.min_"
    ):
        evidence(real)


def test_too_few_synthetic_images_are_refused():
    with pytest.raises(BadInput, match=r"^7 synthetic images; at least 8 are needed$"):
        evidence(image_set(100), image_set(7))
