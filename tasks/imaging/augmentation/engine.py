"""Applies augmenters to single images by imgaug: equal arguments give equal bytes, in any process and order.

imgaug takes most of its time for a call, not for the pixels. So each augmenter is built once in a thread, is asked
only where it is drawn (no Sequential, no Sometimes), and is handed the image without the conversions of its front door.
"""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from tasks.imaging.augmentation.augmenters import Affine, AnyAugmenter
from tasks.imaging.augmentation.library import Size, build, imgaug_batch, imgaug_random

_local = threading.local()
_UNIT = 2.0**-32


def variant_seed(run_seed: int, content: str, variant: int) -> int:
    """Seed in [0, 2**31) of one copy, from the run's seed, the image's content and the copy's number."""
    digest = hashlib.sha256(f"augmentation {run_seed} {content} {variant}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def augmented(image: np.ndarray, augmenters: Sequence[AnyAugmenter], seed: int) -> np.ndarray:
    """uint8 [H, W, C], C in {1, 3} -> uint8 [H, W, C], each augmenter applied in order to its share of seeds.

    Without an augmenter that is drawn, the copy equals the image.
    """
    size = (image.shape[0], image.shape[1])
    copy = np.array(image, order="C")
    for steps, step_seed in _drawn(augmenters, seed):
        augmenter = _built(steps, size)
        # The same as `seed_(step_seed)` without its copies of the state, for an augmenter without children; `build`
        # makes no other, as `seed_` passes by those of a bare OneOf.
        augmenter.random_state = imgaug_random(step_seed)
        copy = augmenter.augment_batch_(imgaug_batch(copy)).images[0].reshape(image.shape)
    return copy


def _drawn(augmenters: Sequence[AnyAugmenter], seed: int) -> Iterator[tuple[tuple[AnyAugmenter, ...], int]]:
    """What is done to one copy: steps with their seeds. Neighbouring affine ones with one fill are one step."""
    chosen = []
    for place, augmenter in enumerate(augmenters):
        digest = hashlib.sha256(f"{seed} {place} {augmenter.kind}".encode()).digest()
        if int.from_bytes(digest[:4], "big") * _UNIT < augmenter.probability:
            together = augmenter.fill if isinstance(augmenter, Affine) else place
            chosen.append((together, augmenter, int.from_bytes(digest[4:8], "big") >> 1))
    for _, run in groupby(chosen, key=lambda step: step[0]):
        steps = list(run)
        yield from _merged([augmenter for _, augmenter, _ in steps], [step_seed for _, _, step_seed in steps])


def _merged(steps: list[AnyAugmenter], seeds: list[int]) -> Iterator[tuple[tuple[AnyAugmenter, ...], int]]:
    """A run of neighbours as one step, unless it has a kind twice: imgaug takes one range for each."""
    if len({step.kind for step in steps}) == len(steps):
        yield tuple(steps), seeds[0]
    else:
        yield from (((step,), seed) for step, seed in zip(steps, seeds, strict=True))


def _built(steps: tuple[AnyAugmenter, ...], size: Size) -> Any:
    """The imgaug augmenter of a step, built once in a thread, as its state is set anew for every copy."""
    built: dict[Any, Any] = _local.__dict__.setdefault("built", {})
    key = (steps, size)
    augmenter = built.get(key)
    if augmenter is None:
        augmenter = built[key] = build(steps, size)
    return augmenter
