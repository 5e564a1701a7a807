"""What an extractor is. A number measured in features is worth nothing without the extractor's identity beside it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from datasets.errors import BadInput
from gan.progress import Progress, silent

NO_RESIZE = "none"
_HASH_DIGITS = 12
_BLOCK = 500


class Extractor(Protocol):
    """`name` is what settings call it, e.g. `classifier`, `inception-2015`, `keras:InceptionV3`, `file`.

    `identity` adds the hash of the weights and the resize rule: `inception-2015 sha256:1f3a5c7799aa resize:clean`. Two
    numbers can be compared where it is the same. `standardise` is whether kernel distances need features of unit
    variance: they do, except where published numbers are to be met.
    """

    name: str
    identity: str
    standardise: bool

    def features(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, C] -> float32 [N, D]."""
        ...

    def probabilities(self, images: np.ndarray) -> np.ndarray | None:
        """uint8 [N, H, W, C] -> float32 [N, classes], rows sum to 1; None where it does not classify."""
        ...


def identity_of(name: str, weights_sha256: str, resize: str, *more: str) -> str:
    """The text that two extractors share only where their features can be compared."""
    return " ".join([name, f"sha256:{weights_sha256[:_HASH_DIGITS]}", *more, f"resize:{resize}"])


def features_in_batches(
    extractor: Extractor, batches: Iterable[np.ndarray], total: int, progress: Progress = silent
) -> np.ndarray:
    """float32 [N, D] of uint8 [n, H, W, C] arrays that are read one at a time: only features stay in memory.

    `total` is N as far as it is known, for the progress. Raises BadInput where there are no images.
    """
    found: list[np.ndarray] = []
    done = 0
    for images in batches:
        found.append(extractor.features(images))
        done += len(images)
        progress(done, max(total, done))
    if not done:
        raise BadInput("there are no images to take features of; give at least one")
    return np.concatenate(found)


def blocks(images: np.ndarray, size: int = _BLOCK) -> Iterator[np.ndarray]:
    """The same images, so many at a time."""
    for start in range(0, len(images), size):
        yield images[start : start + size]


def run_in_batches(run: Callable[[np.ndarray], np.ndarray], images: np.ndarray, size: int) -> np.ndarray:
    """What `run` gives for uint8 [N, H, W, C], so many images at a time."""
    # No images at all go through as one black image, whose features are dropped again: the shape comes out right.
    given = images if len(images) else np.zeros((1, *images.shape[1:]), np.uint8)
    return np.concatenate([run(block) for block in blocks(given, size)])[: len(images)]
