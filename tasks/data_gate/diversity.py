"""How many different images a class really has: near copies of a few teach a generator only those few."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

SAMPLE_IMAGES = 500
# Correlated 0.99, as near copies are, two thumbnails count as 0.82 alike; 0.95: 0.37; 0.9: 0.14; 0.8: 0.02.
_CORRELATION_SCALE = 0.05


def effective_images(thumbnails: np.ndarray) -> float:
    """Grey thumbnails uint8 [N, pixels] -> between 1 and N: how many wholly different images would be as diverse.

    N for images that are all unlike, 1 for copies of one. The Vendi score (arXiv:2210.02410): exp of the entropy of the
    eigenvalues of a similarity matrix, here a Gaussian kernel of thumbnails scaled to mean 0 and length 1, so that
    brightness and contrast do not count. Memory N² floats. 0 for no image.
    """
    if not len(thumbnails):
        return 0.0
    grey = thumbnails.astype(np.float64)
    grey -= grey.mean(axis=1, keepdims=True)
    grey /= np.maximum(np.linalg.norm(grey, axis=1, keepdims=True), 1e-6)
    alike = np.exp((grey @ grey.T - 1) / _CORRELATION_SCALE)
    np.fill_diagonal(alike, 1.0)
    flat = np.flatnonzero(np.square(grey).sum(axis=1) < 0.5)
    alike[np.ix_(flat, flat)] = 1.0  # images without structure are all one
    weights = np.linalg.eigvalsh(alike / len(alike))
    weights = weights[weights > 1e-12]
    return float(np.exp(-(weights * np.log(weights)).sum()))


def sampled(
    labels: Sequence[str | None], sha256: Sequence[str], limit: int = SAMPLE_IMAGES
) -> dict[str | None, list[int]]:
    """Row numbers of at most `limit` images per class, those with the lowest hash: a sample that chance drew."""
    members: dict[str | None, list[int]] = defaultdict(list)
    for number, label in enumerate(labels):
        members[label].append(number)
    return {label: sorted(numbers, key=lambda n: (sha256[n], n))[:limit] for label, numbers in members.items()}
