"""For images that are shown, the training image nearest to each, by small grey pictures of both."""

from collections.abc import Sequence

import numpy as np

from tasks.imaging.block_measures import grey_block
from tasks.imaging.measures import thumbnail


def nearest(images: Sequence[np.ndarray], training: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Images uint8 [H, W, C] -> for each the nearest of some training images uint8 [H, W, C]; none without any.

    Near is a small angle between grey pictures of 32x32 px less their means: a darker copy is near, too.
    """
    if not images or not training:
        return []
    likeness = _directions(images) @ _directions(training).T
    return [training[place] for place in likeness.argmax(axis=1)]


def _directions(images: Sequence[np.ndarray]) -> np.ndarray:
    """float32 [N, 1024] of mean 0 and length 1; zeros where all pixels are alike."""
    small = np.stack([thumbnail(grey_block(image[np.newaxis])[0]) for image in images])
    values = small.reshape(len(small), -1).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)
