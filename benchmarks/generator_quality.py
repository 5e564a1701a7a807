"""What a generator reaches in a budget of CPU time: value, overlap and distance of its images, time, memory, alarms.

    python -m benchmarks.generator_quality VERSION --out FOLDER --name NAME [--settings '{"model": "dcgan"}']
        [--cpu-minutes 6 | --images 300000] [--seeds 0 1 2] [--samples 20000]
    python -m benchmarks.generator_quality VERSION --out FOLDER --name checked --of NAME --check-class
    python -m benchmarks.generator_quality VERSION --out FOLDER --name lightweight-gan --cpu-minutes 6
        --lightweight-gan PYTHON

VERSION is the folder of a published real version. Trained is as the stage `train` does it, on the split train alone,
with the snapshot selected on one half of validation. CPU minutes become a budget in images, so that schedules fit: the
step is timed first, and a tenth is kept for the extractor, evaluations and checkpoints. FOLDER receives NAME-SEED.json,
a grid NAME-SEED.png and the training itself; the table is of all that it holds. `--check-class` is what the setting
generate.rejection.check_class does, with the classifier that compared the snapshots.

Measured on all held-out images (validation and test; half of validation also chose the snapshot):
- accuracy and the lowest class's share of three classifiers trained on synthetic images alone, beside real ones;
- precision, recall, coverage (k = 5) and Frechet distance in the features of a classifier that was fitted on half of
  the real training images (without classes: of random-conv); the other half, real, shows what is best possible.
lightweight-gan (1.2.1 from PyPI, with torch on CPU: `python3 -m venv P; P/bin/pip install lightweight-gan`) knows no
labels; see peers/lightweight_gan_train.py.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np

from benchmarks.generator_images import Data, Made, compared, made_by, read
from benchmarks.generator_table import table
from gan.extractors.base import Extractor
from gan.extractors.embedded import make_extractor
from gan.extractors.folds import fold_of
from gan.metrics.frechet import frechet_distance, statistics
from gan.metrics.manifold import overlap
from gan.models.registry import FAMILIES
from gan.presets import with_preset
from gan.sample_grid import shown, write_picture
from gan.settings import ClassifierSettings, TrainingSettings
from gan.step_cost import step_cpu_ms
from gan.training import spec_of, train
from gan.value import classification_accuracy

SHARE_OF_STEPS = 0.9  # of the CPU time; the rest is for what surrounds them
PEER = Path(__file__).parent / "peers" / "lightweight_gan_train.py"
PEER_SIDE_PX = 32  # its networks know no smaller one


@dataclass(frozen=True)
class Work:
    """One training to be measured; from the command line."""

    version: Path
    out: Path
    name: str
    settings: dict[str, Any]
    cpu_minutes: float | None
    images: int | None
    samples: int
    classifier: ClassifierSettings
    peer: str | None = None
    of: str | None = None
    check_class: bool = False

    def folder(self, seed: int) -> Path:
        return self.out / f"{self.of or self.name}-{seed}"


def main() -> None:
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    work = Work(
        options.version,
        options.out,
        options.name,
        json.loads(options.settings),
        options.cpu_minutes,
        options.images,
        options.samples,
        ClassifierSettings(**json.loads(options.classifier)),
        options.lightweight_gan,
        options.of,
        options.check_class,
    )
    # A process of its own for each, so that peak memory is its own.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, max_tasks_per_child=1) as pool:
        for seed in options.seeds:
            pool.submit(measured, work, seed).result()
    print("\n".join(table(options.out)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", type=Path, help="folder of a published real version")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is measured")
    parser.add_argument("--name", default="default", help="what to call it")
    parser.add_argument("--settings", default="{}", help="settings of `train` that are not the default, as JSON")
    parser.add_argument("--classifier", default="{}", help="settings of the classifiers that measure, as JSON")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--cpu-minutes", type=float, help="of training")
    budget.add_argument("--images", type=int, help="seen in training; without both, what the preset says")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--samples", type=int, default=5_000, help="synthetic images that classifiers are trained on")
    parser.add_argument("--of", metavar="NAME", help="measure that training again instead of training")
    parser.add_argument("--check-class", action="store_true", help="make anew what a classifier sees as another class")
    parser.add_argument("--lightweight-gan", metavar="PYTHON", help="train this package instead, of that environment")
    return parser.parse_args()


def measured(work: Work, seed: int) -> None:
    """Train, make images, measure, and leave NAME-SEED.json and NAME-SEED.png."""
    data = read(work.version)
    made, about = (of_peer if work.peer else of_ours)(work, data, seed)
    about |= {"name": work.name, "seed": seed, "load_after": round(os.getloadavg()[0], 1)}
    write_picture(shown(made.shown, 10), work.out / f"{work.name}-{seed}.png")
    about |= measures(data, made, work)
    (work.out / f"{work.name}-{seed}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def of_ours(work: Work, data: Data, seed: int) -> tuple[Made, dict[str, Any]]:
    """Train with the project's own functions, or take what `--of` was trained before, and make images."""
    if work.of:
        about = json.loads((work.out / f"{work.of}-{seed}.json").read_text(encoding="utf-8"))
    else:
        about = trained(work, data, seed)
    return made_by(work.folder(seed), data, work.samples, seed, check_class=work.check_class), about


