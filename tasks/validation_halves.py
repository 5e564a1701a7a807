"""Validation has two halves: snapshots are selected on one, gates decide on the other."""

import hashlib
from collections.abc import Sequence

import numpy as np


def validation_halves(ids: Sequence[str], labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Ids and labels int [N] of validation -> indices int64 of the select half and of the gate half, each sorted.

    Within each class the images are ranked by a hash of their id and dealt out in turn, so that both halves have
    every class that has two images.
    """
    classes = np.zeros(len(ids), dtype=np.int64) if labels is None else labels
    ranks = np.array([hashlib.sha256(f"half {name}".encode()).hexdigest() for name in ids])
    order = np.lexsort((ranks, classes))
    return np.sort(order[0::2]), np.sort(order[1::2])


def half_sizes(count: int) -> tuple[int, int]:
    """How many of so many validation images are in the select half and in the gate half."""
    return (count + 1) // 2, count // 2
