import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.report.picks import pick, pick_rows, value_counts, where


@given(st.integers(0, 500), st.integers(0, 60), st.integers(0, 2**31 - 1))
def test_picks_are_different_positions_in_order(count, wanted, seed):
    picked = pick(count, wanted, seed, "test").tolist()
    assert len(picked) == min(count, wanted) and picked == sorted(set(picked)) and set(picked) <= set(range(count))


def test_the_same_seed_and_purpose_pick_the_same():
    assert pick(1000, 10, 4, "rejects").tolist() == pick(1000, 10, 4, "rejects").tolist()


def test_other_purposes_pick_others():
    assert pick(1000, 10, 4, "rejects").tolist() != pick(1000, 10, 4, "samples").tolist()


def test_picked_rows_are_rows_of_the_table():
    assert pick_rows(pa.table({"a": [1, 2]}), 5, 0, "test") == [{"a": 1}, {"a": 2}]


def test_where_keeps_the_rows_with_one_of_the_values():
    table = pa.table({"a": ["x", None, "y", "z"]})
    assert where(table, "a", ["x", "z"])["a"].to_pylist() == ["x", "z"]


def test_value_counts_are_ordered_by_count_then_name_without_nulls():
    table = pa.table({"a": ["b", "a", None, "c", "c"]})
    assert list(value_counts(table, "a").items()) == [("c", 2), ("a", 1), ("b", 1)]
