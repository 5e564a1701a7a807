import re
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput, FormatError
from gan.extractors.embedded import load_extractor, make_extractor, random_conv_extractor, save_extractor
from gan.extractors.opening import open_extractor
from gan.extractors.self_supervised import fit_turns
from gan.extractors.settings import ExtractorSettings
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
def test_without_classes_the_network_learns_from_turned_images(
    stripes: Images, small_classifier: ClassifierSettings, tmp_path: Path, classes: int
) -> None:
    labels = None if classes == 0 else 0 * stripes[1]
    extractor = make_extractor(stripes[0], labels, classes, small_classifier, seed=0)
    assert re.fullmatch(r"self-supervised sha256:[0-9a-f]{12} resize:none", extractor.identity)
    save_extractor(extractor, tmp_path / "e.npz")
    loaded = load_extractor(tmp_path / "e.npz")
    assert loaded.identity == extractor.identity
    np.testing.assert_array_equal(loaded.features(stripes[0]), extractor.features(stripes[0]))


def test_images_that_cannot_be_turned_get_a_random_network(
    stripes: Images, small_classifier: ClassifierSettings
) -> None:
    extractor = make_extractor(stripes[0][:, :12], None, 0, small_classifier, seed=0)
    assert re.fullmatch(r"random-conv sha256:[0-9a-f]{12} resize:none", extractor.identity)
    assert extractor.features(stripes[0][:5, :12]).shape == (5, 64)


def test_turns_are_told_apart(stripes: Images, few_stripes: Images) -> None:
    ramp = np.linspace(0, 100, 16)[:, None, None]
    real, held_out = ((images * 0.5 + ramp).astype(np.uint8) for images in (stripes[0], few_stripes[0]))
    classifier = fit_turns(real, ClassifierSettings(width=4, feature_size=8, budget_images=3200, batch_size=32), seed=0)
    turned = np.concatenate([np.rot90(held_out, turns, axes=(1, 2)) for turns in range(4)])
    assert classifier.accuracy(turned, np.repeat(np.arange(4), len(held_out))) > 0.9


@pytest.mark.parametrize(
    ("kind", "labelled", "classifies"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("classifier", True, True),
        ("self-supervised", True, False),
        ("random-conv", True, False),
    ],
)
def test_every_kind_can_be_asked_for_by_name(
    stripes: Images, small_classifier: ClassifierSettings, kind: str, labelled: bool, classifies: bool
) -> None:
    labels = stripes[1] if labelled else None
    extractor = open_extractor(ExtractorSettings(kind=kind), stripes[0], labels, 3, small_classifier, seed=0)
    assert extractor.name == kind or kind == "auto"
    assert (extractor.probabilities(stripes[0][:4]) is not None, extractor.standardise) == (classifies, True)


@pytest.mark.parametrize(("classes", "what"), [(0, "no labels"), (1, "one class")])
def test_a_classifier_without_classes_is_refused(
    stripes: Images, small_classifier: ClassifierSettings, classes: int, what: str
) -> None:
    labels = None if classes == 0 else 0 * stripes[1]
    sentence = f"extractor.kind is classifier, and the images have {what}; set it to auto or self-supervised"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        open_extractor(ExtractorSettings(kind="classifier"), stripes[0], labels, classes, small_classifier, seed=0)


def test_turns_of_images_that_are_not_square_are_refused(stripes: Images, small_classifier: ClassifierSettings) -> None:
    sentence = (
        "images of 16x12 cannot be turned by a quarter, as the self-supervised extractor does; "
        "set extractor.kind to random-conv"
    )
    settings = ExtractorSettings(kind="self-supervised")
    with pytest.raises(BadInput, match=re.escape(sentence)):
        open_extractor(settings, stripes[0][:, :12], None, 0, small_classifier, seed=0)


def test_random_features_tell_kinds_of_images_apart(stripes: Images, few_stripes: Images) -> None:
    extractor = random_conv_extractor((16, 16, 1), seed=0)
    noise = np.random.default_rng(0).integers(0, 256, stripes[0].shape, dtype=np.uint8)
    real, same, other = (statistics(extractor.features(images)) for images in (stripes[0], few_stripes[0], noise))
    assert frechet_distance(real, other) > 2 * frechet_distance(real, same)


def test_a_random_extractor_comes_back(stripes: Images, tmp_path: Path) -> None:
    extractor = random_conv_extractor((16, 16, 1), seed=4)
    save_extractor(extractor, tmp_path / "e.npz")
    loaded = load_extractor(tmp_path / "e.npz")
    assert loaded.identity == extractor.identity
    np.testing.assert_array_equal(loaded.features(stripes[0]), extractor.features(stripes[0]))


def test_a_random_extractor_that_came_out_differently_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.npz"
    made_from = {"image_shape": [16, 16, 1], "seed": 4, "feature_size": 64}
    identity = "random-conv sha256:000000000000 resize:none"
    record = {"kind": "random-conv", "format_version": 2, "identity": identity, "made_from": made_from}
    write_arrays(path, {}, record)
    sentence = f"{path}: its seed no longer gives the same network; train again"
    with pytest.raises(FormatError, match=re.escape(sentence)):
        load_extractor(path)
