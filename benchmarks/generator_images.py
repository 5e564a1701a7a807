"""The images that `generator_quality` compares: real ones of a published version, and synthetic ones of a training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.readers import LoadedSplit, load_numpy
from gan.extractors.embedded import ClassifierExtractor, load_extractor
from gan.rejection import Judge, OtherClass, sample_accepted
from gan.sampling import Generator, load_generator
from gan.seeds import derived_seed
from gan.training import EXTRACTOR_FILE
from tasks.validation_halves import halves_of

MOST_COMPARED = 5_000  # images of each kind for overlaps and distances
MOST_ATTEMPTS = 20  # as generate.rejection.max_attempts


@dataclass(frozen=True)
class Data:
    """Of a published version. Labels are None where nothing is learned by class."""

    train: LoadedSplit
    select: tuple[np.ndarray, np.ndarray | None]
    held_out: LoadedSplit

    @property
    def classes(self) -> int:
        names = self.train.class_names
        return 0 if self.train.labels is None or names is None or len(names) < 2 else len(names)

    def labels(self, split: LoadedSplit) -> np.ndarray | None:
        return split.labels if self.classes else None


@dataclass(frozen=True)
class Made:
    """Synthetic images: `mixed` has the classes of the held-out ones, `even` as many of each, for classifiers."""

    mixed: np.ndarray
    even: np.ndarray
    even_labels: np.ndarray | None
    shown: np.ndarray


def read(version: Path) -> Data:
    held_out = load_numpy(version, "validation")
    select, _ = halves_of(version, held_out.ids, held_out.labels)
    labels = None if held_out.labels is None else held_out.labels[select]
    select_images = held_out.images[select]
    return Data(load_numpy(version, "train"), (select_images, labels), load_numpy(version, "validation+test"))


def compared(data: Data) -> int:
    """How many images of each kind are compared."""
    return min(len(data.held_out.images), len(data.train.images) // 2, MOST_COMPARED)


def made_by(folder: Path, data: Data, samples: int, seed: int, *, check_class: bool) -> Made:
    """Images of the generator that training left in a folder."""
    generator = load_generator(folder)
    n, sample_seed = compared(data), derived_seed(seed, "benchmark")
    labels = data.labels(data.held_out)
    if labels is None:
        mixed = generator.sample(n if not generator.class_names else np.zeros(n, np.int32), sample_seed)
        return Made(mixed, mixed, None, mixed[:100])
    judges = [_other_class(folder)] if check_class else []
    rows = np.repeat(np.arange(min(data.classes, 20), dtype=np.int32), 10)
    even = np.resize(np.arange(data.classes, dtype=np.int32), samples)
    wanted = np.concatenate([np.resize(labels, n), rows, even])
    images = _sampled(generator, wanted, sample_seed, judges)
    return Made(images[:n], images[n + len(rows) :], even, images[n : n + len(rows)])


def _sampled(generator: Generator, labels: np.ndarray, seed: int, judges: Sequence[Judge]) -> np.ndarray:
    """uint8 [N, H, W, C], made in pieces of bounded memory."""
    pieces = []
    for first in range(0, len(labels), 1000):
        piece = labels[first : first + 1000]
        made = sample_accepted(generator, piece, seed, judges, max_attempts=MOST_ATTEMPTS, first=first)
        pieces.append(made.images)
    return np.concatenate(pieces)


def _other_class(folder: Path) -> Judge:
    extractor = load_extractor(folder / EXTRACTOR_FILE)
    assert isinstance(extractor, ClassifierExtractor)
    return OtherClass(extractor.classifier)
