"""What the synthetic gate measures.

The classifier that selected the snapshot, the extractor of features and the judge of labels are different networks,
fitted on different folds of the real training images, so that none marks its own work.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from datasets.gate_file import Metric, Outcome, judged
from datasets.readers import LoadedSplit
from gan.classifier import Classifier, fit_classifier
from gan.extractors import Extractor, Fold, fold_of, make_extractor
from gan.metrics.frechet import bootstrap_interval, distance_at_n, statistics
from gan.metrics.kernel_distance import kernel_distance
from gan.metrics.manifold import Overlap, overlap
from gan.metrics.memorisation import memorisation
from gan.value import label_faithfulness
from tasks.gate_synthetic import SyntheticGateSettings
from tasks.progress import Progress

OVERLAP_REPEATS = 10
MIN_KERNEL_IMAGES = 40
VALUE_STEPS = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """Images uint8 [N, H, W, C] with labels: real training, gate half, validation + test, and synthetic."""

    train: LoadedSplit
    gate: LoadedSplit
    held_out: LoadedSplit
    synthetic: LoadedSplit

    @property
    def class_count(self) -> int:
        """Number of classes, 0 without labels."""
        return len(self.train.class_names or ())

    @property
    def labelled(self) -> bool:
        """Whether label metrics apply: at least two classes."""
        return self.train.labels is not None and self.class_count > 1


def measure_synthetic(
    settings: SyntheticGateSettings, evidence: Evidence, seed: int, progress: Progress
) -> tuple[tuple[Metric, ...], np.ndarray | None]:
    """All metrics, and the closest pairs as uint8 [2 * H, n * W, C]: synthetic above its nearest training image."""
    if len(evidence.gate.images) < settings.min_gate_images:
        return (_too_few(settings, evidence),), None
    fold = fold_of(len(evidence.train.images), len(Fold), seed, evidence.train.labels)
    own, unseen = fold == Fold.FEATURES, fold == Fold.FAITHFULNESS
    extractor = make_extractor(
        evidence.train.images[own],
        None if evidence.train.labels is None else evidence.train.labels[own],
        evidence.class_count,
        settings.classifier,
        seed,
    )
    progress(1, VALUE_STEPS, doing="distances")
    metrics = distribution_metrics(settings, extractor, evidence, unseen, seed)
    copies, pairs = memorisation_metric(settings, evidence)
    progress(2, VALUE_STEPS, doing="labels")
    metrics += [copies, *faithfulness_metrics(settings, evidence, unseen, seed + 1)]
    progress(3, VALUE_STEPS, doing="value")
    metrics += value_metrics(settings, evidence, seed + 2)
    progress(VALUE_STEPS, VALUE_STEPS)
    return tuple(judged(metric) if metric.outcome is not Outcome.REPORTED else metric for metric in metrics), pairs


def distribution_metrics(
    settings: SyntheticGateSettings, extractor: Extractor, evidence: Evidence, unseen: np.ndarray, seed: int
) -> list[Metric]:
    """Distances and overlaps of feature sets. The floor uses training images that the extractor did not see."""
    gate = extractor.features(evidence.gate.images)
    synthetic = extractor.features(evidence.synthetic.images)
    real = extractor.features(evidence.train.images[unseen])
    n = min(len(gate), len(synthetic), len(real))
    reference = statistics(gate)
    frechet = partial(distance_at_n, reference=reference, n=n, seed=seed)
    floor = frechet(real)
    metric = partial(_metric, extractor=extractor.identity, n=n)
    metrics = [
        metric(
            "frechet_distance",
            "Fréchet distance of classifier features" if evidence.labelled else "Fréchet distance of random features",
            frechet(synthetic),
            settings.max_frechet_ratio * floor,
            floor=floor,
            interval=bootstrap_interval(synthetic[:n], gate, seed=seed),
        ),
        _kernel_metric(settings, extractor, gate, synthetic, real, seed),
    ]
    value, best = _mean_overlap(gate, synthetic, n, seed), _mean_overlap(gate, real, n, seed)
    ratios = {
        "precision": settings.min_precision_ratio,
        "recall": settings.min_recall_ratio,
        "coverage": settings.min_coverage_ratio,
    }
    for name, ratio in ratios.items():
        metrics.append(metric(name, name, value[name], ratio * best[name], floor=best[name], direction="min"))
    return metrics


def _kernel_metric(
    settings: SyntheticGateSettings,
    extractor: Extractor,
    gate: np.ndarray,
    synthetic: np.ndarray,
    real: np.ndarray,
    seed: int,
) -> Metric:
    metric = partial(_metric, "kernel_distance", "kernel distance (KID form)", severity="warn")
    if min(len(gate), len(synthetic), len(real)) < MIN_KERNEL_IMAGES:
        note = f"needs {MIN_KERNEL_IMAGES} images on both sides"
        return metric(None, None, extractor=extractor.identity, n=len(gate), note=note)
    measured = kernel_distance(synthetic, gate, seed=seed)
    floor = kernel_distance(real, gate, seed=seed).value
    margin = 1.96 * measured.standard_error
    return metric(
        measured.value,
        floor + settings.max_kernel_excess,
        floor=floor,
        interval=(measured.value - margin, measured.value + margin),
        extractor=extractor.identity,
        n=measured.n,
    )


def _mean_overlap(gate: np.ndarray, other: np.ndarray, n: int, seed: int) -> dict[str, float]:
    """Precision, recall and coverage of random subsets of n, averaged: they depend on n, and vary."""
    rng = np.random.default_rng([seed, n])
    found: list[Overlap] = [
        overlap(gate, other[rng.choice(len(other), n, replace=False)]) for _ in range(OVERLAP_REPEATS)
    ]
    return {name: float(np.mean([getattr(one, name) for one in found])) for name in ("precision", "recall", "coverage")}


def memorisation_metric(settings: SyntheticGateSettings, evidence: Evidence) -> tuple[Metric, np.ndarray]:
    """Near copies of training images in excess of what held-out real images show, in pixels."""
    found = memorisation(evidence.synthetic.images, evidence.gate.images, evidence.train.images)
    metric = _metric(
        "near_copies",
        "near copies of training images, in excess",
        found.excess_rate,
        settings.max_near_copy_excess,
        floor=0.0,
        interval=_wilson(found.synthetic_rate, found.n_synthetic, shift=-found.held_out_rate),
        n=found.n_held_out,
        note=f"nearer than {found.threshold:.1f} grey levels; {found.synthetic_rate:.1%} of synthetic, "
        f"{found.held_out_rate:.1%} of held-out real images are",
    )
    pairs = found.closest_pairs
    above = np.concatenate([evidence.synthetic.images[pair[0]] for pair in pairs], axis=1)
    below = np.concatenate([evidence.train.images[pair[1]] for pair in pairs], axis=1)
    return metric, np.concatenate([above, below], axis=0)


def faithfulness_metrics(
    settings: SyntheticGateSettings, evidence: Evidence, unseen: np.ndarray, seed: int
) -> list[Metric]:
    """Whether images show the class that they were made for, as a judge sees it who is no better on real ones."""
    name, title = "label_faithfulness", "images seen as the class asked for"
    if not evidence.labelled:
        return [_not_applicable(name, title)]
    assert evidence.train.labels is not None and evidence.gate.labels is not None
    assert evidence.synthetic.labels is not None
    train, classes = evidence.train, evidence.class_count
    judge = fit_classifier(train.images[unseen], evidence.train.labels[unseen], classes, settings.classifier, seed)
    real_accuracy = judge.accuracy(evidence.gate.images, evidence.gate.labels)
    found = label_faithfulness(judge, evidence.synthetic.images, evidence.synthetic.labels, classes)
    worst = int(np.nanargmin(found.per_class))
    assert train.class_names is not None
    metric = _metric(
        name,
        title,
        found.mean,
        settings.min_faithfulness_ratio * real_accuracy,
        floor=real_accuracy,
        direction="min",
        interval=_wilson(found.mean, found.n),
        n=found.n,
        note=f"lowest for class {train.class_names[worst]}: {found.per_class[worst]:.3f}",
    )
    return [metric]


def value_metrics(settings: SyntheticGateSettings, evidence: Evidence, seed: int) -> list[Metric]:
    """Accuracy on real images of classifiers that saw only synthetic images, beside ones that saw only real."""
    name, title = "train_on_synthetic", "accuracy of a classifier trained on synthetic alone"
    if not evidence.labelled:
        return [_not_applicable(name, title)]
    seeds = [seed + number for number in range(settings.value_seeds)]
    fit = partial(_fit_on, settings, evidence.class_count)
    by_synthetic = [fit(evidence.synthetic, one) for one in seeds]
    by_real = [fit(evidence.train, one) for one in seeds]
    decides = _accuracies(by_synthetic, evidence.gate), _accuracies(by_real, evidence.gate)
    reports = _accuracies(by_synthetic, evidence.held_out), _accuracies(by_real, evidence.held_out)
    return [
        _metric(
            name,
            title,
            float(np.mean(decides[0])),
            settings.min_value_ratio * float(np.mean(decides[1])),
            floor=float(np.mean(decides[1])),
            direction="min",
            interval=_wilson(float(np.mean(decides[0])), len(evidence.gate.images)),
            n=len(evidence.gate.images),
            note="mean of seeds: " + ", ".join(f"{value:.3f}" for value in decides[0]),
        ),
        Metric(
            name="train_on_synthetic_all_held_out",
            title="the same on all of validation and test",
            value=float(np.mean(reports[0])),
            floor=float(np.mean(reports[1])),
            direction="min",
            interval=_wilson(float(np.mean(reports[0])), len(evidence.held_out.images)),
            n=len(evidence.held_out.images),
            outcome=Outcome.REPORTED,
            note="mean of seeds: " + ", ".join(f"{value:.3f}" for value in reports[0]),
        ),
    ]


def _fit_on(settings: SyntheticGateSettings, class_count: int, split: LoadedSplit, seed: int) -> Classifier:
    assert split.labels is not None
    return fit_classifier(split.images, split.labels, class_count, settings.classifier, seed)


def _accuracies(classifiers: list[Classifier], split: LoadedSplit) -> list[float]:
    assert split.labels is not None
    return [classifier.accuracy(split.images, split.labels) for classifier in classifiers]


def _too_few(settings: SyntheticGateSettings, evidence: Evidence) -> Metric:
    note = (
        f"the gate half of validation has {len(evidence.gate.images)} images, {settings.min_gate_images} are needed; "
        "add images or raise split.validation"
    )
    return Metric(name="all", title="all metrics", value=None, outcome=Outcome.NOT_MEASURED, note=note)


def _not_applicable(name: str, title: str) -> Metric:
    return Metric(
        name=name, title=title, value=None, outcome=Outcome.NOT_APPLICABLE, note="needs labels of two classes or more"
    )


def _metric(name: str, title: str, value: float | None, threshold: float | None, **rest: object) -> Metric:
    build: Callable[..., Metric] = partial(Metric, outcome=Outcome.NOT_MEASURED)
    return build(name=name, title=title, value=value, threshold=threshold, **rest)


def _wilson(share: float, n: int, shift: float = 0.0) -> tuple[float, float]:
    """95 % interval of a share; Wilson 1927."""
    z = 1.96
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    margin = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - margin + shift, centre + margin + shift
