import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.extractors.folds import fold_of


def test_folds_are_even_within_classes() -> None:
    labels = np.array([0] * 30 + [1] * 6)
    fold = fold_of(36, 3, seed=1, labels=labels)
    assert np.bincount(fold[labels == 0]).tolist() == [10, 10, 10]
    assert np.bincount(fold[labels == 1]).tolist() == [2, 2, 2]


def test_folds_are_seeded() -> None:
    np.testing.assert_array_equal(fold_of(50, 3, seed=1), fold_of(50, 3, seed=1))
    assert not np.array_equal(fold_of(50, 3, seed=1), fold_of(50, 3, seed=2))


def test_more_folds_than_images_are_refused() -> None:
    sentence = "2 images cannot be put into 3 folds; give at least one image per fold"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        fold_of(2, 3, seed=0)
