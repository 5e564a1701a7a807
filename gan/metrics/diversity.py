"""How far apart the images of one class are: near zero for a generator that makes one image per class."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ClassSpread:
    """Root mean squared distance to the class's mean, per class; nan below two vectors."""

    per_class: tuple[float, ...]
    n_per_class: tuple[int, ...]


def within_class_spread(features: np.ndarray, labels: np.ndarray | None) -> float:
    """Root mean squared distance of [N, D] to their class's mean; classes weigh by their number of vectors.

    Without labels all vectors are one class.
    """
    groups = np.zeros(len(features), dtype=np.int64) if labels is None else np.asarray(labels)
    total = 0.0
    for label in np.unique(groups):
        members = np.asarray(features[groups == label], dtype=np.float64)
        total += float(np.sum((members - members.mean(axis=0)) ** 2))
    return float(np.sqrt(total / len(features)))


def class_spread(features: np.ndarray, labels: np.ndarray | None, class_count: int) -> ClassSpread:
    """Spread of [N, D] within each of [0, class_count); without labels all are one class.

    Squares are divided by the number of vectors less one, so that small and large classes compare.
    """
    groups = [features] if labels is None else [features[labels == label] for label in range(class_count)]
    return ClassSpread(tuple(map(_spread, groups)), tuple(map(len, groups)))


def relative_spreads(synthetic: ClassSpread, real: ClassSpread) -> np.ndarray:
    """float64 [classes]: `relative_spread` of each, nan where either has fewer than two vectors."""
    pairs = zip(synthetic.per_class, real.per_class, strict=True)
    return np.array([math.nan if math.isnan(one + other) else relative_spread(one, other) for one, other in pairs])


def relative_spread(synthetic: float, real: float) -> float:
    """Synthetic over real spread; 1 where both are zero."""
    if real == 0.0:
        return 1.0 if synthetic == 0.0 else float("inf")
    return synthetic / real


def _spread(members: np.ndarray) -> float:
    if len(members) < 2:
        return math.nan
    centred = np.asarray(members, dtype=np.float64) - members.mean(axis=0, dtype=np.float64)
    return float(np.sqrt(np.sum(centred**2) / (len(members) - 1)))
