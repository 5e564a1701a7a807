"""Training sets of a comparison that are made of others: mixed, or with small classes repeated."""

import numpy as np

from datasets.errors import BadInput
from gan.value.accuracy import LabelledImages


def mixed(real: LabelledImages, others: LabelledImages, most_per_real: float, seed: int) -> LabelledImages:
    """All real images and random others, at most `most_per_real` for each real one; of each class its share.

    Raises BadInput where the images are not of one size.
    """
    (real_images, real_labels), (images, labels) = real, others
    if real_images.shape[1:] != images.shape[1:]:
        raise BadInput(f"images of {real_images.shape[1:]} and {images.shape[1:]} cannot be mixed; resize one of them")
    picks = _spread_over_classes(labels, min(len(images), round(most_per_real * len(real_images))), seed)
    return np.concatenate([real_images, images[picks]]), np.concatenate([real_labels, labels[picks]])


def oversampled(given: LabelledImages, seed: int) -> LabelledImages:
    """Images of each class repeated, in random order, until it has as many as the largest; absent ones stay absent."""
    images, labels = given
    rng = np.random.default_rng([seed, 0x_0753])
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    largest = max(map(len, members))
    picks = np.concatenate([np.resize(rng.permutation(indices), largest) for indices in members])
    return images[picks], labels[picks]


def _spread_over_classes(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Sorted indices of `count` of the labels int [N], evenly along them when sorted by class."""
    order = np.random.default_rng([seed, 0x_0A23]).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    return np.sort(order[np.linspace(0, len(labels), count, endpoint=False).astype(np.int64)])
