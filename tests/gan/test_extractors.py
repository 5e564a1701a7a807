import re
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput, FormatError
from gan.extractors import fold_of, load_extractor, make_extractor, random_conv_extractor, save_extractor
from gan.metrics.frechet import frechet_distance, statistics
from gan.settings import ClassifierSettings
from gan.weight_files import write_arrays

Images = tuple[np.ndarray, np.ndarray]


def test_labels_give_a_classifier_that_comes_back(
    stripes: Images, small_classifier: ClassifierSettings, tmp_path: Path
) -> None:
    extractor = make_extractor(*stripes, 3, small_classifier, seed=0)
    assert re.fullmatch(r"classifier sha256:[0-9a-f]{12} resize:none", extractor.identity)
    save_extractor(extractor, tmp_path / "e.npz")
    loaded = load_extractor(tmp_path / "e.npz")
    assert loaded.identity == extractor.identity
    np.testing.assert_array_equal(loaded.features(stripes[0]), extractor.features(stripes[0]))


@pytest.mark.parametrize("classes", [0, 1], ids=["no labels", "one class"])
def test_without_classes_the_network_is_random_and_says_so(
    stripes: Images, small_classifier: ClassifierSettings, classes: int
) -> None:
    labels = None if classes == 0 else 0 * stripes[1]
    extractor = make_extractor(stripes[0], labels, classes, small_classifier, seed=0)
    assert extractor.name == "random-conv"
    assert re.fullmatch(r"random-conv sha256:[0-9a-f]{12} resize:none", extractor.identity)


def test_random_features_tell_kinds_of_images_apart(stripes: Images, few_stripes: Images) -> None:
    extractor = random_conv_extractor(16, 1, seed=0)
    noise = np.random.default_rng(0).integers(0, 256, stripes[0].shape, dtype=np.uint8)
    real, same, other = (statistics(extractor.features(images)) for images in (stripes[0], few_stripes[0], noise))
    assert frechet_distance(real, other) > 2 * frechet_distance(real, same)


def test_a_random_extractor_comes_back(stripes: Images, tmp_path: Path) -> None:
    extractor = random_conv_extractor(16, 1, seed=4)
    save_extractor(extractor, tmp_path / "e.npz")
    loaded = load_extractor(tmp_path / "e.npz")
    assert loaded.identity == extractor.identity
    np.testing.assert_array_equal(loaded.features(stripes[0]), extractor.features(stripes[0]))


def test_a_random_extractor_that_came_out_differently_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    made_from = {"resolution_px": 16, "channels": 1, "seed": 4, "feature_size": 64}
    identity = "random-conv sha256:000000000000 resize:none"
    record = {"kind": "random-conv", "format_version": 1, "identity": identity, "made_from": made_from}
    write_arrays(path, {}, record)
    sentence = f"{path}: its seed no longer gives the same network; train again"
    with pytest.raises(FormatError, match=re.escape(sentence)):
        load_extractor(path)


def test_folds_are_even_within_classes() -> None:
    labels = np.array([0] * 30 + [1] * 6)
    fold = fold_of(36, 3, seed=1, labels=labels)
    assert np.bincount(fold[labels == 0]).tolist() == [10, 10, 10]
    assert np.bincount(fold[labels == 1]).tolist() == [2, 2, 2]


def test_folds_are_seeded() -> None:
    np.testing.assert_array_equal(fold_of(50, 3, seed=1), fold_of(50, 3, seed=1))
    assert not np.array_equal(fold_of(50, 3, seed=1), fold_of(50, 3, seed=2))


def test_more_folds_than_images_are_refused() -> None:
    sentence = "2 images cannot be put into 3 folds; give at least one image per fold"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        fold_of(2, 3, seed=0)
