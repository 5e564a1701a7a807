"""What synthetic images are worth to somebody who trains a classifier on them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan.classifier import Classifier, fit_classifier
from gan.settings import ClassifierSettings


@dataclass(frozen=True, slots=True)
class ValueScore:
    """Accuracies in [0, 1] on one test set of classifiers that saw only the given training images."""

    mean: float
    per_seed: tuple[float, ...]
    n_train: int
    n_test: int


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Share of images in [0, 1] that a classifier sees as the class they were made for."""

    mean: float
    per_class: tuple[float, ...]  # nan where a class has no image
    n_per_class: tuple[int, ...]
    n: int


def classification_accuracy(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    tests: Sequence[tuple[np.ndarray, np.ndarray]],
    class_count: int,
    settings: ClassifierSettings,
    seeds: Sequence[int] = (0, 1, 2),
) -> tuple[ValueScore, ...]:
    """Train on uint8 [N, H, W, C] once per seed; one score for each of `tests`, pairs of images and labels.

    With synthetic training images this is the classification accuracy score of Ravuri and Vinyals 2019,
    arXiv:1905.10887; a Frechet distance does not predict it.
    """
    accuracies = []  # one row per seed; a classifier is dropped before the next one is fitted
    for seed in seeds:
        classifier = fit_classifier(train_images, train_labels, class_count, settings, seed)
        accuracies.append([classifier.accuracy(images, labels) for images, labels in tests])
    return tuple(
        ValueScore(float(np.mean(by_seed)), by_seed, len(train_images), len(images))
        for by_seed, (images, _) in zip(zip(*accuracies, strict=True), tests, strict=True)
    )


def label_faithfulness(
    classifier: Classifier, images: np.ndarray, labels: np.ndarray, class_count: int
) -> Faithfulness:
    """Agreement between the label an image was generated for and what the classifier sees in it."""
    agrees = classifier.probabilities(images).argmax(axis=1) == labels
    per_class = tuple(
        float(agrees[labels == label].mean()) if (labels == label).any() else float("nan")
        for label in range(class_count)
    )
    n_per_class = tuple(int((labels == label).sum()) for label in range(class_count))
    return Faithfulness(float(agrees.mean()), per_class, n_per_class, len(images))


def share_interval(share: float, n: int, shift: float = 0.0) -> tuple[float, float]:
    """95 % interval of a share in [0, 1] of n, moved by `shift`; Wilson 1927."""
    z = 1.96
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    margin = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - margin + shift, centre + margin + shift
