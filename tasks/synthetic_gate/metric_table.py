"""Every metric of the synthetic gate: title, direction, how it is measured, and its default limit.

Nothing here measures: `measuring.py` holds the functions, whose metrics must be named here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from datasets.errors import BadInput
from datasets.gate_file import Metric, Outcome
from tasks.synthetic_gate.limits import Limit

MIN_CLASS_IMAGES = 10  # synthetic images of one class: fewer, and it is not judged on its own


@dataclass(frozen=True, slots=True)
class MetricKind:
    """One metric. `direction` is max where small is good. `has_interval`: it can be judged on that."""

    title: str
    direction: str
    how: str
    limit: Limit
    by_features: bool = False  # so that a limit may name an extractor
    needs_labels: bool = False
    has_interval: bool = True


def _report() -> Limit:
    return Limit(severity="report")


def _of_class(limit: float | None, **rest: Any) -> Limit:
    return Limit(limit=limit, min_images=MIN_CLASS_IMAGES, **rest)


def _on_all_held_out(title: str) -> MetricKind:
    """The same accuracy, measured on more than the half of validation that decides."""
    how = "on all of validation and test; never decides"
    return MetricKind(f"{title}, on all held-out images", "min", how, _report(), needs_labels=True)


def _on_test(title: str, direction: str = "min", **rest: Any) -> MetricKind:
    """The same, on the test split alone: for the data card."""
    how = "the same against all of test, mean over two subsets of n; never decides"
    return MetricKind(f"{title}, on test", direction, how, _report(), by_features=True, **rest)


_OF_SYNTHETIC = "accuracy of a classifier trained on synthetic alone"
_WITH_SYNTHETIC = "accuracy of a classifier trained on real and synthetic images"
_WITH_AUGMENTED = "accuracy of a classifier trained on real images and augmented copies"
_OVERSAMPLED = "accuracy of a classifier trained on real images, small classes repeated"

METRICS = {  # in the order of gate.json
    "frechet_distance": MetricKind(
        "Fréchet distance of features",
        "max",
        "Gaussians of the features, mean over random subsets of n; interval by resampling, beyond 256 numbers by "
        "first-order effects",
        Limit(limit=2.0, of="floor_ratio"),
        by_features=True,
    ),
    "frechet_infinity": MetricKind(
        "Fréchet distance, extrapolated",
        "max",
        "at n without end, by a line through random subsets against 1 / n; the bias of the gate half stays",
        _report(),
        by_features=True,
        has_interval=False,
    ),
    "kernel_distance": MetricKind(
        "kernel distance (KID form)",
        "max",
        "unbiased, cubic kernel; features standardised by the real ones unless they are Inception's",
        Limit(limit=0.2, of="floor_excess", severity="warn", min_images=40),
        by_features=True,
    ),
    "inception_score": MetricKind(
        "Inception score (its form)",
        "min",
        "spread of the classes that the extractor sees, where it classifies; mean over parts, in random order",
        _report(),
        by_features=True,
        has_interval=False,
    ),
    "precision": MetricKind(
        "precision",
        "min",
        "synthetic images within a ball to the k-th (5th) neighbour of a real one; mean over ten subsets of n",
        Limit(limit=0.7, of="floor_ratio"),
        by_features=True,
    ),
    "recall": MetricKind(
        "recall",
        "min",
        "real images within such a ball of a synthetic one",
        Limit(limit=0.7, of="floor_ratio"),
        by_features=True,
    ),
    "density": MetricKind(
        "density",
        "min",
        "balls of real images around a synthetic one, over k; may exceed 1",
        _report(),
        by_features=True,
        has_interval=False,
    ),
    "coverage": MetricKind(
        "coverage",
        "min",
        "balls of real images that hold a synthetic one",
        Limit(limit=0.7, of="floor_ratio"),
        by_features=True,
    ),
    **{
        f"lowest_class_{name}": MetricKind(
            f"{name} of the lowest class",
            "min",
            f"{name} within each class, of equally many images; the class lowest beside its floor",
            _of_class(None, severity="report"),
            by_features=True,
            needs_labels=True,
            has_interval=name != "density",
        )
        for name in ("precision", "recall", "density", "coverage")
    },
    "frechet_distance_test": _on_test("Fréchet distance of features", "max", has_interval=False),
    "precision_test": _on_test("precision"),
    "recall_test": _on_test("recall"),
    "coverage_test": _on_test("coverage"),
    "lowest_class_diversity": MetricKind(
        "spread within the lowest class, over real",
        "min",
        "root mean squared distance of features to the class's mean, over that of real training images of the class",
        _of_class(0.4),
        by_features=True,
        has_interval=False,
    ),
    "near_copies": MetricKind(
        "near copies of training images",
        "max",
        "nearer to a training image, in grey levels, than the nearest 5 % of held-out real images are",
        Limit(limit=0.05, of="floor_excess"),
    ),
    "feature_near_copies": MetricKind(
        "near copies by features",
        "max",
        "the same by the distance of features",
        _report(),
        by_features=True,
    ),
    "exact_copies": MetricKind(
        "copies of training images",
        "max",
        "the same pixels",
        Limit(limit=0.01, of="floor_excess"),
    ),
    "hash_copies_0": MetricKind(
        "copies by perceptual hash",
        "max",
        "equal 64-bit perceptual hashes of a synthetic and a training image",
        _report(),
    ),
    "hash_copies_2": MetricKind(
        "copies by hash, within 2 bits",
        "max",
        "perceptual hashes that differ in at most 2 bits",
        _report(),
    ),
    "hash_copies_4": MetricKind(
        "copies by hash, within 4 bits",
        "max",
        "perceptual hashes that differ in at most 4 bits",
        _report(),
    ),
    "not_authentic": MetricKind(
        "images that are not authentic",
        "max",
        "nearer to a training image, by features, than that one is to any other training image",
        Limit(limit=0.1, of="floor_excess", severity="warn"),
        by_features=True,
    ),
    "copying_test": MetricKind(
        "copying test C_T",
        "min",
        "whether distances of features to the nearest training image are smaller than those of held-out real images: "
        "a standard normal number where not, far below 0 for copies",
        Limit(limit=-3.0, severity="warn"),
        by_features=True,
        has_interval=False,
    ),
    "exact_repeats": MetricKind(
        "images equal to another synthetic one",
        "max",
        "the same pixels, among as many images as half of training has",
        Limit(limit=0.05, of="floor_excess"),
    ),
    "near_repeats": MetricKind(
        "images nearly equal to another synthetic one",
        "max",
        "nearer to another image of the set, in grey levels, than the nearest 5 % of as many training images are",
        Limit(limit=0.1, of="floor_excess", severity="warn"),
    ),
    "label_faithfulness": MetricKind(
        "images seen as the class asked for",
        "min",
        "share seen as their label by a judge fitted on another third of training",
        Limit(limit=0.9, of="floor_ratio"),
        needs_labels=True,
    ),
    "lowest_class_faithfulness": MetricKind(
        "images of the lowest class seen as it",
        "min",
        "the same share in the class that is furthest below its limit; the floor is the judge's accuracy on real "
        "images: overall, or of that class where that is less",
        _of_class(0.65, of="floor_ratio"),
        needs_labels=True,
    ),
    "class_balance": MetricKind(
        "shares of classes, seen as against asked for",
        "max",
        "half the sum of differences between the shares of classes that the judge sees and those of the labels",
        Limit(limit=0.1, of="floor_excess", severity="warn"),
        needs_labels=True,
        has_interval=False,
    ),
    "train_on_synthetic": MetricKind(
        _OF_SYNTHETIC,
        "min",
        "on real images of the gate half; mean of seeds; the floor is the same trained on real images",
        Limit(limit=0.9, of="floor_ratio"),
        needs_labels=True,
    ),
    "train_on_synthetic_all_held_out": _on_all_held_out(_OF_SYNTHETIC),
    "train_on_synthetic_test": MetricKind(
        f"{_OF_SYNTHETIC}, on test",
        "min",
        "on the test split alone; never decides",
        _report(),
        needs_labels=True,
    ),
    "train_on_real_test_on_synthetic": MetricKind(
        "accuracy on synthetic images of a classifier trained on real ones",
        "min",
        "on the synthetic images and their labels; mean of seeds; the floor is the same on the gate half",
        _report(),
        needs_labels=True,
    ),
    "real_plus_synthetic": MetricKind(
        _WITH_SYNTHETIC,
        "min",
        "on real images of the gate half, beside real alone in as many steps; interval of the difference, paired by "
        "image and seed; not measured where the images are too few to tell",
        Limit(limit=0.02, of="floor_excess", on="interval", severity="warn"),
        needs_labels=True,
    ),
    "real_plus_synthetic_all_held_out": _on_all_held_out(_WITH_SYNTHETIC),
    "real_plus_synthetic_lowest_class": MetricKind(
        "accuracy with synthetic images on the class that loses most",
        "min",
        "on all of validation and test; the interval holds for all classes at once; never decides",
        Limit(severity="report", min_images=5),
        needs_labels=True,
    ),
    "real_plus_augmented": MetricKind(
        _WITH_AUGMENTED,
        "min",
        "like real_plus_synthetic, with as many augmented copies in place of synthetic images",
        _report(),
        needs_labels=True,
    ),
    "real_plus_augmented_all_held_out": _on_all_held_out(_WITH_AUGMENTED),
    "real_oversampled": MetricKind(
        _OVERSAMPLED,
        "min",
        "like real_plus_synthetic, with images of small classes repeated until all classes are equal",
        _report(),
        needs_labels=True,
    ),
    "real_oversampled_all_held_out": _on_all_held_out(_OVERSAMPLED),
    "regression": MetricKind(
        "metrics that are worse than in the last version",
        "max",
        "how many judged metrics fell behind the last published synthetic version by more than the margin",
        Limit(limit=0, severity="warn"),
        has_interval=False,
    ),
}
# No scale of their own: another extractor gives numbers of another size.
IN_UNITS_OF_EXTRACTOR = frozenset({"frechet_distance", "frechet_infinity", "kernel_distance", "inception_score"})
WITHOUT_FLOOR = frozenset({"regression"})
# Measured on test too: no setting makes them decide.
ON_TEST = ("frechet_distance_test", "precision_test", "recall_test", "coverage_test", "train_on_synthetic_test")
ONLY_REPORTED = frozenset(
    {"real_plus_synthetic_lowest_class", *ON_TEST, *(name for name in METRICS if "all_held_out" in name)}
)
NO_TEST = "there is no test split"


def measured(name: str, value: float | None, **rest: Any) -> Metric:
    """A metric of the table with what was measured; `limits.apply_limit` judges it."""
    kind = METRICS[name]
    given = {"title": kind.title, "direction": kind.direction, "outcome": Outcome.NOT_MEASURED, **rest}
    return Metric(name=name, value=value, **given)


def unmeasurable(names: Iterable[str], why: str, **rest: Any) -> list[Metric]:
    """Metrics that cannot be measured, and why."""
    return [measured(name, None, note=why, **rest) for name in names]


def not_applicable(names: Iterable[str], why: str = "needs labels of two classes or more") -> list[Metric]:
    """Metrics that say nothing about such data."""
    return [measured(name, None, note=why, outcome=Outcome.NOT_APPLICABLE) for name in names]


def check_names(names: Iterable[str]) -> None:
    """Raises BadInput for a name that the table lacks, with those that there are."""
    for name in names:
        if name not in METRICS:
            raise BadInput(f"{name} is no metric of the synthetic gate; there are {', '.join(METRICS)}")
