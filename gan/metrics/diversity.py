"""How far apart the images of one class are: near zero for a generator that makes one image per class."""

import math
from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.feature_checks import feature_rows


@dataclass(frozen=True, slots=True)
class ClassSpread:
    """Root mean squared distance to the class's mean, per class; nan below two vectors."""

    per_class: tuple[float, ...]
    n_per_class: tuple[int, ...]


def within_class_spread(features: np.ndarray, labels: np.ndarray | None) -> float:
    """Root mean squared distance of [N, D] to their class's mean; classes weigh by their number of vectors.

    Without labels all vectors are one class. Raises BadInput like `class_spread`.
    """
    features = _checked(features, labels)
    groups = [features] if labels is None else [features[labels == label] for label in np.unique(labels)]
    return float(np.sqrt(sum(map(_squares, groups)) / len(features)))


def class_spread(features: np.ndarray, labels: np.ndarray | None, class_count: int) -> ClassSpread:
    """Spread of [N, D] within each of [0, class_count); without labels all are one class.

    Squares are divided by the number of vectors less one, so that small and large classes compare. Raises BadInput for
    features that are not finite or no [N, D], or where there is not one label int [N] for each.
    Odena et al. 2017, arXiv:1610.09585, compare classes with real ones so too, by similarity of pairs of images.
    """
    features = _checked(features, labels)
    groups = [features] if labels is None else [features[labels == label] for label in range(class_count)]
    return ClassSpread(tuple(map(_spread, groups)), tuple(map(len, groups)))


def relative_spreads(synthetic: ClassSpread, real: ClassSpread) -> np.ndarray:
    """float64 [classes]: `relative_spread` of each, nan where either has fewer than two vectors.

    Raises BadInput where they are of another number of classes.
    """
    if len(synthetic.per_class) != len(real.per_class):
        raise BadInput(
            f"spreads of {len(synthetic.per_class)} and of {len(real.per_class)} classes cannot be compared; give "
            "labels of the same classes to both, or to neither"
        )
    pairs = zip(synthetic.per_class, real.per_class, strict=True)
    return np.array([math.nan if math.isnan(one) else relative_spread(one, other) for one, other in pairs])


def relative_spread(synthetic: float, real: float) -> float:
    """Synthetic over real spread; 1 where both are zero."""
    if real == 0.0:
        return 1.0 if synthetic == 0.0 else math.inf
    return synthetic / real


def _checked(features: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    rows = feature_rows(features, at_least=1, what="the spread")
    if labels is not None and len(labels) != len(rows):
        raise BadInput(f"{len(rows)} feature vectors have {len(labels)} labels; give one for each")
    return rows


def _spread(members: np.ndarray) -> float:
    if len(members) < 2:
        return math.nan
    return float(np.sqrt(_squares(members) / (len(members) - 1)))


def _squares(members: np.ndarray) -> float:
    """Sum of the squared distances of [n, D] to their mean."""
    return float(np.sum((members - members.mean(axis=0, dtype=np.float64)) ** 2))
