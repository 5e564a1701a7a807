"""Clipping of outlying levels."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import ValidationError

from tasks.imaging.operations.percentiles import ClipPercentilesSettings, clip_percentiles, level_counts, percentile

IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3])))


@given(IMAGES, st.floats(0, 100))
def test_percentiles_are_those_of_numpy(image: np.ndarray, percent: float) -> None:
    ours = percentile(level_counts(image), percent)
    near = [np.percentile(image, np.clip(percent + step, 0, 100), method="inverted_cdf") for step in (-1e-6, 1e-6)]
    assert near[0] <= ours <= near[1]


@given(IMAGES, st.floats(0, 40), st.floats(60, 100))
def test_clipping_again_changes_nothing(image: np.ndarray, low: float, high: float) -> None:
    settings = ClipPercentilesSettings(low_percent=low, high_percent=high)
    once = clip_percentiles(image, settings)
    assert np.array_equal(clip_percentiles(once, settings), once)


def test_few_outliers_are_clipped_and_all_else_stays() -> None:
    image = np.random.default_rng(0).integers(100, 121, (50, 50, 1), dtype=np.uint8)
    clean = image.copy()
    image[0, :5], image[1, :5] = 255, 0
    result = clip_percentiles(image, ClipPercentilesSettings())
    assert (result.min(), result.max()) == (100, 120)
    assert np.array_equal(result[2:], clean[2:])


def test_stretched_levels_reach_from_black_to_white() -> None:
    image = np.arange(100, 150, dtype=np.uint8).reshape(5, 10, 1)
    result = clip_percentiles(image, ClipPercentilesSettings(low_percent=0, high_percent=100, stretch=True))
    assert result.ravel()[[0, 7, -1]].tolist() == [0, 36, 255]


def test_percentiles_the_wrong_way_around_are_refused() -> None:
    sentence = "low_percent 60 is not below high_percent 40; give a lower and a higher percentile"
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        ClipPercentilesSettings(low_percent=60, high_percent=40)
