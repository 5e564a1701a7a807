"""What classifiers that saw only some training images get right on others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gan.classifier import Classifier, fit_classifier
from gan.settings import ClassifierSettings

LabelledImages = tuple[np.ndarray, np.ndarray]  # uint8 [N, H, W, C] and int [N]


@dataclass(frozen=True, slots=True)
class ValueScore:
    """`correct` bool [S, N]: for each seed's classifier, which images of one test set it gets right."""

    correct: np.ndarray
    n_train: int

    @property
    def mean(self) -> float:
        """Accuracy in [0, 1] over all seeds."""
        return float(self.correct.mean())

    @property
    def per_seed(self) -> tuple[float, ...]:
        return tuple(float(accuracy) for accuracy in self.correct.mean(axis=1))

    @property
    def n_test(self) -> int:
        return self.correct.shape[1]


def classification_accuracy(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    tests: Sequence[LabelledImages],
    class_count: int,
    settings: ClassifierSettings,
    seeds: Sequence[int] = (0, 1, 2),
) -> tuple[ValueScore, ...]:
    """Train on uint8 [N, H, W, C] once per seed; one score for each of `tests`, pairs of images and labels.

    However many training images there are, it takes the steps that the settings say, so that sets of unequal size
    compare; a seed fixes the start and the order. With synthetic training images this is the classification accuracy
    score of Ravuri and Vinyals 2019, arXiv:1905.10887; a Frechet distance does not predict it. With real ones and
    synthetic tests it is its reverse. Raises BadInput like `fit_classifier`.
    """
    # A classifier is dropped before the next one is fitted.
    classifiers = (fit_classifier(train_images, train_labels, class_count, settings, seed) for seed in seeds)
    return score(classifiers, tests, len(train_images))


def score(classifiers: Iterable[Classifier], tests: Sequence[LabelledImages], n_train: int) -> tuple[ValueScore, ...]:
    """What classifiers, one per seed, get right: one score for each of `tests`."""
    correct: list[list[np.ndarray]] = [[] for _ in tests]
    for classifier in classifiers:
        for rows, (images, labels) in zip(correct, tests, strict=True):
            rows.append(classifier.probabilities(images).argmax(axis=1) == labels)
    return tuple(ValueScore(np.stack(rows), n_train) for rows in correct)
