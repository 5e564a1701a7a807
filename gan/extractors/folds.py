"""Which real training images each network may see."""

from enum import IntEnum

import numpy as np

from datasets.errors import BadInput
from gan.seeds import derived_seed


class Fold(IntEnum):
    """Which fold of real training images a network is fitted on: no two purposes share one. See `fold_of`."""

    SELECTION = 0  # snapshots are compared, and samples filtered, in features of this one
    FEATURES = 1  # the gate's distances
    FAITHFULNESS = 2  # the gate's judge of labels


def fold_of(count: int, folds: int, seed: int, labels: np.ndarray | None = None) -> np.ndarray:
    """int32 [count] in [0, folds): which fold each image is in; every class is spread evenly where labels are given."""
    if folds < 1 or count < folds:
        raise BadInput(f"{count} images cannot be put into {folds} folds; give at least one image per fold")
    order = np.random.default_rng([derived_seed(seed, "folds"), count]).permutation(count)
    if labels is not None:
        order = order[np.argsort(np.asarray(labels)[order], kind="stable")]
    fold = np.empty(count, dtype=np.int32)
    fold[order] = np.arange(count) % folds
    return fold
