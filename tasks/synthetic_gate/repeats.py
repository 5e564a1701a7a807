"""Synthetic images that repeat each other: distances and overlaps hardly see a generator with few images per class."""

import numpy as np

from datasets.gate_file import Metric
from gan.metrics.excess import excess
from gan.metrics.neighbours import nearest
from tasks.imaging.measures import pixel_sha256
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.metric_table import measured

REAL_QUANTILE = 0.05  # real images nearer to another one than this share of them are: repeats
_MOST_IMAGES = 5000


def repeat_metrics(evidence: Evidence) -> list[Metric]:
    """Shares of images that equal another of their set, or nearly; the same of as many training images is the floor.

    The more images, the nearer the nearest: so all sets are cut to one size, and one half of the training images says
    what is near, the other what share of real images is.
    """
    train, synthetic = evidence.train.images, evidence.synthetic.images
    n = min(len(train) // 2, len(synthetic), _MOST_IMAGES)
    rng = np.random.default_rng([evidence.seed, n])
    order = rng.permutation(len(train))
    limit_from, real = train[order[:n]], train[order[n : 2 * n]]
    made = synthetic[rng.choice(len(synthetic), n, replace=False)]
    limit = float(np.quantile(nearest_other(limit_from), REAL_QUANTILE))
    near = excess(nearest_other(made) <= limit, nearest_other(real) <= limit)
    exact = excess(repeated(made), repeated(real))
    metrics = []
    for name, rates in (("exact_repeats", exact), ("near_repeats", near)):
        low, high = (bound + rates.held_out_rate for bound in rates.interval())
        interval = (max(0.0, low), min(1.0, high))
        metrics.append(measured(name, rates.synthetic_rate, floor=rates.held_out_rate, interval=interval, n=n))
    return metrics


def nearest_other(images: np.ndarray) -> np.ndarray:
    """float64 [N]: Euclidean distance in grey levels of each of [N, H, W, C], N >= 2, to its nearest other."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    distance: np.ndarray = nearest(rows, rows, 2).distance[:, 1]
    return distance


def repeated(images: np.ndarray) -> np.ndarray:
    """Mask of [N, H, W, C]: whether an image has the pixels of another one."""
    _, places, counts = np.unique([pixel_sha256(one) for one in images], return_inverse=True, return_counts=True)
    found: np.ndarray = counts[places] > 1
    return found
