"""Whether images show the class that they were made for."""

from dataclasses import dataclass

import numpy as np

from gan.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Share of images in [0, 1] that a classifier sees as the class they were made for."""

    mean: float
    per_class: tuple[float, ...]  # nan where a class has no image
    n_per_class: tuple[int, ...]
    n: int


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
