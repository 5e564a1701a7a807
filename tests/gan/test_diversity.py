import numpy as np
import pytest

from gan.metrics.diversity import class_spread, relative_spread, relative_spreads, within_class_spread

SQUARE = np.array([[0.0, 0.0], [2.0, 0.0], [10.0, 0.0], [12.0, 0.0]])


def test_spread_is_taken_within_classes() -> None:
    assert within_class_spread(SQUARE, np.array([0, 0, 1, 1])) == pytest.approx(1.0)


def test_without_labels_all_are_one_class() -> None:
    assert within_class_spread(SQUARE, None) == pytest.approx(np.sqrt(26.0))


def test_one_image_per_class_has_no_spread() -> None:
    assert within_class_spread(np.repeat(SQUARE, 5, axis=0), np.repeat(np.arange(4), 5)) == 0.0


@pytest.mark.parametrize(
    ("synthetic", "real", "wanted"), [(1.0, 2.0, 0.5), (0.0, 0.0, 1.0), (1.0, 0.0, np.inf)], ids=str
)
def test_relative_spread(synthetic: float, real: float, wanted: float) -> None:
    assert relative_spread(synthetic, real) == wanted


def test_spread_of_each_class_is_over_one_less_than_its_vectors() -> None:
    found = class_spread(SQUARE, np.array([0, 0, 1, 3]), class_count=4)
    assert found.n_per_class == (2, 1, 0, 1)
    np.testing.assert_allclose(found.per_class, [np.sqrt(2.0), np.nan, np.nan, np.nan])


def test_relative_spreads_are_nan_where_either_side_has_one_vector() -> None:
    synthetic = class_spread(SQUARE, np.array([0, 0, 1, 1]), class_count=2)
    real = class_spread(2 * SQUARE, np.array([0, 0, 0, 1]), class_count=2)
    ratios = relative_spreads(synthetic, real)
    assert ratios[0] < 0.5
    assert np.isnan(ratios[1])
