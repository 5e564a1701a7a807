"""How far apart the images of one class are: near zero for a generator that makes one image per class."""

import numpy as np


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


def relative_spread(synthetic: float, real: float) -> float:
    """Synthetic over real spread; 1 where both are zero."""
    if real == 0.0:
        return 1.0 if synthetic == 0.0 else float("inf")
    return synthetic / real
