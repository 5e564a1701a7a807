"""Inception score: how sure a classifier is of each image, and how many classes it sees in all.

It never looks at a real image: one perfect image per class, or a copy of the training set, has the best score there is.
"""

from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.feature_checks import numbers

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class InceptionScore:
    """From 1 (all alike, or all unsure) to the number of classes: mean and deviation over `splits` parts of n."""

    value: float
    standard_deviation: float
    splits: int
    n: int


def inception_score(probabilities: np.ndarray, *, seed: int, splits: int = 10) -> InceptionScore:
    """Score of p(y|x) [N, K], rows of sum 1, put in random order first: exp of their mean divergence from p(y).

    It grows with the number of images in a part, so compare only at equal n and splits.
    Raises BadInput for fewer than two images in a part, or rows that are no probabilities or no numbers.
    Salimans et al. 2016, arXiv:1606.03498.
    """
    rows = numbers(probabilities, "probabilities").astype(np.float64)
    if rows.ndim != 2 or splits < 1 or len(rows) < 2 * splits:
        raise BadInput(
            f"probabilities have shape {rows.shape}; {splits} parts of an Inception score need [N, K] with N of at "
            f"least {2 * splits}"
        )
    wrong = ~((rows >= 0.0).all(axis=1) & (np.abs(rows.sum(axis=1) - 1.0) < _SUM_TOLERANCE))
    if wrong.any():
        raise BadInput(
            f"{int(wrong.sum())} of {len(rows)} rows are no probabilities: not finite, negative or not of sum 1"
        )
    order = np.random.default_rng([seed, 0x_15]).permutation(len(rows))
    scores = [_score(rows[part]) for part in np.array_split(order, splits)]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)), splits, len(rows))


def _score(rows: np.ndarray) -> float:
    return float(np.exp(_entropy(rows.mean(axis=0)) - np.mean([_entropy(row) for row in rows])))


def _entropy(probabilities: np.ndarray) -> float:
    held = probabilities[probabilities > 0.0]
    return float(-np.sum(held * np.log(held)))
