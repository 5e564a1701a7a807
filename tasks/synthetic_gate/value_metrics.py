"""What synthetic images are worth to a classifier: arms of one experiment, each trained once per seed.

All arms take equally many steps and are tested on the same real images; a seed gives all of them the same start. So
arms with real images in them are compared with real images alone by image and by seed.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datasets.errors import BadInput
from datasets.gate_file import Metric
from gan.extractors.base import NO_RESIZE, identity_of
from gan.metrics.non_inferiority import Conclusion, PairedDifference, paired_difference
from gan.metrics.share_interval import share_interval
from gan.value import LabelledImages, ValueScore, classification_accuracy, score
from gan.value.arms import mixed, oversampled
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.engine import augmented, variant_seed
from tasks.synthetic_gate.evidence import Evidence, labelled
from tasks.synthetic_gate.limits import threshold_of
from tasks.synthetic_gate.metric_table import NO_TEST, measured, not_applicable, unmeasurable
from tasks.synthetic_gate.value_settings import Arm

REVERSE = "train_on_real_test_on_synthetic"
ALL_HELD_OUT = "_all_held_out"
LOWEST_CLASS = "real_plus_synthetic_lowest_class"
METRICS_OF_ARM: dict[Arm, tuple[str, ...]] = {
    "synthetic": ("train_on_synthetic", f"train_on_synthetic{ALL_HELD_OUT}", "train_on_synthetic_test"),
    "real_plus_synthetic": ("real_plus_synthetic", f"real_plus_synthetic{ALL_HELD_OUT}", LOWEST_CLASS),
    "real_plus_augmented": ("real_plus_augmented", f"real_plus_augmented{ALL_HELD_OUT}"),
    "real_oversampled": ("real_oversampled", f"real_oversampled{ALL_HELD_OUT}"),
}
NAMES = (REVERSE, *(name for names in METRICS_OF_ARM.values() for name in names))
MIN_TEST_IMAGES = 5  # real images of one class: fewer, and it is not judged on its own
_NAMED = 5  # classes in a note


def value_metrics(evidence: Evidence) -> list[Metric]:
    """The metrics of the arms that `value.arms` names; those of other arms are not measured.

    Raises BadInput where there are too few images to train a classifier on, or to test it on.
    """
    _check(evidence)
    tests = [labelled(evidence.gate), labelled(evidence.held_out)]
    if evidence.test is not None:
        tests.append(labelled(evidence.test))
    by_real = evidence.trained_on_real
    *real, reverse = score(by_real, [*tests, labelled(evidence.synthetic)], len(evidence.train.images))
    metrics = [_reverse_metric(reverse, real[0], evidence)]
    for arm, names in METRICS_OF_ARM.items():
        if arm not in evidence.settings.value.arms:
            metrics += unmeasurable(_judged(names, evidence), f"value.arms does not name {arm}")
            continue
        if arm == "synthetic":
            scores = _scores(evidence, training_set(arm, evidence), tests)
            metrics += _alone(names, scores, real, tests, evidence)
        else:
            scores = _scores(evidence, training_set(arm, evidence), tests[:2])
            metrics += _paired(names, scores, real[:2], evidence)
    identity = value_identity(evidence)
    return [replace(metric, extractor=identity) for metric in metrics]


def value_identity(evidence: Evidence) -> str:
    """Of the classifiers: numbers compare where their settings, seeds, and the kind of images and classes are equal."""
    settings = evidence.settings
    made_of = {
        "classifier": settings.classifier.model_dump(mode="json"),
        "value": settings.value.model_dump(mode="json", exclude={"arms"}),
        "seeds": list(evidence.value_seeds),
        "images": evidence.train.images.shape[1:],
        "classes": evidence.train.class_names,
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
    return identity_of("value-classifier", digest, NO_RESIZE)


def _judged(names: Sequence[str], evidence: Evidence) -> list[str]:
    """Those that the settings do not only report: they must not vanish when their arm is left out."""
    return [name for name in names if evidence.settings.limit_of(name).severity != "report"]


def training_set(arm: Arm, evidence: Evidence) -> LabelledImages:
    """What a classifier of the arm is trained on."""
    settings, real, synthetic = evidence.settings.value, labelled(evidence.train), labelled(evidence.synthetic)
    if arm == "synthetic":
        return synthetic
    if arm == "real_plus_synthetic":
        return mixed(real, synthetic, settings.most_per_real, evidence.seed)
    if arm == "real_oversampled":
        return oversampled(real, evidence.seed)
    return mixed(real, (_varied(evidence), real[1]), settings.most_per_real, evidence.seed)


def _varied(evidence: Evidence) -> np.ndarray:
    """One augmented copy of each training image."""
    images, ids = evidence.train.images, evidence.train.ids
    augmenters = AugmentationSettings(preset=evidence.settings.value.augmentation).applied_to(images.shape[3])
    return np.stack(
        [
            augmented(image, augmenters, variant_seed(evidence.seed, name, 0))
            for image, name in zip(images, ids, strict=True)
        ]
    )


def _check(evidence: Evidence) -> None:
    count, classes = len(evidence.synthetic.images), evidence.class_count
    if count < classes:
        raise BadInput(f"{count} synthetic images of {classes} classes to train on; make at least one for each")
    tested = min(len(evidence.gate.images), len(evidence.held_out.images))
    if tested < 2:
        raise BadInput(f"{tested} real images to test on; at least 2 are needed")


def _scores(evidence: Evidence, training: LabelledImages, tests: Sequence[LabelledImages]) -> tuple[ValueScore, ...]:
    return classification_accuracy(
        *training, tests, evidence.class_count, evidence.settings.classifier, evidence.value_seeds
    )


def _reverse_metric(reverse: ValueScore, real: ValueScore, evidence: Evidence) -> Metric:
    return measured(
        REVERSE,
        reverse.mean,
        floor=real.mean,
        interval=share_interval(reverse.mean, reverse.n_test),
        n=reverse.n_test,
        per_class=_by_class(reverse, labelled(evidence.synthetic)[1], evidence),
        note=_seeds(reverse),
    )


def _by_class(found: ValueScore, labels: np.ndarray, evidence: Evidence) -> dict[str, float]:
    """Accuracy on each class that has enough tested images."""
    names = evidence.train.class_names or ()
    classes = np.flatnonzero(np.bincount(labels, minlength=len(names)) >= MIN_TEST_IMAGES)
    return {names[label]: float(found.correct[:, labels == label].mean()) for label in classes}


def _alone(
    names: Sequence[str],
    scores: Sequence[ValueScore],
    real: Sequence[ValueScore],
    tests: Sequence[LabelledImages],
    evidence: Evidence,
) -> list[Metric]:
    """Accuracies of an arm without real images, on each test set; what has no test set does not apply."""
    absent = _absent(labelled(evidence.synthetic)[1], evidence)
    metrics = [
        measured(
            name,
            found.mean,
            floor=of_real.mean,
            interval=share_interval(found.mean, found.n_test),
            n=found.n_test,
            per_class=_by_class(found, labels, evidence),
            note=_seeds(found) + absent,
        )
        for name, found, of_real, (_, labels) in zip(names, scores, real, tests, strict=False)
    ]
    return metrics + not_applicable(names[len(tests) :], NO_TEST)


def _paired(
    names: Sequence[str], scores: Sequence[ValueScore], real: Sequence[ValueScore], evidence: Evidence
) -> list[Metric]:
    """Accuracies of an arm with real images, with an interval from the differences to real images alone."""
    if evidence.settings.value.seeds < 2:
        why = "value.seeds is 1, which says nothing of how much a seed matters; give 2 or more"
        return unmeasurable(names, why, n=len(evidence.gate.images))
    metrics = [
        _difference_metric(name, found, of_real, evidence)
        for name, found, of_real in zip(names[:2], scores, real, strict=True)
    ]
    if LOWEST_CLASS in names:
        metrics.append(_lowest_class_metric(scores[1], real[1], evidence))
    return metrics


def _difference_metric(name: str, found: ValueScore, real: ValueScore, evidence: Evidence) -> Metric:
    """Non-inferiority: the limit is judged on the lower bound. Not measured where the images are too few to tell."""
    difference = paired_difference(found.correct, real.correct)
    low, high = difference.interval()
    metric = measured(
        name,
        found.mean,
        floor=real.mean,
        interval=_shares(real.mean + low, real.mean + high),
        n=found.n_test,
        note=f"{difference.mean:+.3f} [{low:+.3f}, {high:+.3f}] of real alone, paired by image and seed",
    )
    limit = evidence.settings.limit_of(name)
    threshold = threshold_of(metric, limit)
    if threshold is None or limit.severity == "report" or limit.on != "interval":
        return metric
    why = too_few_to_tell(difference, real.mean - threshold)
    return metric if why is None else replace(metric, value=None, interval=None, note=f"{metric.note}; {why}")


def too_few_to_tell(difference: PairedDifference, margin: float) -> str | None:
    """Why a loss of `margin` can neither be shown nor ruled out; None where it is decided, or images are enough."""
    if margin <= 0 or difference.conclusion(margin) is not Conclusion.UNDECIDED:
        return None
    needed = difference.images_needed(margin)
    if needed is None:
        return f"{difference.seeds} seeds differ too much to tell a loss of {margin:.3g}; raise value.seeds"
    if difference.images < needed:
        return f"to tell a loss of {margin:.3g} takes about {needed} images; add images, or raise split.validation"
    return None


def _lowest_class_metric(mixed_in: ValueScore, real: ValueScore, evidence: Evidence) -> Metric:
    """The class that loses most; its interval holds for all classes at once (Bonferroni)."""
    labels, names = labelled(evidence.held_out)[1], evidence.train.class_names or ()
    counts = np.bincount(labels, minlength=evidence.class_count)
    classes = np.flatnonzero(counts >= MIN_TEST_IMAGES)
    if not len(classes):
        return unmeasurable([LOWEST_CLASS], f"no class has {MIN_TEST_IMAGES} real images in validation and test")[0]
    found = {
        int(label): paired_difference(mixed_in.correct[:, labels == label], real.correct[:, labels == label])
        for label in classes
    }
    order = sorted(found, key=lambda label: found[label].mean)
    lowest = order[0]
    floor = float(real.correct[:, labels == lowest].mean())
    low, high = found[lowest].interval(1 - 0.05 / len(classes))
    by_class = ", ".join(f"{names[label]} {found[label].mean:+.3f}" for label in order[:_NAMED])
    return measured(
        LOWEST_CLASS,
        floor + found[lowest].mean,
        floor=floor,
        interval=_shares(floor + low, floor + high),
        n=int(counts[lowest]),
        per_class=_by_class(mixed_in, labels, evidence),
        note=f"of class {names[lowest]}; differences to real alone, lowest first: {by_class}",
    )


def _shares(low: float, high: float) -> tuple[float, float]:
    """An interval of shares, which no accuracy leaves."""
    return max(0.0, low), min(1.0, high)


def _absent(labels: np.ndarray, evidence: Evidence) -> str:
    """A clause that names classes without synthetic images."""
    counts = np.bincount(labels, minlength=evidence.class_count)
    absent = [name for name, count in zip(evidence.train.class_names or (), counts, strict=True) if not count]
    more = f" and {len(absent) - _NAMED} more" if len(absent) > _NAMED else ""
    return f"; no synthetic images of {', '.join(absent[:_NAMED])}{more}" if absent else ""


def _seeds(found: ValueScore) -> str:
    return "mean of seeds: " + ", ".join(f"{value:.3f}" for value in found.per_seed)
