"""What holds for the overlap of any two sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.metrics.manifold import overlap

SEEDS = st.integers(0, 10_000)
COUNTS = st.tuples(st.integers(6, 50), st.integers(6, 50))


def pair(seed: int, counts: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second = (rng.normal(size=(n, 3)) for n in counts)
    return first, second + 0.5


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=COUNTS)
def test_precision_and_recall_swap_with_the_sets(seed: int, counts: tuple[int, int]) -> None:
    first, second = pair(seed, counts)
    one, other = overlap(first, second), overlap(second, first)
    assert (one.precision, one.recall) == (other.recall, other.precision)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=COUNTS)
def test_the_order_of_vectors_does_not_matter(seed: int, counts: tuple[int, int]) -> None:
    first, second = pair(seed, counts)
    assert overlap(first[::-1], np.roll(second, 3, axis=0)) == overlap(first, second)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=COUNTS, power=st.integers(-20, 20))
def test_the_scale_does_not_matter(seed: int, counts: tuple[int, int], power: int) -> None:
    first, second = pair(seed, counts)
    assert overlap(2.0**power * first, 2.0**power * second) == overlap(first, second)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, counts=COUNTS)
def test_larger_balls_overlap_no_less(seed: int, counts: tuple[int, int]) -> None:
    first, second = pair(seed, counts)
    small, large = overlap(first, second, k=2), overlap(first, second, k=5)
    assert large.precision >= small.precision
    assert large.recall >= small.recall
    assert large.coverage >= small.coverage


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, count=st.integers(7, 50))
def test_a_set_overlaps_fully_with_itself(seed: int, count: int) -> None:
    found = overlap(*[np.random.default_rng(seed).normal(size=(count, 3))] * 2)
    assert (found.precision, found.recall, found.coverage) == (1.0, 1.0, 1.0)
    # Every ball holds its k neighbours and its own centre.
    assert found.density == pytest.approx(6 / 5)
