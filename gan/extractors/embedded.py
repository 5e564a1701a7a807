"""Extractors that need no file: made from real training images, or untrained. `auto` chooses among them."""

from pathlib import Path

import numpy as np

from datasets.errors import BadInput, FormatError
from gan.classifier import Classifier, fit_classifier, load_classifier
from gan.extractors.base import NO_RESIZE, identity_of
from gan.extractors.random_conv import RandomConvExtractor
from gan.extractors.self_supervised import SelfSupervisedExtractor, fit_turns
from gan.settings import ClassifierSettings
from gan.weight_files import read_arrays, write_arrays

RANDOM_CONV_VERSION = 2


class ClassifierExtractor:
    """Features of a classifier that saw real training images, of the size that they were generated in."""

    name = "classifier"
    standardise = True

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.identity = identity_of(self.name, classifier.weights_sha256, NO_RESIZE)

    def features(self, images: np.ndarray) -> np.ndarray:
        return self.classifier.features(images)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        return self.classifier.probabilities(images)


EmbeddedExtractor = ClassifierExtractor | SelfSupervisedExtractor | RandomConvExtractor


def classifier_extractor(
    images: np.ndarray, labels: np.ndarray, class_count: int, settings: ClassifierSettings, seed: int
) -> ClassifierExtractor:
    """Features of a classifier fitted on real training images (pass one fold of them, see `fold_of`)."""
    return ClassifierExtractor(fit_classifier(images, labels, class_count, settings, seed))


def random_conv_extractor(image_shape: tuple[int, ...], seed: int, feature_size: int = 64) -> RandomConvExtractor:
    """Features of an untrained, seeded convolutional network for uint8 [N, *image_shape]."""
    return RandomConvExtractor(image_shape, seed, feature_size)


def self_supervised_extractor(images: np.ndarray, settings: ClassifierSettings, seed: int) -> SelfSupervisedExtractor:
    """Features of a network fitted to tell turned images apart. Raises BadInput where they are not square."""
    return SelfSupervisedExtractor(fit_turns(images, settings, seed))


def make_extractor(
    images: np.ndarray, labels: np.ndarray | None, class_count: int, settings: ClassifierSettings, seed: int
) -> EmbeddedExtractor:
    """For uint8 [N, H, W, C]: `classifier` where there are two classes or more, however few images each has.

    Else `self-supervised`, or `random-conv` where images are not square and so cannot be turned.
    """
    if labels is not None and class_count > 1:
        return classifier_extractor(images, labels, class_count, settings, seed)
    if images.shape[1] == images.shape[2]:
        return self_supervised_extractor(images, settings, seed)
    return random_conv_extractor(images.shape[1:], seed)


def embedded_extractor(
    kind: str,
    images: np.ndarray,
    labels: np.ndarray | None,
    class_count: int,
    settings: ClassifierSettings,
    seed: int,
) -> EmbeddedExtractor:
    """The one of that name, or `auto`. Raises BadInput where a classifier has no labels of two classes or more."""
    if kind == "auto":
        return make_extractor(images, labels, class_count, settings, seed)
    if kind == RandomConvExtractor.name:
        return random_conv_extractor(images.shape[1:], seed)
    if kind == SelfSupervisedExtractor.name:
        return self_supervised_extractor(images, settings, seed)
    if labels is None or class_count < 2:
        raise BadInput(
            f"extractor.kind is {kind}, and the images have {'no labels' if labels is None else 'one class'}; "
            f"set it to auto or {SelfSupervisedExtractor.name}"
        )
    return classifier_extractor(images, labels, class_count, settings, seed)


def save_extractor(extractor: EmbeddedExtractor, path: Path) -> None:
    """Write an npz that `load_extractor` reads."""
    if isinstance(extractor, RandomConvExtractor):
        record = {"kind": extractor.name, "format_version": RANDOM_CONV_VERSION, "identity": extractor.identity}
        write_arrays(path, {}, {**record, "made_from": extractor.record})
    else:
        extractor.classifier.save(path, extractor.name)


def load_extractor(path: Path) -> EmbeddedExtractor:
    """Raises FormatError where the file is damaged or of another version."""
    _, record = read_arrays(path)
    if record.get("kind") == SelfSupervisedExtractor.name:
        return SelfSupervisedExtractor(load_classifier(path, SelfSupervisedExtractor.name))
    if record.get("kind") != RandomConvExtractor.name:
        return ClassifierExtractor(load_classifier(path))
    if record["format_version"] != RANDOM_CONV_VERSION:
        version = record["format_version"]
        raise FormatError(f"{path}: extractor version {version}, this code reads {RANDOM_CONV_VERSION}")
    made_from = record["made_from"]
    extractor = RandomConvExtractor(tuple(made_from["image_shape"]), made_from["seed"], made_from["feature_size"])
    if extractor.identity != record["identity"]:
        raise FormatError(f"{path}: its seed no longer gives the same network; train again")
    return extractor
