import re
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput, FormatError
from gan.classifier import Classifier, fit_classifier, load_classifier
from gan.settings import ClassifierSettings
from gan.value import classification_accuracy, label_faithfulness
from gan.weight_files import write_arrays

Images = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def classifier(stripes: Images, small_classifier: ClassifierSettings) -> Classifier:
    return fit_classifier(*stripes, 3, small_classifier, seed=1)


def test_it_learns_to_tell_stripes_apart(classifier: Classifier, few_stripes: Images) -> None:
    assert classifier.accuracy(*few_stripes) > 0.8


def test_probabilities_sum_to_one(classifier: Classifier, few_stripes: Images) -> None:
    probabilities = classifier.probabilities(few_stripes[0])
    assert probabilities.shape == (36, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)


def test_no_images_give_no_features(classifier: Classifier) -> None:
    assert classifier.features(np.empty((0, 16, 16, 1), np.uint8)).shape == (0, 8)


def test_the_same_seed_gives_the_same_weights(
    classifier: Classifier, stripes: Images, small_classifier: ClassifierSettings
) -> None:
    again, other = (fit_classifier(*stripes, 3, small_classifier, seed=seed) for seed in (1, 2))
    assert again.weights_sha256 == classifier.weights_sha256 != other.weights_sha256


def test_a_saved_classifier_says_the_same(classifier: Classifier, few_stripes: Images, tmp_path: Path) -> None:
    classifier.save(tmp_path / "c.npz")
    loaded = load_classifier(tmp_path / "c.npz")
    np.testing.assert_array_equal(loaded.features(few_stripes[0]), classifier.features(few_stripes[0]))
    assert loaded.weights_sha256 == classifier.weights_sha256


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    write_arrays(path, {}, {"kind": "generator", "format_version": 1})
    with pytest.raises(FormatError, match=re.escape(f"{path}: not a classifier of format version 1; train again")):
        load_classifier(path)


def test_images_of_another_size_are_refused(classifier: Classifier) -> None:
    sentence = "images of (8, 8, 1) for a classifier of (16, 16, 1); resize them first"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        classifier.features(np.zeros((2, 8, 8, 1), np.uint8))


def test_labels_outside_the_classes_are_refused(stripes: Images, small_classifier: ClassifierSettings) -> None:
    with pytest.raises(BadInput, match=re.escape("labels span 0..2; allowed are 0..1")):
        fit_classifier(*stripes, 2, small_classifier, seed=0)


def test_one_class_is_refused(stripes: Images, small_classifier: ClassifierSettings) -> None:
    sentence = (
        "a classifier got 120 images, 120 labels and 1 classes; it needs one label per image and at least two classes"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        fit_classifier(stripes[0], 0 * stripes[1], 1, small_classifier, seed=0)


def test_value_is_one_accuracy_per_test_set_and_seed(
    stripes: Images, few_stripes: Images, small_classifier: ClassifierSettings
) -> None:
    images, labels = few_stripes
    tests = [few_stripes, (images[:10], labels[:10])]
    whole, part = classification_accuracy(*stripes, tests, 3, small_classifier, seeds=(1, 5))
    assert [(len(score.per_seed), score.n_train, score.n_test) for score in (whole, part)] == [
        (2, 120, 36),
        (2, 120, 10),
    ]
    assert whole.mean == pytest.approx(np.mean(whole.per_seed))
    assert whole.mean > 0.8


def test_faithfulness_counts_agreement_per_class(classifier: Classifier, few_stripes: Images) -> None:
    images, _ = few_stripes
    seen = classifier.probabilities(images).argmax(axis=1)
    claimed = np.where(seen == 1, 0, seen)
    found = label_faithfulness(classifier, images, claimed, class_count=4)
    zeros = (seen == 0).sum() / (claimed == 0).sum()
    assert found.per_class[:3] == (pytest.approx(zeros), pytest.approx(np.nan, nan_ok=True), 1.0)
    assert np.isnan(found.per_class[3])
    assert (found.n_per_class[3], sum(found.n_per_class)) == (0, 36)
    assert found.mean == pytest.approx((seen == claimed).mean())
