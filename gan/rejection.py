"""Rejection: samples that judges turn down are made anew, a bounded number of times."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gan.blocks import at_fixed_places
from gan.classifier import Classifier
from gan.discriminator import Discriminator
from gan.sampling import Generator
from gan.seeds import derived_seed

CALIBRATION_IMAGES = 200  # of each class


class Judge(Protocol):
    """Turns samples down. `name` says for what; `sha256` is of the weights it judges with."""

    name: str
    sha256: str

    def rejects(self, numbers: np.ndarray, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Bool [N] for uint8 [N, H, W, C] with their image numbers, ascending, and labels [N]."""
        ...


class OtherClass:
    """Rejects what a classifier sees as another class than was asked for."""

    name = "other_class"

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.sha256 = classifier.weights_sha256

    def rejects(self, numbers: np.ndarray, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return at_fixed_places(self._classifier.probabilities, numbers, images).argmax(axis=1) != labels


class LowScore:
    """Rejects what the discriminator scores below the `1 - keep_share` quantile of its class.

    The quantiles are those of 200 samples of each class with latents of their own.
    Azadi et al. 2019, arXiv:1810.06758, for the idea; a threshold per class keeps every class as likely as it was.
    """

    name = "low_score"

    def __init__(
        self, discriminator: Discriminator, generator: Generator, keep_share: float, seed: int, truncation: float = 1.0
    ) -> None:
        self._discriminator = discriminator
        self.sha256 = discriminator.weights_sha256
        classes = max(1, generator.spec.classes)
        labels = np.repeat(np.arange(classes, dtype=np.int32), CALIBRATION_IMAGES)
        numbers = np.arange(len(labels))
        calibration = derived_seed(seed, "scores")
        images = generator.sample_numbers(numbers, labels, calibration, truncation=truncation)
        scores = discriminator.scores(numbers, images, labels).reshape(classes, CALIBRATION_IMAGES)
        self.thresholds = np.quantile(scores, 1.0 - keep_share, axis=1)

    def rejects(self, numbers: np.ndarray, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return self._discriminator.scores(numbers, images, labels) < self.thresholds[labels]


@dataclass(frozen=True, slots=True)
class Accepted:
    """Images uint8 [N, H, W, C] in order; how often each judge rejected [classes]; slots given up [classes].

    What stands in a slot that was given up is its last, rejected, image. `attempts` uint16 [N]: how many samples were
    rejected before the one that was taken, which with it can be made again without the judges.
    """

    images: np.ndarray
    rejected: dict[str, np.ndarray]
    given_up: np.ndarray
    attempts: np.ndarray


def sample_accepted(
    generator: Generator,
    labels: np.ndarray,
    seed: int,
    judges: Sequence[Judge],
    *,
    max_attempts: int,
    first: int = 0,
    truncation: float = 1.0,
) -> Accepted:
    """One image that no judge rejects for each label int [N], if one comes in `max_attempts`.

    Image number i depends on (seed, i, label i) and the judges alone.
    """
    classes = max(1, generator.spec.classes)
    labels = generator.checked(labels) if generator.spec.classes else labels.astype(np.int32)
    pending = np.arange(len(labels))
    images = generator.sample_numbers(first + pending, labels, seed, truncation=truncation)
    rejected = {judge.name: np.zeros(classes, np.int64) for judge in judges}
    attempts = np.zeros(len(labels), np.uint16)
    for attempt in range(max_attempts):
        if attempt:
            attempts[pending] = attempt
            fresh = generator.sample_numbers(
                first + pending, labels[pending], seed, attempt=attempt, truncation=truncation
            )
            images[pending] = fresh
        pending = _turned_down(judges, first, pending, images, labels, rejected)
        if not len(pending):
            break
    return Accepted(images, rejected, np.bincount(labels[pending], minlength=classes), attempts)


def _turned_down(
    judges: Sequence[Judge],
    first: int,
    pending: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    rejected: dict[str, np.ndarray],
) -> np.ndarray:
    """Those of `pending` that a judge rejects, ascending; each counts for the first judge that rejects it."""
    down = np.zeros(len(pending), dtype=bool)
    for judge in judges:
        left = pending[~down]
        if not len(left):
            break
        rejects = judge.rejects(first + left, images[left], labels[left])
        rejected[judge.name] += np.bincount(labels[left[rejects]], minlength=len(rejected[judge.name]))
        down[~down] = rejects
    return pending[down]
