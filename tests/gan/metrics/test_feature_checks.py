import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics import feature_checks
from gan.metrics.feature_checks import check_not_constant, feature_rows, row_blocks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_as_they_are(dtype: type) -> None:
    rows = np.ones((2, 3), dtype=dtype)
    assert feature_rows(rows, at_least=2, what="this") is rows


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, bool])
def test_other_numbers_become_float64(dtype: type) -> None:
    found = feature_rows(np.array([[0, 1], [1, 1]], dtype=dtype), at_least=2, what="this")
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [[0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 0), (2, 3, 1)], ids=str)
def test_what_are_no_rows_is_refused(shape: tuple[int, ...]) -> None:
    sentence = f"features have shape {shape}; this needs [N, D] with N of at least 2"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        feature_rows(np.ones(shape), at_least=2, what="this")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([[1.0, 2.0], [3.0]], "features are lists of unequal length; give an array of numbers"),
        ([["1", "2"], ["3", "4"]], "features are of type <U1; give an array of numbers"),
        ([[1.0, None], [3.0, 4.0]], "features are of type object; give an array of numbers"),
        (np.ones((2, 2), complex), "features are of type complex128; give an array of numbers"),
    ],
    ids=["ragged", "texts", "objects", "complex"],
)
def test_what_are_no_numbers_is_refused(given, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        feature_rows(given, at_least=1, what="this")


def test_rows_that_are_not_finite_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_checks, "_BLOCK_NUMBERS", 4)
    rows = np.ones((7, 2))
    rows[0], rows[5, 1], rows[6, 0], rows[1, 1] = np.nan, np.inf, -np.inf, -1e200
    sentence = "4 of 7 feature vectors are not finite or beyond 1e+38; look at what the extractor was given"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        feature_rows(rows, at_least=2, what="this")


def test_one_vector_that_differs_in_one_number_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_checks, "_BLOCK_NUMBERS", 4)
    rows = np.ones((7, 2))
    rows[6, 1] = 2.0
    check_not_constant(rows, "this")
    sentence = "all 6 real feature vectors are equal, so this would say nothing; use another extractor"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_not_constant(rows[:6], "this")


@pytest.mark.parametrize(("numbers", "sizes"), [(1, [1] * 7), (4, [2, 2, 2, 1]), (5, [2, 2, 2, 1]), (14, [7])])
def test_blocks_hold_so_many_numbers_and_one_row_at_least(
    monkeypatch: pytest.MonkeyPatch, numbers: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(feature_checks, "_BLOCK_NUMBERS", numbers)
    rows = np.arange(14.0).reshape(7, 2)
    found = list(row_blocks(rows))
    assert [len(block) for _, block in found] == sizes
    np.testing.assert_array_equal(np.concatenate([block for _, block in found]), rows)
    assert all(np.array_equal(rows[part], block) for part, block in found)
