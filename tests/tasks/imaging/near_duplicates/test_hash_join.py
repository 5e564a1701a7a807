"""The join by bands, beside a comparison of every pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.imaging.near_duplicates import hash_join
from tasks.imaging.near_duplicates.hash_join import Counts, close_pairs, plan, plan_of, spread


def joined(join, queries, targets=None, counts=None):
    """All pairs of all choices, in the order in which they came; without targets those within one set."""
    found = []
    for number in range(len(join.choices)):
        close_pairs(
            join,
            number,
            queries,
            queries if targets is None else targets,
            lambda left, right: found.extend(zip(left.tolist(), right.tolist(), strict=True)),
            counts or Counts(),
            ascending(queries) if targets is None else None,
        )
    return found


def ascending(codes):
    """Each with all that come after it."""
    return np.arange(1, len(codes) + 1), np.full(len(codes), len(codes))


def every_comparison(queries, targets, radius_bits):
    distances = np.bitwise_count(queries[:, np.newaxis] ^ targets)
    return list(zip(*(axis.tolist() for axis in np.nonzero(distances <= radius_bits)), strict=True))


@st.composite
def clustered_codes(draw):
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5))
    steps = draw(st.lists(st.tuples(st.integers(0, 4), st.sets(st.integers(0, 63), max_size=9)), max_size=25))
    near = [centres[which % len(centres)] ^ sum(1 << bit for bit in bits) for which, bits in steps]
    return np.array([*centres, *near], np.uint64)


@settings(max_examples=40, deadline=None)
@given(clustered_codes(), st.integers(0, 15), st.integers(1, 2))
def test_pairs_within_one_set_are_those_of_every_comparison(codes, radius_bits, agreeing):
    found = joined(plan_of(radius_bits, agreeing), codes)
    assert sorted(found) == [(i, j) for i, j in every_comparison(codes, codes, radius_bits) if i < j]


@settings(max_examples=25, deadline=None)
@given(clustered_codes(), clustered_codes(), st.integers(0, 8), st.integers(1, 2))
def test_pairs_between_two_sets_are_those_of_every_comparison(queries, targets, radius_bits, agreeing):
    targets = np.concatenate([targets, queries[::2]])
    found = joined(plan_of(radius_bits, agreeing), queries, targets)
    assert sorted(found) == every_comparison(queries, targets, radius_bits)


@pytest.mark.parametrize("radius_bits", [4, 6, 8])
def test_the_plan_for_many_finds_the_same_among_thousands(radius_bits):
    rng = np.random.default_rng(radius_bits)
    centres = rng.integers(0, 2**64, 300, dtype=np.uint64)
    flips = [sum({1 << int(bit) for bit in rng.integers(0, 64, rng.integers(0, 10))}) for _ in range(1200)]
    codes = np.concatenate([centres, centres[rng.integers(0, 300, 1200)] ^ np.array(flips, np.uint64)])
    found = joined(plan(radius_bits, 1_000_000, 2_000_000), codes)
    assert sorted(found) == [(i, j) for i, j in every_comparison(codes, codes, radius_bits) if i < j]


def test_spreading_the_bits_keeps_distances():
    codes = np.random.default_rng(0).integers(0, 2**64, 50, dtype=np.uint64)
    before, after = (np.bitwise_count(some[:, np.newaxis] ^ some) for some in (codes, spread(codes)))
    assert np.array_equal(before, after)


def test_what_the_limits_cut_is_counted(monkeypatch):
    codes = np.full(200, 12345, np.uint64)
    for name, limit in (("_COMPARISONS", 10), ("_COMPARISONS_PER_QUERY", 10), ("_MANY_CHOICES", 1)):
        monkeypatch.setattr(hash_join, name, limit)
    counts = Counts()
    found = joined(plan_of(0, 1), codes, counts=counts)
    assert counts.comparisons_cut > 0
    assert len(found) + counts.comparisons_cut == 200 * 199 // 2


def test_close_pairs_beyond_the_limit_are_counted(monkeypatch):
    for name, limit in (("_CLOSE", 50), ("_CLOSE_PER_QUERY", 0), ("_MANY_CHOICES", 1)):
        monkeypatch.setattr(hash_join, name, limit)
    counts = Counts()
    found = joined(plan_of(0, 1), np.full(40, 7, np.uint64), counts=counts)
    assert (len(found), counts.close_cut) == (50, 40 * 39 // 2 - 50)


@settings(max_examples=25, deadline=None)
@given(clustered_codes(), st.integers(0, 8), st.integers(0, 2**32))
def test_with_a_window_a_query_meets_only_what_lies_in_it(codes, radius_bits, seed):
    first, after = np.random.default_rng(seed).integers(0, len(codes) + 1, (2, len(codes)))
    found = []
    targets = codes[::-1] ^ np.uint64(3)
    join = plan_of(radius_bits, 1)
    for number in range(len(join.choices)):
        close_pairs(
            join,
            number,
            codes,
            targets,
            lambda left, right: found.extend(zip(left.tolist(), right.tolist(), strict=True)),
            Counts(),
            (first, after),
        )
    expected = every_comparison(codes, targets, radius_bits)
    assert sorted(found) == [(i, j) for i, j in expected if first[i] <= j < after[i]]


@pytest.mark.parametrize("within", [True, False])
def test_blocks_of_queries_find_what_all_at_once_find(monkeypatch, within):
    codes = np.random.default_rng(0).integers(0, 2**10, 300, dtype=np.uint64)
    targets = None if within else codes[::-1].copy()
    expected = joined(plan_of(3, 1), codes, targets)
    monkeypatch.setattr(hash_join, "_QUERIES_AT_ONCE", 37)
    assert len(expected) > 1000
    assert sorted(joined(plan_of(3, 1), codes, targets)) == sorted(expected)


def test_a_portion_is_bounded(monkeypatch):
    monkeypatch.setattr(hash_join, "_PORTION", 64)
    sizes = []
    join = plan_of(0, 1)
    codes = np.zeros(50, np.uint64)
    close_pairs(join, 0, codes, codes, lambda left, _right: sizes.append(len(left)), Counts(), ascending(codes))
    assert max(sizes) <= 64
    assert sum(sizes) == 50 * 49 // 2
