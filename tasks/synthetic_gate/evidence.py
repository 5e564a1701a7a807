"""What the synthetic gate measures with: images by role, folds of training images, and features of them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from datasets.errors import BadInput, Refused
from datasets.readers import LoadedSplit
from gan.classifier import Classifier, fit_classifier
from gan.extractors.base import Extractor
from gan.extractors.embedded import ClassifierExtractor
from gan.extractors.folds import Fold, fold_of
from gan.extractors.opening import open_extractor
from gan.metrics.memorisation import Memorisation, memorisation
from tasks.synthetic_gate.settings import SyntheticGateSettings

MIN_TRAINING_IMAGES = 6  # two in each fold


@dataclass(frozen=True, slots=True)
class Features:
    """float32 [N, D] of the gate half, of synthetic images, and of all training images.

    `unseen` bool [N] picks a third of the training images that the extractor did not see: floors are measured with it.
    """

    gate: np.ndarray
    synthetic: np.ndarray
    train: np.ndarray
    unseen: np.ndarray
    extractor: str  # identity

    @property
    def real(self) -> np.ndarray:
        """Of the training images that floors are measured with."""
        return self.train[self.unseen]

    @property
    def n(self) -> int:
        """At how many vectors of each set they are compared."""
        return min(len(self.gate), len(self.synthetic), int(self.unseen.sum()))


@dataclass(frozen=True)
class Evidence:
    """Images uint8 [N, H, W, C] with labels: real training, gate half, validation + test, and synthetic.

    `barred` are sha256 of networks that samples were rejected with. Features are computed when first asked for.
    """

    train: LoadedSplit
    gate: LoadedSplit
    held_out: LoadedSplit
    synthetic: LoadedSplit
    barred: frozenset[str] = frozenset()
    settings: SyntheticGateSettings = field(default_factory=SyntheticGateSettings)
    seed: int = 0
    test: LoadedSplit | None = None  # real test images alone, where there are any

    @property
    def class_count(self) -> int:
        """Number of classes, 0 without labels."""
        return len(self.train.class_names or ())

    @property
    def labelled(self) -> bool:
        """Whether label metrics apply: at least two classes."""
        return self.train.labels is not None and self.class_count > 1

    @property
    def unlabelled_side(self) -> str | None:
        """Which images lack the labels that the real ones have, None where all have them."""
        sides = (("synthetic", self.synthetic), ("held-out real", self.gate), ("held-out real", self.held_out))
        return next((name for name, split in sides if split.labels is None), None)

    @cached_property
    def folds(self) -> np.ndarray:
        """int32 [N]: the `Fold` of each training image."""
        return fold_of(len(self.train.images), len(Fold), self.seed, self.train.labels)

    @property
    def own(self) -> np.ndarray:
        """Mask of the training images that the extractor is fitted on."""
        return self.folds == Fold.FEATURES

    @property
    def unseen(self) -> np.ndarray:
        """Mask of a third that it did not see, for floors; the judge of labels is fitted on these."""
        return self.folds == Fold.FAITHFULNESS

    @cached_property
    def extractor(self) -> Extractor:
        """The one that the settings name; embedded ones are fitted on a third of the real training images.

        Raises Refused where samples were rejected with it.
        """
        labels = None if self.train.labels is None else self.train.labels[self.own]
        found = open_extractor(
            self.settings.extractor,
            self.train.images[self.own],
            labels,
            self.class_count,
            self.settings.classifier,
            self.seed,
        )
        if isinstance(found, ClassifierExtractor):
            check_not_barred(found.classifier.weights_sha256, "extractor of features", self.barred)
        return found

    @cached_property
    def features(self) -> Features:
        sets = (self.gate.images, self.synthetic.images, self.train.images)
        gate, synthetic, train = map(self.extractor.features, sets)
        return Features(gate, synthetic, train, self.unseen, self.extractor.identity)

    @cached_property
    def judge(self) -> Classifier:
        """The judge of labels, fitted on another third. Raises Refused where samples were rejected with it."""
        images, labels = labelled(self.train)
        found = fit_classifier(
            images[self.unseen], labels[self.unseen], self.class_count, self.settings.classifier, self.seed + 1
        )
        check_not_barred(found.weights_sha256, "judge of labels", self.barred)
        return found

    @property
    def value_seeds(self) -> range:
        """Of the classifiers of each arm that show what images are worth."""
        return range(self.seed + 2, self.seed + 2 + self.settings.value.seeds)

    @cached_property
    def trained_on_real(self) -> tuple[Classifier, ...]:
        """One classifier per seed, fitted on all real training images: what other arms are compared with."""
        settings, training = self.settings.classifier, labelled(self.train)
        return tuple(fit_classifier(*training, self.class_count, settings, seed) for seed in self.value_seeds)

    @cached_property
    def memorisation(self) -> Memorisation:
        """Near copies of training images in pixels, and the closest pairs."""
        return memorisation(self.synthetic.images, self.gate.images, self.train.images)


def check_evidence(evidence: Evidence) -> None:
    """Raises BadInput for images and labels that no metric could say anything of."""
    least = {"real training": (evidence.train, MIN_TRAINING_IMAGES), "gate half": (evidence.gate, 1)}
    sides = {**least, "held-out real": (evidence.held_out, 1), "synthetic": (evidence.synthetic, 1)}
    if evidence.test is not None:
        sides["test"] = (evidence.test, 1)
    shape = evidence.train.images.shape[1:]
    for name, (split, fewest) in sides.items():
        if len(split.images) < fewest:
            raise BadInput(f"{len(split.images)} {name} images; the gate needs at least {fewest}; add images")
        if split.images.dtype != np.uint8 or split.images.ndim != 4 or split.images.shape[1:] != shape:
            raise BadInput(
                f"{name} images are {split.images.dtype} {split.images.shape}, real training images {shape}; "
                "give uint8 [N, H, W, C] of one size"
            )
        if evidence.labelled and split.labels is not None:
            _check_labels(split, name, evidence.class_count)


def _check_labels(split: LoadedSplit, name: str, class_count: int) -> None:
    labels = split.labels
    assert labels is not None
    if len(labels) != len(split.images):
        raise BadInput(f"{len(split.images)} {name} images have {len(labels)} labels; give one for each")
    if labels.min() < 0 or labels.max() >= class_count:
        raise BadInput(
            f"labels of the {name} images span {labels.min()} to {labels.max()}; allowed are 0 to {class_count - 1}"
        )


def drawn(count: int, n: int, seed: int) -> np.ndarray:
    """Sorted indices int64 [n] of random ones of so many: sets are in order of class."""
    return np.sort(np.random.default_rng([seed, count, n]).choice(count, n, replace=False))


def labelled(split: LoadedSplit) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a split that is known to have labels."""
    assert split.labels is not None
    return split.images, split.labels


def check_not_barred(sha256: str, what: str, barred: frozenset[str]) -> None:
    """Raises Refused where a network would judge the images that it has let pass itself."""
    if sha256 in barred:
        raise Refused(
            f"the {what} of the synthetic gate is the network that samples were rejected with (sha256 {sha256[:12]}); "
            "a gate must not ask it; change synthetic_gate.classifier"
        )
