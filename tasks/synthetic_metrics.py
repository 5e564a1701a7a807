"""What the synthetic gate measures.

The classifier that selected the snapshot, the extractor of features and the judge of labels are different networks,
fitted on different folds of the real training images, so that none marks its own work.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from datasets.errors import Refused
from datasets.gate_file import Metric, Outcome, judged
from datasets.readers import LoadedSplit
from gan.classifier import fit_classifier
from gan.extractors import ClassifierExtractor, Extractor, Fold, fold_of, make_extractor
from gan.metrics.diversity import class_spread
from gan.metrics.frechet import bootstrap_interval, distance_at_n, statistics
from gan.metrics.kernel_distance import kernel_distance
from gan.metrics.manifold import Overlap, overlap
from gan.metrics.memorisation import memorisation
from gan.value import ValueScore, classification_accuracy, label_faithfulness, share_interval
from tasks.class_metrics import class_diversity_metric, class_faithfulness_metric
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
    barred: frozenset[str] = frozenset()  # sha256 of networks that samples were rejected with

    @property
    def class_count(self) -> int:
        """Number of classes, 0 without labels."""
        return len(self.train.class_names or ())

    @property
    def labelled(self) -> bool:
        """Whether label metrics apply: at least two classes."""
        return self.train.labels is not None and self.class_count > 1


@dataclass(frozen=True, slots=True)
class Features:
    """float32 [N, D] of the gate half, of synthetic images, and of training images that the extractor did not see."""

    gate: np.ndarray
    synthetic: np.ndarray
    real: np.ndarray
    extractor: str  # identity

    @classmethod
    def of(cls, extractor: Extractor, evidence: Evidence, unseen: np.ndarray) -> "Features":
        """Features of the evidence; `unseen` bool [N] picks among the training images."""
        sets = (evidence.gate.images, evidence.synthetic.images, evidence.train.images[unseen])
        gate, synthetic, real = map(extractor.features, sets)
        return cls(gate, synthetic, real, extractor.identity)


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
    if isinstance(extractor, ClassifierExtractor):
        check_not_barred(extractor.classifier.weights_sha256, "extractor of features", evidence)
    progress(1, VALUE_STEPS, doing="distances")
    features = Features.of(extractor, evidence, unseen)
    metrics = distribution_metrics(settings, features, evidence.labelled, seed)
    metrics.append(diversity_metric(settings, features, evidence, unseen))
    copies, pairs = memorisation_metric(settings, evidence)
    progress(2, VALUE_STEPS, doing="labels")
    metrics += [copies, *faithfulness_metrics(settings, evidence, unseen, seed + 1)]
    progress(3, VALUE_STEPS, doing="value")
    metrics += value_metrics(settings, evidence, seed + 2)
    progress(VALUE_STEPS, VALUE_STEPS)
    return tuple(judged(metric) if metric.outcome is not Outcome.REPORTED else metric for metric in metrics), pairs


def check_not_barred(sha256: str, what: str, evidence: Evidence) -> None:
    """Raises Refused where a network would judge the images that it has let pass itself."""
    if sha256 in evidence.barred:
        raise Refused(
            f"the {what} of the synthetic gate is the network that samples were rejected with (sha256 {sha256[:12]}); "
            "a gate must not ask it; change synthetic_gate.classifier"
        )


def distribution_metrics(
    settings: SyntheticGateSettings, features: Features, labelled: bool, seed: int
) -> list[Metric]:
    """Distances and overlaps of feature sets. The floor uses training images that the extractor did not see."""
    gate, synthetic, real = features.gate, features.synthetic, features.real
    n = min(len(gate), len(synthetic), len(real))
    reference = statistics(gate)
    frechet = partial(distance_at_n, reference=reference, n=n, seed=seed)
    floor = frechet(real)
    metric = partial(_metric, extractor=features.extractor, n=n)
    metrics = [
        metric(
            "frechet_distance",
            "Fréchet distance of classifier features" if labelled else "Fréchet distance of random features",
            frechet(synthetic),
            settings.max_frechet_ratio * floor,
            floor=floor,
            interval=bootstrap_interval(synthetic[:n], gate, seed=seed),
        ),
        _kernel_metric(settings, features, seed),
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


def _kernel_metric(settings: SyntheticGateSettings, features: Features, seed: int) -> Metric:
    gate, synthetic, real = features.gate, features.synthetic, features.real
    metric = partial(_metric, "kernel_distance", "kernel distance (KID form)", severity="warn")
    if min(len(gate), len(synthetic), len(real)) < MIN_KERNEL_IMAGES:
        note = f"needs {MIN_KERNEL_IMAGES} images on both sides"
        return metric(None, None, extractor=features.extractor, n=len(gate), note=note)
    measured = kernel_distance(synthetic, gate, seed=seed)
    floor = kernel_distance(real, gate, seed=seed).value
    margin = 1.96 * measured.standard_error
    return metric(
        measured.value,
        floor + settings.max_kernel_excess,
        floor=floor,
        interval=(measured.value - margin, measured.value + margin),
        extractor=features.extractor,
        n=measured.n,
    )


def _mean_overlap(gate: np.ndarray, other: np.ndarray, n: int, seed: int) -> dict[str, float]:
    """Precision, recall and coverage of random subsets of n, averaged: they depend on n, and vary."""
    rng = np.random.default_rng([seed, n])
    found: list[Overlap] = [
        overlap(gate, other[rng.choice(len(other), n, replace=False)]) for _ in range(OVERLAP_REPEATS)
    ]
    return {name: float(np.mean([getattr(one, name) for one in found])) for name in ("precision", "recall", "coverage")}


def diversity_metric(
    settings: SyntheticGateSettings, features: Features, evidence: Evidence, unseen: np.ndarray
) -> Metric:
    """Spread of features within the least varied class, over that of real training images."""
    vectors = (features.synthetic, features.real, features.gate)
    labels: list[np.ndarray | None] = [None, None, None]
    if evidence.labelled:
        assert evidence.train.labels is not None
        labels = [evidence.synthetic.labels, evidence.train.labels[unseen], evidence.gate.labels]
    synthetic, real, gate = map(partial(class_spread, class_count=evidence.class_count), vectors, labels)
    names = evidence.train.class_names if evidence.labelled else None
    return class_diversity_metric(synthetic, real, gate, settings.min_class_diversity_ratio, names, features.extractor)


def memorisation_metric(settings: SyntheticGateSettings, evidence: Evidence) -> tuple[Metric, np.ndarray]:
    """Near copies of training images in excess of what held-out real images show, in pixels."""
    found = memorisation(evidence.synthetic.images, evidence.gate.images, evidence.train.images)
    metric = _metric(
        "near_copies",
        "near copies of training images, in excess",
        found.excess_rate,
        settings.max_near_copy_excess,
        floor=0.0,
        interval=share_interval(found.synthetic_rate, found.n_synthetic, shift=-found.held_out_rate),
        n=found.n_held_out,
        note=f"nearer than {found.threshold:.1f} grey levels; {found.synthetic_rate:.1%} of synthetic, "
        f"{found.held_out_rate:.1%} of held-out real images are",
    )
    pairs = found.closest_pairs
    above = np.concatenate([evidence.synthetic.images[pair[0]] for pair in pairs], axis=1)
    below = np.concatenate([evidence.train.images[pair[1]] for pair in pairs], axis=1)
    return metric, np.concatenate([above, below], axis=0)


def faithfulness_metrics(
    settings: SyntheticGateSettings, evidence: Evidence, own: np.ndarray, seed: int
) -> list[Metric]:
    """Whether images show the class that they were made for, as a judge fitted on the fold `own` sees it.

    What the judge can tell of each class is measured on all real images that it did not see, training images too:
    the gate half alone has few of each class.
    """
    name, title = "label_faithfulness", "images seen as the class asked for"
    if not evidence.labelled:
        return [
            _not_applicable(name, title),
            _not_applicable("lowest_class_faithfulness", "images of the lowest class seen as it"),
        ]
    train, gate, synthetic, classes = evidence.train, evidence.gate, evidence.synthetic, evidence.class_count
    assert train.labels is not None and gate.labels is not None and synthetic.labels is not None
    assert train.class_names is not None
    judge = fit_classifier(train.images[own], train.labels[own], classes, settings.classifier, seed)
    check_not_barred(judge.weights_sha256, "judge of labels", evidence)
    real_accuracy = judge.accuracy(gate.images, gate.labels)
    found = label_faithfulness(judge, synthetic.images, synthetic.labels, classes)
    unseen_images = np.concatenate([gate.images, train.images[~own]])
    real = label_faithfulness(judge, unseen_images, np.concatenate([gate.labels, train.labels[~own]]), classes)
    metric = _metric(
        name,
        title,
        found.mean,
        settings.min_faithfulness_ratio * real_accuracy,
        floor=real_accuracy,
        direction="min",
        interval=share_interval(found.mean, found.n),
        n=found.n,
    )
    ratio = settings.min_class_faithfulness_ratio
    return [metric, class_faithfulness_metric(found, real, real_accuracy, ratio, train.class_names)]


def value_metrics(settings: SyntheticGateSettings, evidence: Evidence, seed: int) -> list[Metric]:
    """Accuracy on real images of classifiers that saw only synthetic images, beside ones that saw only real."""
    name, title = "train_on_synthetic", "accuracy of a classifier trained on synthetic alone"
    if not evidence.labelled:
        return [_not_applicable(name, title)]
    tests = [_labelled(evidence.gate), _labelled(evidence.held_out)]
    seeds = range(seed, seed + settings.value_seeds)
    accuracies = partial(
        classification_accuracy,
        tests=tests,
        class_count=evidence.class_count,
        settings=settings.classifier,
        seeds=seeds,
    )
    by_synthetic, by_real = accuracies(*_labelled(evidence.synthetic)), accuracies(*_labelled(evidence.train))
    decides = _value_metric(name, title, by_synthetic[0], by_real[0])
    reports = _value_metric(
        f"{name}_all_held_out", "the same on all of validation and test", by_synthetic[1], by_real[1]
    )
    return [
        replace(decides, threshold=settings.min_value_ratio * by_real[0].mean),
        replace(reports, outcome=Outcome.REPORTED),
    ]


def _value_metric(name: str, title: str, synthetic: ValueScore, real: ValueScore) -> Metric:
    return _metric(
        name,
        title,
        synthetic.mean,
        None,
        floor=real.mean,
        direction="min",
        interval=share_interval(synthetic.mean, synthetic.n_test),
        n=synthetic.n_test,
        note="mean of seeds: " + ", ".join(f"{value:.3f}" for value in synthetic.per_seed),
    )


def _labelled(split: LoadedSplit) -> tuple[np.ndarray, np.ndarray]:
    assert split.labels is not None
    return split.images, split.labels


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
