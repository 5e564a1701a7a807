"""Which images a step sees, computed from (seed, step) alone so that a resumed run needs no stored position."""

from functools import lru_cache

import numpy as np


class BatchOrder:
    """Every image once per epoch, each epoch in its own order; batches run on across epochs."""

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self._count = count
        self._batch_size = batch_size
        self._seed = seed
        # Two epochs: a batch may begin in one and end in the next.
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def at(self, step: int) -> np.ndarray:
        """int64 [batch_size]: indices of the images of this step, counted from 0."""
        positions = np.arange(step * self._batch_size, (step + 1) * self._batch_size)
        epochs, places = positions // self._count, positions % self._count
        picks = np.empty(self._batch_size, dtype=np.int64)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            picks[chosen] = self._order(int(epoch))[places[chosen]]
        return picks

    def _shuffled(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self._seed, epoch]).permutation(self._count)