def trained(work: Work, data: Data, seed: int) -> dict[str, Any]:
    """What training took and what it said."""
    about: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 1)}
    settings, about["step_cpu_ms"] = budgeted(work, data)
    train_split = data.train
    inputs = (train_split.images, train_split.labels, train_split.class_names, *data.select)
    result = train(*inputs, settings, seed, work.folder(seed))
    about |= {
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "cpu_seconds": round(result.cpu_seconds, 1),
        "images_seen": result.images_seen,
        "stopped_by": result.stopped_by,
        "title": result.title,
        "settings": work.settings | result.settings,
        "alarms": [alarm.sentence for alarm in result.alarms],
        "rollbacks": result.rollbacks,
        "evaluations": [asdict(evaluation) for evaluation in result.evaluations],
        "best_at_images": result.best.images_seen,
    }
    return about


def budgeted(work: Work, data: Data) -> tuple[TrainingSettings, float | None]:
    """The settings, with a budget in images; CPU ms of a step where that was needed to find it."""
    given = TrainingSettings(**work.settings)
    chosen = with_preset(given, len(data.train.images), data.train.images.shape[1], FAMILIES[given.model].defaults)
    images, step_ms = work.images, None
    if work.cpu_minutes is not None:
        spec = spec_of(data.train.images, data.classes, chosen)
        step_ms = step_cpu_ms(spec, chosen, at_least_s=5.0)
        images = int(SHARE_OF_STEPS * work.cpu_minutes * 60_000 / step_ms * chosen.batch_size)
    if images is None:
        return given, step_ms
    often = {} if "evaluate_every_images" in work.settings else {"evaluate_every_images": max(images // 10, 1)}
    return TrainingSettings(**work.settings, **often, budget_images=images), step_ms


def of_peer(work: Work, data: Data, seed: int) -> tuple[Made, dict[str, Any]]:
    """Train lightweight-gan on the same images, enlarged for it; its samples are made as small again."""
    side_px, n = data.train.images.shape[1], compared(data)
    about: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as scratch:
        given, got = Path(scratch) / "train.npy", Path(scratch) / "samples.npz"
        np.save(given, resized(data.train.images, max(side_px, PEER_SIDE_PX)))
        command = [
            str(work.peer),
            str(PEER),
            str(given),
            str(got),
            str(n),
            str(seed),
            str(60 * (work.cpu_minutes or 1)),
        ]
        subprocess.run(command, check=True)
        with np.load(got) as found:
            about |= json.loads(str(found["about"]))
            images = resized(found["images"], side_px)
    return Made(images, images, None, images[:100]), about


def resized(images: np.ndarray, side_px: int) -> np.ndarray:
    """uint8 [N, S, S, C] at another side; the same where it is the same."""
    if images.shape[1] == side_px:
        return images
    way = cv2.INTER_AREA if side_px < images.shape[1] else cv2.INTER_LINEAR
    smaller = [cv2.resize(image, (side_px, side_px), interpolation=way) for image in images]
    return np.stack(smaller).reshape(len(images), side_px, side_px, images.shape[3])


def measures(data: Data, made: Made, work: Work) -> dict[str, Any]:
    """Synthetic against held-out images, and real training images against them."""
    n, labels = compared(data), data.labels(data.train)
    half = fold_of(len(data.train.images), 2, 0, labels) == 0
    own = None if labels is None else labels[half]
    extractor = make_extractor(data.train.images[half], own, data.classes, work.classifier, 0)
    real = extractor.features(data.held_out.images[:n])
    return {
        "n": n,
        "samples": len(made.even),
        "extractor": extractor.identity,
        "synthetic": against(real, made.mixed[:n], extractor) | value(made.even, made.even_labels, data, work),
        "real": against(real, data.train.images[~half][:n], extractor) | real_value(data, work),
    }


def against(real: np.ndarray, images: np.ndarray, extractor: Extractor) -> dict[str, Any]:
    features = extractor.features(images)
    found = overlap(real, features, k=5)
    return {
        "frechet_distance": frechet_distance(statistics(features), statistics(real)),
        "precision": found.precision,
        "recall": found.recall,
        "coverage": found.coverage,
    }


def value(images: np.ndarray, labels: np.ndarray | None, data: Data, work: Work) -> dict[str, Any]:
    """Accuracy on held-out images of three classifiers trained on these; nothing without labels."""
    truth = data.held_out.labels
    if labels is None or truth is None:
        return {"accuracy": None, "lowest_class": None}
    tests = [(data.held_out.images, truth)]
    (found,) = classification_accuracy(images, labels, tests, data.classes, work.classifier)
    by_class = [float(found.correct[:, truth == label].mean()) for label in range(data.classes)]
    return {"accuracy": list(found.per_seed), "lowest_class": min(by_class), "by_class": by_class}


def real_value(data: Data, work: Work) -> dict[str, Any]:
    """The same of classifiers trained on real images; measured once per folder of results."""
    path = work.out / "real.json"
    if not path.exists():
        found = value(data.train.images, data.labels(data.train), data, work)
        path.write_text(json.dumps(found) + "\n", encoding="utf-8")
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return known


if __name__ == "__main__":
    main()
