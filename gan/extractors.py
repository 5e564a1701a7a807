"""Feature extractors. A number measured in features is worth nothing without the extractor's identity beside it."""

from enum import IntEnum
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
from keras import layers

from datasets.errors import BadInput, FormatError
from gan.classifier import Classifier, compiled, fit_classifier, in_blocks, load_classifier, scaled, weights_digest
from gan.seeds import derived_seed
from gan.settings import ClassifierSettings
from gan.weight_files import read_arrays, write_arrays

RANDOM_CONV_VERSION = 1
_RESIZE_RULE = "resize:none"  # images are measured at the size that they were generated in


class Fold(IntEnum):
    """Which fold of real training images a network is fitted on: no two purposes share one. See `fold_of`."""

    SELECTION = 0  # snapshots are compared, and samples filtered, in features of this one
    FEATURES = 1  # the gate's distances
    FAITHFULNESS = 2  # the gate's judge of labels


class Extractor(Protocol):
    """`name` is "classifier" or "random-conv"; `identity` adds weights hash and resize rule.

    For example `classifier sha256:1f3a5c7799aa resize:none`.
    """

    name: str
    identity: str

    def features(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, C] -> float32 [N, D]."""
        ...


class ClassifierExtractor:
    """Features of a classifier that saw real training images."""

    name = "classifier"

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.identity = _identity(self.name, classifier.weights_sha256)

    def features(self, images: np.ndarray) -> np.ndarray:
        return self.classifier.features(images)


class RandomConvExtractor:
    """Features of an untrained network: blind to meaning, but not to missing modes or wrong textures."""

    name = "random-conv"

    def __init__(self, resolution_px: int, channels: int, seed: int, feature_size: int) -> None:
        self.record = {
            "resolution_px": resolution_px,
            "channels": channels,
            "seed": seed,
            "feature_size": feature_size,
        }
        self._network = _random_network(resolution_px, channels, derived_seed(seed, "random-conv"), feature_size)
        self.identity = _identity(self.name, weights_digest(self._network.get_weights()))
        shape = (resolution_px, resolution_px, channels)
        self._forward = compiled(lambda images: [self._network(scaled(images))], shape)

    def features(self, images: np.ndarray) -> np.ndarray:
        return in_blocks(self._forward, images)[0]


def classifier_extractor(
    images: np.ndarray, labels: np.ndarray, class_count: int, settings: ClassifierSettings, seed: int
) -> ClassifierExtractor:
    """Features of a classifier fitted on real training images (pass one fold of them, see `fold_of`)."""
    return ClassifierExtractor(fit_classifier(images, labels, class_count, settings, seed))


def random_conv_extractor(resolution_px: int, channels: int, seed: int, feature_size: int = 64) -> RandomConvExtractor:
    """Features of an untrained, seeded convolutional network, for data without labels."""
    return RandomConvExtractor(resolution_px, channels, seed, feature_size)


def make_extractor(
    images: np.ndarray, labels: np.ndarray | None, class_count: int, settings: ClassifierSettings, seed: int
) -> ClassifierExtractor | RandomConvExtractor:
    """`classifier` where there are at least two classes, else `random-conv`. Images are uint8 [N, S, S, C]."""
    if labels is None or class_count < 2:
        return random_conv_extractor(images.shape[1], images.shape[3], seed)
    return classifier_extractor(images, labels, class_count, settings, seed)


def fold_of(count: int, folds: int, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
    """int32 [count] in [0, folds): which fold each image is in; every class is spread evenly where labels are given."""
    if folds < 1 or count < folds:
        raise BadInput(f"{count} images cannot be put into {folds} folds; give at least one image per fold")
    order = np.random.default_rng([derived_seed(seed, "folds"), count]).permutation(count)
    if labels is not None:
        order = order[np.argsort(np.asarray(labels)[order], kind="stable")]
    fold = np.empty(count, dtype=np.int32)
    fold[order] = np.arange(count) % folds
    return fold


def save_extractor(extractor: ClassifierExtractor | RandomConvExtractor, path: Path) -> None:
    """Write an npz that `load_extractor` reads."""
    if isinstance(extractor, ClassifierExtractor):
        extractor.classifier.save(path)
    else:
        record = {"kind": extractor.name, "format_version": RANDOM_CONV_VERSION, "identity": extractor.identity}
        write_arrays(path, {}, {**record, "made_from": extractor.record})


def load_extractor(path: Path) -> ClassifierExtractor | RandomConvExtractor:
    """Raises FormatError where the file is damaged or of another version."""
    _, record = read_arrays(path)
    if record.get("kind") != RandomConvExtractor.name:
        return ClassifierExtractor(load_classifier(path))
    if record["format_version"] != RANDOM_CONV_VERSION:
        version = record["format_version"]
        raise FormatError(f"{path}: extractor version {version}, this code reads {RANDOM_CONV_VERSION}")
    extractor = RandomConvExtractor(**record["made_from"])
    if extractor.identity != record["identity"]:
        raise FormatError(f"{path}: its seed no longer gives the same network; train again")
    return extractor


def _identity(name: str, weights_sha256: str) -> str:
    return f"{name} sha256:{weights_sha256[:12]} {_RESIZE_RULE}"


def _random_network(resolution_px: int, channels: int, seed: int, feature_size: int) -> keras.Model:
    """Strided convolutions, then mean and deviation over the places of each channel."""
    images = keras.Input((resolution_px, resolution_px, channels), name="images")
    hidden, width, side_px, number = images, 32, resolution_px, 0
    while side_px > 4:
        initializer = keras.initializers.HeNormal(seed=seed + number)
        hidden = layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=initializer)(hidden)
        hidden = layers.LeakyReLU(0.2)(hidden)
        width, side_px, number = min(2 * width, 128), -(-side_px // 2), number + 1
    initializer = keras.initializers.Orthogonal(seed=seed + number)
    features = layers.Dense(feature_size, kernel_initializer=initializer)(layers.Flatten()(hidden))
    return keras.Model(images, features)
