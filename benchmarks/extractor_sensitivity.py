"""How much further than real images each embedded extractor finds worse ones: the figures of docs/extractors.md.

    python -m benchmarks.extractor_sensitivity digits turned clothes --idx DATA/fashion-mnist

`digits` at 16x16; `turned`: the same, each by a random number of quarters; `clothes`: of the folder `--idx`. An
extractor is fitted on 400 images, 600 are the reference, 400 of 797 others are spoiled. A number is their Frechet
distance to the reference over that of 400 that are not spoiled: mean of draws, median of three seeds of the extractor.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from datasets.sources.arrays.idx_file import block_at, labels_of, open_idx_file
from gan.extractors.base import Extractor
from gan.extractors.embedded import embedded_extractor
from gan.metrics.frechet import frechet_distance, statistics
from gan.settings import ClassifierSettings

KINDS = ("classifier", "self-supervised", "random-conv")
SETTINGS = ClassifierSettings(budget_images=30_000)
COUNT = 400
SEEDS = range(3)
Sample = tuple[np.ndarray, np.ndarray]
Spoiler = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=("digits", "turned", "clothes"))
    parser.add_argument("--idx", type=Path, help="folder with Fashion-MNIST's IDX files, for clothes")
    options = parser.parse_args()
    print(f"| images | extractor | fitting, CPU s | {' | '.join(SPOILERS)} |\n{'|---' * (3 + len(SPOILERS))}|")
    for name in options.names:
        print_rows(name, *read(name, options.idx))


def print_rows(name: str, images: np.ndarray, labels: np.ndarray) -> None:
    """A line of the table for each extractor."""
    order = np.random.default_rng(0).permutation(len(images))
    fit, reference, spare = ((images[part], labels[part]) for part in np.split(order, [COUNT, 1000]))
    for kind in KINDS:
        began = time.process_time()
        made = [embedded_extractor(kind, *fit, int(labels.max()) + 1, SETTINGS, seed) for seed in SEEDS]
        seconds = (time.process_time() - began) / len(SEEDS)
        rows = [ratios(extractor, reference[0], spare) for extractor in made]
        cells = " | ".join(f"{ratio:.2f}" for ratio in np.median(rows, axis=0))
        print(f"| {name} | `{kind}` | {seconds:.1f} | {cells} |", flush=True)


def read(name: str, idx: Path | None) -> Sample:
    """1,797 images uint8 [N, S, S, 1] and their labels."""
    if name == "clothes":
        assert idx is not None, "clothes need --idx, the folder of Fashion-MNIST"
        files = [idx / f"t10k-{part}-ubyte.gz" for part in ("images-idx3", "labels-idx1")]
        images, labels = map(open_idx_file, files)
        return block_at(images, range(1797)).reshape(-1, 28, 28, 1), labels_of(labels)[:1797].astype(np.int32)
    bunch = load_digits()
    small = (bunch.images * (255 / 16)).round().astype(np.uint8)
    images = np.stack([cv2.resize(image, (16, 16), interpolation=cv2.INTER_CUBIC) for image in small])[..., None]
    if name == "turned":
        turns = np.random.default_rng(5).integers(4, size=len(images))
        images = np.stack([np.rot90(image, turn) for image, turn in zip(images, turns, strict=True)])
    return images, bunch.target.astype(np.int32)


def ratios(extractor: Extractor, reference: np.ndarray, spare: Sample) -> list[float]:
    """One for each way to spoil."""
    wanted = statistics(extractor.features(reference))

    def distance(spoil: Spoiler, draws: int) -> float:
        drawn = (spoil(*spare, np.random.default_rng([draw])) for draw in range(draws))
        return float(np.mean([frechet_distance(statistics(extractor.features(images)), wanted) for images in drawn]))

    floor = distance(drawn, 20)
    return [distance(spoil, 6) / floor for spoil in SPOILERS.values()]


def drawn(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return images[rng.permutation(len(images))[:COUNT]]


def blurred(sigma_px: float) -> Spoiler:
    return lambda *given: clipped(gaussian_filter(drawn(*given).astype(np.float32), (0, sigma_px, sigma_px, 0)))


def noisy(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    chosen = drawn(images, labels, rng)
    return clipped(chosen + rng.normal(0, 30, chosen.shape))


def pairs(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    chosen = drawn(images, labels, rng).astype(np.float32)
    return clipped((chosen + chosen[rng.permutation(len(chosen))]) / 2)


def without(*classes: int) -> Spoiler:
    def spoil(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return images[rng.permutation(np.flatnonzero(~np.isin(labels, classes)))[:COUNT]]

    return spoil


def unbalanced(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    weights = np.where(labels < 5, 3.0, 1.0)
    return images[rng.choice(len(images), COUNT, replace=False, p=weights / weights.sum())]


def repeated(images: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return images[rng.choice(rng.choice(len(images), 50, replace=False), COUNT)]


def clipped(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).round().astype(np.uint8)


SPOILERS: dict[str, Spoiler] = {
    "blur 0.5": blurred(0.5),
    "blur 1": blurred(1.0),
    "noise 30": noisy,
    "averages": pairs,
    "no 3": without(3),
    "no 0-2": without(0, 1, 2),
    "3 to 1": unbalanced,
    "50 images": repeated,
}

if __name__ == "__main__":
    main()
