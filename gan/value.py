"""What synthetic images are worth to somebody who trains a classifier on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gan.classifier import Classifier, fit_classifier
from gan.settings import ClassifierSettings


@dataclass(frozen=True, slots=True)
class ValueScore:
    """Accuracies in [0, 1] on real images of classifiers that saw only the given training images."""

    mean: float
    per_seed: tuple[float, ...]
    n_train: int
    n_test: int


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Share of images in [0, 1] that a classifier sees as the class they were made for."""

    mean: float
    per_class: tuple[float, ...]  # nan where a class has no image
    n: int


def classification_accuracy(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    class_count: int,
    settings: ClassifierSettings,
    seeds: Sequence[int] = (0, 1, 2),
) -> ValueScore:
    """Train on one set of uint8 [N, H, W, C], test on another, once per seed.

    With synthetic training images this is the classification accuracy score of Ravuri and Vinyals 2019,
    arXiv:1905.10887; a Frechet distance does not predict it.
    """
    accuracies = tuple(
        fit_classifier(train_images, train_labels, class_count, settings, seed).accuracy(test_images, test_labels)
        for seed in seeds
    )
    return ValueScore(float(np.mean(accuracies)), accuracies, len(train_images), len(test_images))


def label_faithfulness(
    classifier: Classifier, images: np.ndarray, labels: np.ndarray, class_count: int
) -> Faithfulness:
    """Agreement between the label an image was generated for and what the classifier sees in it."""
    agrees = classifier.probabilities(images).argmax(axis=1) == labels
    per_class = tuple(
        float(agrees[labels == label].mean()) if (labels == label).any() else float("nan")
        for label in range(class_count)
    )
    return Faithfulness(float(agrees.mean()), per_class, len(images))
