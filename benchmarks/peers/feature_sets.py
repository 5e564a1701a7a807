"""Seeded feature sets that our tests and the peers' programs make alike. NumPy only."""

from collections.abc import Callable

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]  # synthetic [N, D], real [M, D], float64


def full_rank() -> Pair:
    """More vectors than numbers, covariances that do not commute."""
    rng = np.random.default_rng(101)
    turn, other = rng.normal(size=(2, 32, 32)) / 6
    return rng.normal(size=(600, 32)) @ turn + 0.3, rng.normal(size=(500, 32)) @ other


def fewer_than_numbers() -> Pair:
    """12 vectors of 24 numbers: covariances of rank 11."""
    rng = np.random.default_rng(102)
    return 1.5 * rng.normal(size=(12, 24)) + 0.5, rng.normal(size=(12, 24))


def few_and_large() -> Pair:
    """The same with numbers a thousand times as large, as of an extractor that scales nothing."""
    synthetic, real = fewer_than_numbers()
    return 1000.0 * synthetic, 1000.0 * real


def equal() -> Pair:
    """The same 300 vectors twice."""
    features = np.random.default_rng(103).normal(size=(300, 16))
    return features, features


def equal_and_few() -> Pair:
    """The same 20 vectors of 64 numbers twice."""
    features = np.random.default_rng(104).normal(size=(20, 64))
    return features, features


def wide() -> Pair:
    """500 vectors of 2048 numbers, some directions a hundred times as long as others, none below 0, as of Inception."""
    rng = np.random.default_rng(105)
    lengths = np.geomspace(1.0, 0.01, 2048)
    return np.abs(rng.normal(size=(500, 2048))) * lengths, np.abs(rng.normal(size=(500, 2048)) + 0.2) * lengths


def whole_numbers() -> Pair:
    """Points of a grid, so that many distances are equal to a radius."""
    rng = np.random.default_rng(106)
    return rng.integers(0, 4, size=(200, 4)).astype(np.float64), rng.integers(0, 4, size=(250, 4)).astype(np.float64)


def two_repeated() -> Pair:
    """Two vectors, each thirty times: every radius is 0."""
    features = np.repeat(np.random.default_rng(107).normal(size=(2, 8)), 30, axis=0)
    return features, features


def large(count: int, size: int, seed: int, shift: float) -> np.ndarray:
    """float32 [count, size], made in blocks: none below 0, lengths from 1 to 0.01."""
    rng, lengths = np.random.default_rng(seed), np.geomspace(1.0, 0.01, size)
    rows = np.empty((count, size), dtype=np.float32)
    for block in np.array_split(rows, max(1, count // 1000)):
        block[:] = np.abs(rng.normal(size=block.shape) + shift) * lengths
    return rows


def logits() -> np.ndarray:
    """float64 [400, 10]: what a classifier says of 400 images before the softmax."""
    return 2.0 * np.random.default_rng(108).normal(size=(400, 10))


FRECHET: dict[str, Callable[[], Pair]] = {
    made.__name__: made for made in (full_rank, fewer_than_numbers, few_and_large, equal, equal_and_few, wide)
}
KERNEL: dict[str, Callable[[], Pair]] = {made.__name__: made for made in (full_rank, wide, whole_numbers)}
OVERLAP: dict[str, Callable[[], Pair]] = {
    made.__name__: made for made in (full_rank, wide, whole_numbers, two_repeated)
}
