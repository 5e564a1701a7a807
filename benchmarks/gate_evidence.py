"""What the gate's defaults do with images of generators that are bad in a known way, and with real ones.

    python -m benchmarks.gate_evidence --digits [--seeds 0 1 2] [--only blurred ...]
    python -m benchmarks.gate_evidence --idx DATA/fashion-mnist [--images 2500]

Real images are dealt into training, validation (half of it is the gate half), test and a spare part by the seed. Each
generator is made of spare real images, which nobody was trained on, except where its name says otherwise; so what it
does wrong is all that is wrong with it. Networks that are fitted on real images alone are fitted once per seed.
"""

import argparse
import gzip
import os
import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from datasets.gate_file import Metric, Outcome, refuses
from datasets.readers import LoadedSplit
from gan.settings import ClassifierSettings
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.measuring import measure_synthetic
from tasks.synthetic_gate.settings import SyntheticGateSettings
from tasks.synthetic_gate.value_settings import ValueSettings

OF_REAL_ALONE = ("folds", "extractor", "judge", "trained_on_real")  # what does not depend on the synthetic images
CLASSIFIER = ClassifierSettings(width=16, budget_images=12_000)  # enough for such small images, and quick
DIGITS_SHARES = (0.45, 0.11, 0.11)  # of all images: training, gate half, the rest of validation and test
FASHION_SHARES = (0.4, 0.15, 0.15)
Labelled = tuple[np.ndarray, np.ndarray]  # uint8 [N, H, W, C] and int32 [N]
Maker = Callable[[Labelled, Labelled, np.random.Generator], Labelled]  # of training and spare images


