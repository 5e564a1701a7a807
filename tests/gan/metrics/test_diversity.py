import numpy as np
import pytest

from datasets.errors import BadInput
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


def test_without_labels_there_is_one_spread() -> None:
    assert class_spread(SQUARE, None, class_count=2).n_per_class == (4,)


def test_each_spread_is_over_one_less_than_its_vectors_and_float32_far_from_zero_keeps_its_digits() -> None:
    members = (1000.0 + np.random.default_rng(0).normal(size=(50, 3))).astype(np.float32)
    deviations = members.astype(np.float64) - members.astype(np.float64).mean(axis=0)
    (found,) = class_spread(members, None, class_count=1).per_class
    assert found == pytest.approx(np.sqrt(np.sum(deviations**2) / 49), rel=1e-12)
    assert within_class_spread(members, None) == pytest.approx(np.sqrt(np.sum(deviations**2) / 50), rel=1e-12)


def test_a_spread_that_is_not_known_has_no_ratio_to_none() -> None:
    one, equal = class_spread(SQUARE[:1], None, class_count=1), class_spread(np.ones((2, 2)), None, class_count=1)
    assert np.isnan(relative_spreads(one, equal)[0])


def test_other_classes_have_no_ratios() -> None:
    labels = np.array([0, 0, 1, 1])
    sentence = (
        "^spreads of 2 and of 3 classes cannot be compared; give labels of the same classes to both, or to neither$"
    )
    with pytest.raises(BadInput, match=sentence):
        relative_spreads(class_spread(SQUARE, labels, class_count=2), class_spread(SQUARE, labels, class_count=3))


@pytest.mark.parametrize("spread", [within_class_spread, lambda rows, labels: class_spread(rows, labels, 2)])
def test_labels_of_another_length_are_refused(spread) -> None:
    with pytest.raises(BadInput, match=r"^4 feature vectors have 3 labels; give one for each$"):
        spread(SQUARE, np.array([0, 0, 1]))
