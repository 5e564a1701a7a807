"""Tables that benchmarks print are found again as they were, and cells give the numbers that they begin with."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tables import Table, markdown, number_in, tables_in

CELLS = st.text(st.sampled_from(string.ascii_letters + string.digits + " .,|-%°µ"), max_size=12).map(str.strip)


@st.composite
def made_up(draw):
    count = draw(st.integers(1, 5))
    row = st.tuples(*[CELLS] * count)
    return Table(title=draw(st.sampled_from(["", "1,000 images"])), columns=draw(row), rows=tuple(draw(st.lists(row))))


@given(st.lists(made_up(), max_size=3))
def test_rendered_tables_are_found_again(tables):
    named = [
        table.model_copy(update={"title": f"{number}. {table.title}".strip()}) for number, table in enumerate(tables)
    ]
    text = "\n\n".join(f"## {table.title}\n\n{markdown(table.columns, table.rows)}" for table in named)
    assert tables_in(text) == tuple(named)


@given(st.text(alphabet="|-: \n\\a1", max_size=60))
def test_any_text_is_taken(text):
    for table in tables_in(text):
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_what_stands_around_tables_is_left():
    text = (
        "progress\n\ncosts\n| a | b |\n|---|---:|\n| x | 1 |\n| y |\n\n12 CPU seconds\n| c |\n|:-:|\n| no row\n| z |\n"
    )
    assert tables_in(text) == (
        Table(title="costs", columns=("a", "b"), rows=(("x", "1"), ("y", ""))),
        Table(title="12 CPU seconds", columns=("c",), rows=()),
    )


def test_tables_below_one_line_are_numbered():
    titles = [table.title for table in tables_in("costs\n| a |\n|---|\n\n| a |\n|---|\n")]
    assert titles == ["costs", "costs (2)"]


@pytest.mark.parametrize(
    ("cell", "number", "half_a_unit"),
    [
        ("2,380", 2380, 0.5),
        ("+1.20", 1.2, 0.005),
        ("−0.5", -0.5, 0.05),
        ("97 %", 97, 0.5),
        ("97%", 97, 0.5),
        ("3.0 (2.9 to 3.1)", 3.0, 0.05),
        ("12 of 100", 12, 0.5),
    ],
)
def test_numbers_of_cells(cell, number, half_a_unit):
    assert number_in(cell) == pytest.approx((number, half_a_unit))


@pytest.mark.parametrize("cell", ["", "none", "28x28 grey", "1.2.3", "over 300 s", "v2", "256px"])
def test_cells_without_a_number(cell):
    assert number_in(cell) is None
