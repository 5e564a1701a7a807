"""Whether synthetic images raise the recall of rare classes, over repeating them, over imgaug, and together with it.

    python -m benchmarks.rare_classes OUT --fashion-mnist FOLDER [--studies digits fashion] [--generators default]
        [--gan-seeds 3] [--seeds 5]
    python -m benchmarks.rare_classes OUT --tables

FOLDER holds Fashion-MNIST's four IDX files; the digits are those of scikit-learn. Every finished cell (a training of a
generator, or of a classifier) is a JSON file in OUT, and is not done again: a study that was stopped goes on.
What was found, and what the arms are, is in docs/rare-classes.md.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.rare_class_data import STUDIES, Study
from benchmarks.rare_class_tables import tables
from datasets.atomic_file import write_text_atomically
from gan.classifier import Classifier, fit_classifier, load_classifier
from gan.metrics.manifold import overlap
from gan.sample_grid import shown, write_picture
from gan.sampling import load_generator
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.training import train
from gan.value.accuracy import LabelledImages
from gan.value.arms import oversampled
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.engine import augmented, variant_seed

SHOWN_PER_CLASS = 10


@dataclass(frozen=True)
class GeneratorKind:
    """How a generator is trained. `balanced`: rare classes are repeated, so that batches have as many of each class."""

    balanced: bool
    settings: dict[str, Any]


AUGMENTED_BATCHES = {"discriminator_augmentation": {"policies": ["translation", "cutout"]}}
GENERATORS = {
    "default": GeneratorKind(balanced=False, settings={}),
    "balanced": GeneratorKind(balanced=True, settings=AUGMENTED_BATCHES),
}
MADE = ("synthetic", "imgaug+synthetic", "imgaug of both")  # arms of every generator


def main() -> None:
    options = _options()
    if not options.tables:
        for name in options.studies:
            study = STUDIES[name](options.fashion_mnist)
            run(study, options.out / name, options.generators, range(options.gan_seeds), range(options.seeds))
    print("\n".join(tables(options.out)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for what is measured")
    parser.add_argument("--fashion-mnist", type=Path, help="folder of its IDX files; not needed for the digits")
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--generators", nargs="+", choices=GENERATORS, default=["default"])
    parser.add_argument("--gan-seeds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5, help="of classifiers")
    parser.add_argument("--tables", action="store_true", help="only print what is there")
    return parser.parse_args()


def run(study: Study, out: Path, generators: list[str], gan_seeds: range, seeds: range) -> None:
    """All cells that are not there yet, the cheap and the telling ones first."""
    out.mkdir(parents=True, exist_ok=True)
    write_text_atomically(out / "study.json", json.dumps(study.record(), indent=1) + "\n")
    oracle = fitted(study, study.images.for_oracle, out / "oracle.npz")
    baseline = fitted(study, oversampled(study.images.train, seed=0), out / "baseline.npz")
    own, wanted = study.images.train, study.missing_labels()
    copies = [cached(out / f"copies-{seed}.npz", partial(imgaug_copies, study, own, wanted, seed)) for seed in seeds]
    measure_extra(study, (oracle, baseline), copies[0], out / "images-imgaug.json")
    for arm, seed in product(study.arms, seeds):
        classify(study, out, Cell(arm, None, seed), copies[seed], None)
    for kind, gan_seed in product(generators, gan_seeds):
        made = generated(study, out, kind, gan_seed)
        measure_extra(study, (oracle, baseline), made, out / f"images-{kind}-{gan_seed}.json")
        for seed, arm in product(seeds, MADE):
            classify(study, out, Cell(f"{arm}:{kind}", gan_seed, seed), copies[seed], made)


def training_set(
    study: Study, arm: str, copies: LabelledImages, made: LabelledImages | None, seed: int
) -> LabelledImages:
    """What the classifier of an arm learns from; what is added fills rare classes to `study.filled_to` images."""
    if arm == "real":
        return study.images.train
    if arm == "oversampling":
        return oversampled(study.images.train, seed=0)
    if arm == "more_real":
        return joined(study.images.train, study.images.more_real)
    if arm == "imgaug":
        return joined(study.images.train, copies)
    assert made is not None
    if arm == "synthetic":
        return joined(study.images.train, made)
    added = half(made, 1)
    if arm == "imgaug of both":
        added = imgaug_copies(study, added, added[1], seed)
    return joined(study.images.train, half(copies, 0), added)


def joined(*parts: LabelledImages) -> LabelledImages:
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def half(given: LabelledImages, which: int) -> LabelledImages:
    """Every second image; classes are blocks of an even size."""
    return given[0][which::2], given[1][which::2]


def imgaug_copies(study: Study, originals: LabelledImages, wanted: np.ndarray, seed: int) -> LabelledImages:
    """A copy by the project's preset for each of the wanted labels, of the originals of its class in turn."""
    images, labels = originals
    copies = []
    for label in study.rare:
        own = images[labels == label]
        steps = AugmentationSettings(preset=study.preset).applied_to(own.shape[-1], study.class_names[label])
        for number in range(int((wanted == label).sum())):
            row = number % len(own)
            copies.append(augmented(own[row], steps, variant_seed(seed, f"{label}/{row}", number // len(own))))
    return np.stack(copies), wanted


def generated(study: Study, out: Path, kind: str, seed: int) -> LabelledImages:
    """Images of the rare classes by a generator that is trained where it is not there yet."""
    path, labels = out / f"gan-{kind}-{seed}.json", study.missing_labels()
    samples = path.with_suffix(".npz")
    if path.exists():
        with np.load(samples) as found:
            return found["images"], labels
    before = time.process_time()
    how = GENERATORS[kind]
    data = oversampled(study.images.train, seed) if how.balanced else study.images.train
    settings = TrainingSettings(**study.training | how.settings)
    result = train(*data, study.class_names, *study.images.select, settings, seed, path.with_suffix(""))
    images = load_generator(result.folder).sample(labels, derived_seed(seed, "rare classes"))
    np.savez_compressed(samples, images=images)
    write_picture(grid(study, (images, labels)), path.with_suffix(".png"))
    about = {
        "images_seen": result.images_seen,
        "resumed_at_images": result.resumed_at_images,
        "cpu_seconds": round(time.process_time() - before, 1),
        "load": round(os.getloadavg()[0], 1),
        "settings": result.settings | how.settings | {"balanced": how.balanced},
        "best_at_images": result.best.images_seen,
        "evaluations": [asdict(evaluation) for evaluation in result.evaluations],
        "alarms": [alarm.sentence for alarm in result.alarms],
    }
    write_text_atomically(path, json.dumps(about, indent=1) + "\n")
    return images, labels


def grid(study: Study, made: LabelledImages) -> np.ndarray:
    """One picture: a row of real training images of each rare class, and one of synthetic images below."""
    rows = []
    for label, (images, labels) in product(study.rare, (study.images.train, made)):
        rows.append(images[np.resize(np.flatnonzero(labels == label), SHOWN_PER_CLASS)])
    return shown(np.concatenate(rows), SHOWN_PER_CLASS)


def fitted(study: Study, images: LabelledImages, path: Path) -> Classifier:
    """A classifier that measures the images of others: kept, and none of the judges."""
    if not path.exists():
        classes = len(study.class_names)
        fit_classifier(*images, classes, study.classifier, derived_seed(0, path.stem)).save(path)
    return load_classifier(path)


def measure_extra(study: Study, classifiers: tuple[Classifier, Classifier], extra: LabelledImages, path: Path) -> None:
    """What arms add, by rare class, as an oracle sees it: a classifier of real images that no arm has.

    The share that shows that class to it, and the overlap with other real images that no arm has; and the share that a
    classifier of the real training images alone, rare classes repeated, gets right: that shows it nothing new.
    """
    if path.exists():
        return
    oracle, baseline = classifiers
    images, labels = extra
    real_images, real_labels = study.images.unseen
    own_images, own_labels = study.images.train
    found: dict[str, Any] = {"oracle_accuracy": oracle.accuracy(*study.images.test), "by_class": {}}
    for label in study.rare:
        real = oracle.features(real_images[real_labels == label])
        added = images[labels == label][: len(real)]
        shares = overlap(real, oracle.features(added), k=study.neighbours)
        own = overlap(real, oracle.features(own_images[own_labels == label]), k=study.neighbours)
        found["by_class"][study.class_names[label]] = {
            "n": len(added),
            "faithful": float((oracle.probabilities(added).argmax(axis=1) == label).mean()),
            "known": float((baseline.probabilities(added).argmax(axis=1) == label).mean()),
            "known_real": float(
                (baseline.probabilities(real_images[real_labels == label]).argmax(axis=1) == label).mean()
            ),
            "precision": shares.precision,
            "recall": shares.recall,
            "coverage": shares.coverage,
            "coverage_of_training_images": own.coverage,
        }
    write_text_atomically(path, json.dumps(found, indent=1) + "\n")


@dataclass(frozen=True)
class Cell:
    """One classifier of an arm; `arm` is ARM or ARM:GENERATOR."""

    arm: str
    gan_seed: int | None
    seed: int

    @property
    def file(self) -> str:
        name = self.arm.replace(":", "-").replace(" ", "_")
        return f"judge-{name}-{'' if self.gan_seed is None else self.gan_seed}-{self.seed}.json"


def classify(study: Study, out: Path, cell: Cell, copies: LabelledImages, made: LabelledImages | None) -> None:
    """Train the judge on an arm's images, and keep what it says of every test image."""
    path = out / cell.file
    if path.exists():
        return
    before = time.process_time()
    images, labels = training_set(study, cell.arm.partition(":")[0], copies, made, cell.seed)
    judge = fit_classifier(images, labels, len(study.class_names), study.classifier, cell.seed)
    predicted = judge.probabilities(study.images.test[0]).argmax(axis=1)
    about = asdict(cell) | {
        "training_images": np.bincount(labels, minlength=len(study.class_names)).tolist(),
        "cpu_seconds": round(time.process_time() - before, 1),
        "load": round(os.getloadavg()[0], 1),
        "predicted": "".join(map(str, predicted)),
    }
    write_text_atomically(path, json.dumps(about) + "\n")
    print(f"{study.name} {path.stem}: {(predicted == study.images.test[1]).mean():.4f}", flush=True)
    keras.backend.clear_session()


def cached(path: Path, make: Callable[[], LabelledImages]) -> LabelledImages:
    """Images and labels, made once."""
    if not path.exists():
        images, labels = make()
        np.savez_compressed(path, images=images, labels=labels)
    with np.load(path) as found:
        return found["images"], found["labels"]


if __name__ == "__main__":
    main()
