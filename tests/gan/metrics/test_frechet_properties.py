"""What holds for a Frechet distance of any two sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from gan.metrics.frechet import frechet_distance, statistics

SEEDS = st.integers(0, 10_000)
COUNTS = st.integers(2, 40)
SIZES = st.integers(1, 20)


def pair(seed: int, counts: tuple[int, int], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated vectors, in fewer directions than numbers where there are few of them."""
    rng = np.random.default_rng(seed)
    mixes = rng.normal(size=(2, size, size))
    first, second = (rng.normal(size=(n, size)) @ mix for n, mix in zip(counts, mixes, strict=True))
    return first, second + rng.normal(size=size)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return frechet_distance(statistics(first), statistics(second))


def spread(*sets: np.ndarray) -> float:
    """What rounding is relative to."""
    return float(sum(np.square(rows).sum(axis=1).mean() for rows in sets))


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=st.tuples(COUNTS, COUNTS), size=SIZES)
def test_a_set_is_at_zero_from_itself(seed: int, counts: tuple[int, int], size: int) -> None:
    first, _ = pair(seed, counts, size)
    assert 0.0 <= distance(first, first) < 1e-10 * spread(first)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=st.tuples(COUNTS, COUNTS), size=SIZES)
def test_it_is_symmetric(seed: int, counts: tuple[int, int], size: int) -> None:
    first, second = pair(seed, counts, size)
    assert distance(first, second) == pytest.approx(
        distance(second, first), rel=1e-9, abs=1e-10 * spread(first, second)
    )


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=st.tuples(COUNTS, COUNTS), size=SIZES)
def test_turning_and_shifting_both_changes_nothing(seed: int, counts: tuple[int, int], size: int) -> None:
    first, second = pair(seed, counts, size)
    rng = np.random.default_rng(seed + 1)
    turn, shift = linalg.qr(rng.normal(size=(size, size)))[0], rng.normal(size=size)
    moved = distance(first @ turn + shift, second @ turn + shift)
    assert moved == pytest.approx(distance(first, second), rel=1e-6, abs=1e-9 * spread(first, second))


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=st.tuples(COUNTS, COUNTS), size=SIZES, scale=st.floats(1e-6, 1e6))
def test_it_grows_with_the_square_of_the_scale(seed: int, counts: tuple[int, int], size: int, scale: float) -> None:
    first, second = pair(seed, counts, size)
    wanted = scale**2 * distance(first, second)
    assert distance(scale * first, scale * second) == pytest.approx(
        wanted, rel=1e-6, abs=1e-9 * scale**2 * spread(first, second)
    )


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=st.tuples(COUNTS, COUNTS), size=SIZES)
def test_the_order_of_vectors_does_not_matter(seed: int, counts: tuple[int, int], size: int) -> None:
    first, second = pair(seed, counts, size)
    assert distance(first[::-1], second) == pytest.approx(
        distance(first, second), rel=1e-8, abs=1e-10 * spread(first, second)
    )


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, size=st.integers(2, 12))
def test_a_shift_of_one_alone_adds_its_square(seed: int, size: int) -> None:
    first, _ = pair(seed, (60, 60), size)
    shift = np.random.default_rng(seed).normal(size=size)
    assert distance(first + shift, first) == pytest.approx(shift @ shift, rel=1e-6)