def real_images(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return spare


def one_image_per_class(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _few_per_class(spare, 1, np.unique(spare[1]), rng)


def half_of_classes_collapsed(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _few_per_class(spare, 1, np.unique(spare[1])[::2], rng)


def one_class_collapsed(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _few_per_class(spare, 1, np.unique(spare[1])[3:4], rng)


def fifty_images_per_class(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _few_per_class(_four_times(spare), 50, np.unique(spare[1]), rng)


def ten_images_per_class(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _few_per_class(_four_times(spare), 10, np.unique(spare[1]), rng)


def copies_of_training(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _some(train, len(spare[1]), rng)


def copies_in_30_percent(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _with_copies(train, spare, 0.3, rng)


def copies_in_5_percent(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _with_copies(train, spare, 0.05, rng)


def noise(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return rng.integers(0, 256, spare[0].shape, dtype=np.uint8), spare[1]


def swapped_labels(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return spare[0], (spare[1] + 1) % (spare[1].max() + 1)


def label_noise_5_percent(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    images, labels = spare
    wrong = rng.random(len(labels)) < 0.05
    others = (labels + rng.integers(1, labels.max() + 1, len(labels))) % (labels.max() + 1)
    return images, np.where(wrong, others, labels).astype(np.int32)


def blurred(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _blurred(spare, 1.5)


def slightly_blurred(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return _blurred(spare, 0.5)


def jpeg_quality_30(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    return np.stack([_as_jpeg(image, 30) for image in spare[0]]), spare[1]


def shifted_by_2_px(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    shifted = np.zeros_like(spare[0])
    shifted[:, 2:, 2:] = spare[0][:, :-2, :-2]
    return shifted, spare[1]


def unbalanced_classes(train: Labelled, spare: Labelled, rng: np.random.Generator) -> Labelled:
    """Each class has 0.7 times as many images as the one before it."""
    images, labels = spare
    kept = rng.random(len(labels)) < 0.7**labels
    return images[kept], labels[kept]


BAD_BY_ALL_RIGHTS: Mapping[str, Maker] = {
    "one image per class": one_image_per_class,
    "copies of training images": copies_of_training,
    "noise": noise,
    "swapped labels": swapped_labels,
    "blurred (σ 1.5 px)": blurred,
}
HARDER: Mapping[str, Maker] = {
    "one class of ten collapsed": one_class_collapsed,
    "half of the classes collapsed": half_of_classes_collapsed,
    "10 images per class, repeated": ten_images_per_class,
    "50 images per class, repeated": fifty_images_per_class,
    "30 % copies of training images": copies_in_30_percent,
    "5 % copies of training images": copies_in_5_percent,
    "slightly blurred (σ 0.5 px)": slightly_blurred,
    "unbalanced classes": unbalanced_classes,
    "5 % wrong labels": label_noise_5_percent,
    "JPEG of quality 30": jpeg_quality_30,
    "shifted by 2 px": shifted_by_2_px,
}
MAKERS = {"real images": real_images, **BAD_BY_ALL_RIGHTS, **HARDER}


def digits() -> Labelled:
    """1,797 real digits uint8 [N, 8, 8, 1]."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images * (255 / 16)).round().astype(np.uint8)[..., None], bunch.target.astype(np.int32)


def fashion(folder: Path, count: int) -> Labelled:
    """The first images of Fashion-MNIST's training file at half their side, uint8 [N, 14, 14, 1]."""
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(16 + count * 784), np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(8 + count), np.uint8, offset=8).astype(np.int32)
    small = [cv2.resize(image, (14, 14), interpolation=cv2.INTER_AREA) for image in images]
    return np.stack(small)[..., None], labels


def evidence_of(real: Labelled, shares: Sequence[float], settings: SyntheticGateSettings, seed: int) -> Evidence:
    """Real images in four parts: training, gate half, the rest of validation and test, and spare as synthetic ones."""
    images, labels = real
    order = np.random.default_rng([seed, 0x_6A7E]).permutation(len(images))
    ends = (np.cumsum(shares) * len(images)).round().astype(int)
    train, gate, rest, spare = (split_of(images[part], labels[part]) for part in np.split(order, ends))
    held_out = split_of(np.concatenate([gate.images, rest.images]), np.concatenate([_labels(gate), _labels(rest)]))
    return Evidence(train=train, gate=gate, held_out=held_out, synthetic=spare, settings=settings, seed=seed)


def in_place_of_synthetic(evidence: Evidence, given: Labelled) -> Evidence:
    """Other synthetic images; networks that were fitted on real ones alone are kept."""
    other = replace(evidence, synthetic=split_of(*given))
    vars(other).update({name: getattr(evidence, name) for name in OF_REAL_ALONE})
    return other


def made_by(maker: Maker, evidence: Evidence) -> Evidence:
    """The evidence with what a generator makes of its training and spare images."""
    train, spare = ((split.images, _labels(split)) for split in (evidence.train, evidence.synthetic))
    return in_place_of_synthetic(evidence, maker(train, spare, np.random.default_rng([evidence.seed, 1])))


def split_of(images: np.ndarray, labels: np.ndarray) -> LoadedSplit:
    """Images of ten classes as they are read from shards."""
    return LoadedSplit(images, labels, [str(number) for number in range(len(images))], tuple(map(str, range(10))))


def refusals(metrics: Iterable[Metric]) -> set[str]:
    """Names of the metrics that refuse."""
    return {metric.name for metric in metrics if refuses(metric)}


def warnings(metrics: Iterable[Metric]) -> set[str]:
    """Names of the metrics that only warn."""
    return {metric.name for metric in metrics if metric.outcome is Outcome.WARNED}


def _labels(split: LoadedSplit) -> np.ndarray:
    assert split.labels is not None
    return split.labels


def _few_per_class(spare: Labelled, count: int, classes: np.ndarray, rng: np.random.Generator) -> Labelled:
    """Images of these classes replaced by the first so many of them, each repeated."""
    images, labels = spare
    picks = np.arange(len(labels))
    for label in classes:
        members = np.flatnonzero(labels == label)
        picks[members] = rng.permutation(np.resize(members[:count], len(members)))
    return images[picks], labels


def _four_times(given: Labelled) -> Labelled:
    """Repeated, the first time first."""
    return np.tile(given[0], (4, 1, 1, 1)), np.tile(given[1], 4)


def _some(given: Labelled, count: int, rng: np.random.Generator) -> Labelled:
    picks = rng.choice(len(given[1]), min(count, len(given[1])), replace=False)
    return given[0][picks], given[1][picks]


def _with_copies(train: Labelled, spare: Labelled, share: float, rng: np.random.Generator) -> Labelled:
    count = round(share * len(spare[1]))
    copies, kept = _some(train, count, rng), _some(spare, len(spare[1]) - count, rng)
    return np.concatenate([copies[0], kept[0]]), np.concatenate([copies[1], kept[1]])


def _blurred(spare: Labelled, sigma_px: float) -> Labelled:
    return gaussian_filter(spare[0], (0, sigma_px, sigma_px, 0)), spare[1]


def _as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    _, payload = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(payload, cv2.IMREAD_UNCHANGED).reshape(image.shape)


def main() -> int:
    """Prints a table per data set."""
    options = _options()
    makers = {name: maker for name, maker in MAKERS.items() if not options.only or name in options.only}
    value = ValueSettings(seeds=options.value_seeds, arms=tuple(options.arms))
    settings = SyntheticGateSettings(classifier=CLASSIFIER, value=value)
    if options.digits:
        _print_table("digits", digits(), DIGITS_SHARES, settings, makers, options.seeds)
    if options.idx:
        real = fashion(options.idx, options.images)
        _print_table("Fashion-MNIST", real, FASHION_SHARES, settings, makers, options.seeds)
    return 0


def _print_table(
    title: str,
    real: Labelled,
    shares: Sequence[float],
    settings: SyntheticGateSettings,
    makers: Mapping[str, Maker],
    seeds: Sequence[int],
) -> None:
    found: dict[str, list[tuple[Metric, ...]]] = {name: [] for name in makers}
    for seed in seeds:
        evidence = evidence_of(real, shares, settings, seed)
        if seed == seeds[0]:
            sizes = (len(part.images) for part in (evidence.train, evidence.gate, evidence.synthetic))
            print(f"\n### {title}: {' / '.join(map(str, sizes))} training / gate half / synthetic images\n", flush=True)
            print("| synthetic images | refused | refusing metrics | warning metrics |\n|---|---|---|---|")
        for name, maker in makers.items():
            found[name].append(measure_synthetic(made_by(maker, evidence)))
            print(f"seed {seed}: {name}: {_figures(found[name][-1])}", file=sys.stderr, flush=True)
    for name, of_seeds in found.items():
        refused = sum(bool(refusals(metrics)) for metrics in of_seeds)
        counted = (_counted(map(names, of_seeds), len(seeds)) for names in (refusals, warnings))
        print(f"| {name} | {refused} of {len(seeds)} | {' | '.join(counted)} |")
    print(f"\n{resource.getrusage(resource.RUSAGE_SELF).ru_utime:.0f} CPU-s so far.", flush=True)


def _counted(of_seeds: Iterable[set[str]], seeds: int) -> str:
    """Names, in how many seeds where not in all."""
    counts = Counter(name for names in of_seeds for name in names)
    texts = (name if count == seeds else f"{name} ({count} of {seeds})" for name, count in sorted(counts.items()))
    return ", ".join(texts) or "none"


def _figures(metrics: Iterable[Metric]) -> str:
    """Every judged metric with its threshold."""
    return "; ".join(
        f"{metric.name} {metric.outcome} {_number(metric.value)} ({_number(metric.threshold)}, {_number(metric.floor)})"
        for metric in metrics
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate_evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--digits", action="store_true", help="measure on scikit-learn's digits, at 16x16")
    parser.add_argument("--idx", type=Path, help="folder with Fashion-MNIST's IDX files: measure on these")
    parser.add_argument("--images", type=int, default=2500, help="of Fashion-MNIST (%(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="repeats, each with other parts and networks")
    parser.add_argument("--value-seeds", type=int, default=ValueSettings().seeds, help="classifiers per arm of value")
    parser.add_argument("--arms", nargs="+", default=ValueSettings().arms, help="arms of value")
    parser.add_argument("--only", nargs="+", help="names of generators")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
