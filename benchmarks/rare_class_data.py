"""The data of the study of rare classes: who sees which images. See rare_classes.py."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.errors import BadInput
from datasets.sources.arrays.idx_file import block_at, labels_of, open_idx_file
from gan.classifier import weights_digest
from gan.settings import ClassifierSettings
from gan.value.accuracy import LabelledImages
from tasks.imaging.augmentation.presets import Preset

FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
COMMON = 2_000
RARE = 50
DIGITS_PER_CLASS = 10
DIGITS_SIDE_PX = 16


@dataclass(frozen=True)
class Images:
    """No image is in two of them.

    `select` chooses the generator's snapshot. `more_real` would make the rare classes as large as the others. The
    oracle learns from `for_oracle`, and what arms add is compared with `unseen`. Classifiers are tested on `test`.
    """

    train: LabelledImages
    select: LabelledImages
    more_real: LabelledImages
    for_oracle: LabelledImages
    unseen: LabelledImages
    test: LabelledImages


@dataclass(frozen=True)
class Study:
    """`rare` classes are filled to so many images by every arm but `real`."""

    name: str
    class_names: tuple[str, ...]
    rare: tuple[int, ...]
    filled_to: int
    images: Images
    arms: tuple[str, ...]
    preset: Preset
    neighbours: int
    classifier: ClassifierSettings
    training: dict[str, Any] = field(default_factory=dict)

    def missing_labels(self) -> np.ndarray:
        """int32: a label for each image that the rare classes lack, in blocks of a class."""
        return np.concatenate(
            [np.full(self.filled_to - (self.images.train[1] == label).sum(), label, np.int32) for label in self.rare]
        )

    def record(self) -> dict[str, Any]:
        """What tables need of the data, and a digest of the training images."""
        return {
            "class_names": self.class_names,
            "rare": self.rare,
            "filled_to": self.filled_to,
            "training_images": np.bincount(self.images.train[1]).tolist(),
            "train_sha256": weights_digest(self.images.train),
            "classifier": self.classifier.model_dump(),
            "training": self.training,
            "preset": self.preset,
            "truth": "".join(map(str, self.images.test[1])),
        }


def fashion(folder: Path | None) -> Study:
    """Shirts (the hardest class) and bags (an easy one) cut to 50 images, the other classes to 2,000."""
    if folder is None:
        raise BadInput("Fashion-MNIST is needed for this study; give --fashion-mnist FOLDER")
    rare = (FASHION.index("shirt"), FASHION.index("bag"))
    images, labels = idx_pair(folder, "train")
    sizes = {label: RARE if label in rare else COMMON for label in range(len(FASHION))}
    parts = dealt(
        labels,
        [
            sizes,
            {label: size // 10 for label, size in sizes.items()},
            {label: COMMON - RARE if label in rare else 0 for label in sizes},
            dict.fromkeys(sizes, 1_000),
            dict.fromkeys(sizes, 1_000),
        ],
    )
    return Study(
        "fashion",
        FASHION,
        rare,
        COMMON,
        Images(*[*picked(images, labels, parts), idx_pair(folder, "t10k")]),
        arms=("real", "oversampling", "imgaug", "more_real"),
        preset="medium",
        neighbours=5,
        classifier=ClassifierSettings(width=16, budget_images=40_000),
        training={"budget_images": 100_000, "evaluate_every_images": 20_000, "checkpoint_every_images": 10_000},
    )


def digits(folder: Path | None = None) -> Study:
    """The demo's digits, 10 images of each class. Repeating them would change nothing, so there is no such arm."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    small = (bunch.images * (255 / 16)).round().astype(np.uint8)
    side = (DIGITS_SIDE_PX, DIGITS_SIDE_PX)
    images = np.stack([cv2.resize(image, side, interpolation=cv2.INTER_CUBIC) for image in small])[..., None]
    labels = bunch.target.astype(np.int32)
    each = [DIGITS_PER_CLASS, 3, 0, 50, 40]
    parts = dealt(labels, [dict.fromkeys(range(10), size) for size in each])
    rest = np.setdiff1d(np.arange(len(labels)), np.concatenate(parts))
    return Study(
        "digits",
        tuple(map(str, range(10))),
        tuple(range(10)),
        200,
        Images(*picked(images, labels, [*parts, rest])),
        arms=("real", "imgaug"),
        preset="digits",
        neighbours=3,
        classifier=ClassifierSettings(width=16, budget_images=20_000),
    )


STUDIES: dict[str, Callable[[Path | None], Study]] = {"digits": digits, "fashion": fashion}


def idx_pair(folder: Path, which: str) -> LabelledImages:
    """uint8 [N, H, W, 1] and int32 [N] of Fashion-MNIST's files. Raises BadInput."""
    images = open_idx_file(folder / f"{which}-images-idx3-ubyte.gz")
    labels = labels_of(open_idx_file(folder / f"{which}-labels-idx1-ubyte.gz"))
    return block_at(images, range(images.shape[0])).reshape(*images.shape, 1), labels.astype(np.int32)


def picked(images: np.ndarray, labels: np.ndarray, parts: list[np.ndarray]) -> list[LabelledImages]:
    """The images and labels of each part, which holds indices."""
    return [(images[part], labels[part]) for part in parts]


def dealt(labels: np.ndarray, parts: list[dict[int, int]]) -> list[np.ndarray]:
    """Sorted indices of each part, which names how many it gets of each class; none is in two parts."""
    order = np.random.default_rng(0).permutation(len(labels))
    taken = dict.fromkeys(parts[0], 0)
    found = []
    for part in parts:
        picks = []
        for label, size in part.items():
            members = order[labels[order] == label]
            picks.append(members[taken[label] : taken[label] + size])
            taken[label] += size
        found.append(np.sort(np.concatenate(picks)))
    return found
