import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.report.charts import BOTTOM, HEIGHT, LEFT, MAX_POINTS, TOP, WIDTH, compact, histogram, line_chart, nice_ticks

FINITE = st.floats(0, 1e9, allow_nan=False)


@given(st.lists(FINITE, min_size=1, max_size=50), st.lists(FINITE, max_size=50))
def test_histogram_bars_stay_inside_the_box(used, rejected):
    chart = histogram("size", {"used": np.array(used), "rejected": np.array(rejected, dtype=float)})
    assert all(bar.x >= LEFT - 0.1 and bar.x + bar.width <= WIDTH and bar.y >= TOP - 1.1 for bar in chart.bars)


def test_histogram_bars_are_as_high_as_their_counts():
    chart = histogram("size", {"used": np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0])})
    heights = [bar.height for bar in chart.bars]
    assert heights == pytest.approx([120.0, 120.0, 40.0], abs=0.01)


def test_kinds_are_stacked_on_one_another():
    low, high = histogram("size", {"used": np.full(3, 5.0), "rejected": np.full(1, 5.0)}).bars
    assert (low.y + low.height, high.y + high.height) == (HEIGHT - BOTTOM, low.y)


def test_a_long_tail_gets_a_logarithmic_axis():
    chart = histogram("sharpness", {"used": np.array([0.0, 10.0, 12.0, 100_000.0])})
    assert [tick.label for tick in chart.x_ticks] == ["10", "100", "1k", "10k", "100k"]


def test_a_logarithmic_axis_within_one_decade_is_labelled_at_its_ends():
    chart = histogram("sharpness", {"used": np.array([11.0, 11.0, 11.0, 95.0])})
    assert [tick.label for tick in chart.x_ticks] == ["11", "95"]


def test_values_that_are_all_the_same_are_labelled_once():
    chart = histogram("side", {"used": np.full(3, 400.0)})
    assert [tick.label for tick in chart.x_ticks] == ["400"]


@pytest.mark.parametrize("values", [[], [math.nan]], ids=["nothing", "no number"])
def test_there_is_no_histogram_without_values(values):
    assert histogram("size", {"used": np.array(values, dtype=float)}) is None


def test_the_alternative_text_of_a_histogram_says_what_it_shows():
    chart = histogram("file size, KiB", {"used": np.array([1.0, 2.0, 6.0])})
    assert chart.alt == "Histogram of file size, KiB: 3 images, from 1 to 6, median 2"


def test_points_that_are_not_finite_are_left_out_of_a_line():
    chart = line_chart("loss", {"d": [(0.0, 1.0), (1.0, math.nan), (2.0, 3.0)]}, "images")
    assert chart.lines[0][1].count(",") == 2


def test_a_long_line_is_thinned_but_keeps_its_ends():
    points = [(float(x), float(x)) for x in range(10_000)]
    path = line_chart("loss", {"d": points}, "images").lines[0][1]
    places = re.findall(r"[\d.]+,[\d.]+", path)
    assert (len(places), places[0], places[-1]) == (MAX_POINTS, f"{LEFT},{HEIGHT - BOTTOM}", "308.0,8.0")


def test_lines_without_points_are_left_out():
    chart = line_chart("share", {"recall": [(1.0, 0.5)], "precision": []}, "images")
    assert [name for name, _ in chart.lines] == ["recall"]


def test_there_is_no_chart_without_lines():
    assert line_chart("share", {"recall": []}, "images") is None


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_in_their_range_and_are_few(low, span):
    ticks = nice_ticks(low, low + span)
    assert 1 <= len(ticks) <= 7 and all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)


@pytest.mark.parametrize(("value", "text"), [(0.25, "0.25"), (80_000, "80k"), (1.5e6, "1.5M"), (-2000, "-2k")])
def test_tick_labels_are_short(value, text):
    assert compact(value) == text
