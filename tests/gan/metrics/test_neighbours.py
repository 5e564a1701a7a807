import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from datasets.errors import BadInput
from gan.metrics import neighbours
from gan.metrics.neighbours import nearest

RNG = np.random.default_rng(0)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.tuples(st.integers(1, 60), st.integers(3, 60), st.integers(1, 9)),
    grid=st.booleans(),
    single=st.booleans(),
)
def test_equals_a_sort_of_every_distance(seed: int, sizes: tuple[int, int, int], grid: bool, single: bool) -> None:
    rng, (n, m, size) = np.random.default_rng(seed), sizes
    queries, points = rng.normal(3.0, 1.0, size=(n, size)), rng.normal(3.0, 1.0, size=(m, size))
    if grid:  # many ties, many equal vectors
        queries, points = np.round(queries), np.round(points)
    if single:
        queries, points = queries.astype(np.float32), points.astype(np.float32)
    squared = cdist(queries, points, "sqeuclidean")
    wanted = np.argsort(squared, axis=1, kind="stable")[:, :3]
    found = nearest(queries, points, 3)
    np.testing.assert_allclose(found.squared, np.take_along_axis(squared, wanted, axis=1), rtol=1e-9)
    if grid:
        np.testing.assert_array_equal(found.index, wanted)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_blocks_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch, scale: float) -> None:
    queries, points = scale * RNG.normal(size=(90, 5)), scale * RNG.normal(size=(70, 5))
    whole = nearest(queries, points, 4)
    monkeypatch.setattr(neighbours, "_TILE_ROWS", 7)
    monkeypatch.setattr(neighbours, "_TILE_COLUMNS", 11)
    monkeypatch.setattr(neighbours, "_PAIR_NUMBERS", 15)
    parts = nearest(queries, points, 4)
    np.testing.assert_array_equal(parts.index, whole.index)
    np.testing.assert_array_equal(parts.squared, whole.squared)


def test_a_query_that_is_a_point_finds_itself_at_exactly_zero() -> None:
    points = RNG.normal(1e6, 1.0, size=(50, 300)).astype(np.float32)
    found = nearest(points, points)
    np.testing.assert_array_equal(found.index[:, 0], np.arange(50))
    np.testing.assert_array_equal(found.distance[:, 0], np.zeros(50))


def test_vectors_that_differ_by_less_than_single_precision_are_told_apart() -> None:
    points = np.repeat(RNG.normal(size=(1, 8)), 20, axis=0)
    points[:, 0] = 1.0 + 2.0**-40 * np.arange(20)
    far = np.full((1, 8), 1e3)
    found = nearest(points, np.concatenate([points, far]), 2)
    np.testing.assert_array_equal(found.index[:, 0], np.arange(20))
    np.testing.assert_array_equal(found.index[1:, 1], np.arange(19))


def test_more_neighbours_than_points_are_refused() -> None:
    with pytest.raises(BadInput, match=re.escape("4 neighbours were asked of 3 vectors; ask for 1 to 3")):
        nearest(np.eye(3), np.eye(3), 4)


def test_squares_that_single_precision_loses_are_told_apart() -> None:
    """Beside vectors at 1e18 on both sides the others are at 1e-36 of their squares."""
    points = np.concatenate([[[1e18] * 3, [-1e18] * 3], RNG.normal(size=(60, 3))])
    squared = cdist(points, points, "sqeuclidean")
    np.testing.assert_array_equal(nearest(points, points, 2).index[2:], np.argsort(squared, axis=1)[2:, :2])


def test_of_equal_vectors_the_first_is_the_one_nearest() -> None:
    found = nearest(np.ones((3, 2)), np.ones((5, 2)))
    np.testing.assert_array_equal(found.index, np.zeros((3, 1)))
    np.testing.assert_array_equal(found.squared, np.zeros((3, 1)))
