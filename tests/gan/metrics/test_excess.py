import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics.excess import excess


def test_both_rates_and_their_difference() -> None:
    found = excess(np.arange(10) < 7, np.arange(20) < 4)
    assert (found.synthetic_rate, found.held_out_rate, found.n_synthetic, found.n_held_out) == (0.7, 0.2, 10, 20)
    assert found.excess_rate == pytest.approx(0.5)


def test_the_interval_is_that_of_newcombe() -> None:
    # His table II, case a: 56 of 70 against 48 of 80.
    low, high = excess(np.arange(70) < 56, np.arange(80) < 48).interval()
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_no_event_in_either_has_an_interval_around_zero() -> None:
    low, high = excess(np.zeros(50, dtype=bool), np.zeros(50, dtype=bool)).interval()
    assert -0.1 < low < 0.0 < high < 0.1


def test_an_empty_set_is_refused() -> None:
    sentence = "0 synthetic and 3 held-out images have no rates to compare"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        excess(np.zeros(0, dtype=bool), np.zeros(3, dtype=bool))


def test_no_interval_reaches_beyond_all_or_nothing() -> None:
    sizes = [(n, m) for n in range(1, 30) for m in range(1, 30)]
    for none, every in ((np.zeros(n, dtype=bool), np.ones(m, dtype=bool)) for n, m in sizes):
        assert excess(none, every).interval()[0] == -1.0
        assert excess(every, none).interval()[1] == 1.0
