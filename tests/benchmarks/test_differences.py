"""Which figures of two tables count as different."""

import pytest

from benchmarks.differences import Change, all_differences, differences, differs
from benchmarks.tables import Table


def table(*rows, columns=("images", "search", "CPU s", "load"), title="costs"):
    return Table(title=title, columns=columns, rows=rows)


def test_figures_beyond_the_threshold_are_changes():
    before = table(("1,000", "whole", "10.0", "1.0"), ("1,000", "edited", "7.0", "1.0"))
    now = table(("1,000", "whole", "20.0", "9.0"), ("1,000", "edited", "7.5", "9.0"))
    found = differences(before, now, 0.15)
    assert found.changes == (Change("costs", "1,000 / whole", "CPU s", "10.0", "20.0", 2.0),)
    assert (found.compared, found.only_before, found.only_now) == (2, (), ())


def test_rows_that_one_alone_has_are_named():
    before = table(("1,000", "whole", "10.0", ""), ("1,000", "edited", "7.0", ""))
    now = table(("1,000", "whole", "10.0", ""), ("2,000", "whole", "7.0", ""))
    found = differences(before, now, 0.15)
    assert found.only_before == ("row “1,000 / edited” of “costs”",)
    assert found.only_now == ("row “2,000 / whole” of “costs”",)
    assert found.compared == 1


def test_tables_and_columns_that_one_alone_has():
    before = [table(("1", "2"), columns=("a", "b")), table(title="gone", columns=("d",))]
    now = [table(("1", "2", "3"), columns=("a", "b", "c")), table(title="new", columns=("e",))]
    found = all_differences(before, now, 0.15)
    assert (found.only_before, found.only_now) == (("table “gone”",), ("table “new”", "column “c” of “costs”"))
    assert (found.compared, found.changes) == (1, ())


def test_tables_whose_titles_hold_figures_are_matched_by_their_columns():
    before = [table(("1", "x", "2.0", ""), title="rejected: 14"), table(title="kept")]
    now = [table(title="kept"), table(("1", "x", "3.0", ""), title="rejected: 15")]
    found = all_differences(before, now, 0.15)
    assert [(change.table, change.times) for change in found.changes] == [("rejected: 14", 1.5)]
    assert (found.only_before, found.only_now) == ((), ())


def test_rows_are_named_by_numbers_ahead_of_texts_and_never_by_figures():
    columns = ("vectors", "numbers", "metric", "CPU s")
    before = table(("10", "64", "kernel", "1.0"), ("10", "2,048", "kernel", "8.0"), columns=columns)
    now = table(("10", "64", "kernel", "1.0"), ("10", "2,048", "kernel", "4.0"), columns=columns)
    assert [change.row for change in differences(before, now, 0.15).changes] == ["10 / kernel / 2,048"]
    plain = ("operation", "CPU s", "MiB")
    before = table(("a", "1.0", "5"), ("part", "0.1", ""), ("b", "2.0", "6"), ("part", "0.5", ""), columns=plain)
    now = table(("a", "1.0", "5"), ("part", "0.1", ""), ("b", "2.0", "6"), ("part", "0.9", ""), columns=plain)
    found = differences(before, now, 0.15)
    assert [(change.row, change.now) for change in found.changes] == [("part / 2", "0.9")]
    assert (found.only_before, found.only_now) == ((), ())


def test_rows_of_one_name_are_told_apart_by_their_order():
    same = ("x", "y", "1.0", "")
    found = differences(table(same, same), table(same, ("x", "y", "9.0", "")), 0.15)
    assert [change.row for change in found.changes] == ["x / y / 2"]


def test_texts_that_changed_are_told_with_both():
    columns = ("generator", "refused by", "refused")
    before = table(("noise", "recall", "1 of 1"), ("blur", "none", "0 of 1"), columns=columns)
    now = table(("noise", "recall, precision", "1 of 1"), ("blur", "none", "0 of 1"), columns=columns)
    (change,) = differences(before, now, 0.15).changes
    assert change == Change("costs", "noise", "refused by", "recall", "recall, precision", None)


@pytest.mark.parametrize(
    ("before", "now", "different"),
    [
        ("10.0", "11.4", False),
        ("10.0", "11.7", True),
        ("10.0", "8.8", False),
        ("10.0", "8.5", True),
        ("0.1", "0.2", False),
        ("0.1", "0.3", True),
        ("0.0", "0.1", False),
        ("0", "3", True),
        ("0", "0", False),
        ("+1.0", "-1.0", True),
        ("-10.0", "-11.0", False),
        ("-10.0", "-13.0", True),
        ("97 %", "96 %", False),
        ("none", "none", False),
        ("none", "recall", True),
        ("1.0", "failed (1)", True),
        ("", "1.0", True),
    ],
)
def test_rounding_is_no_difference(before, now, different):
    assert differs(before, now, 0.15) is different
    assert differs(now, before, 0.15) is different
