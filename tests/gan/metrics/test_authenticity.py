import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics.authenticity import authenticity

RNG = np.random.default_rng(0)


def test_a_hand_computed_rate() -> None:
    # Nearest training of .4 is 0, whose nearest other is 1 away: not authentic. Of 1.5 it is 1, as far as 2 (the first
    # counts), 1 away: not authentic. Of 9 it is 4, whose nearest other is 2 away: authentic. 6 is 2 away: a tie.
    training = np.array([[0.0], [1.0], [2.0], [4.0]])
    found = authenticity(np.array([[0.4], [1.5], [9.0]]), np.array([[9.0], [6.0]]), training)
    assert found.synthetic_rate == pytest.approx(2 / 3)
    assert found.held_out_rate == 0.5
    assert found.excess_rate == pytest.approx(2 / 3 - 1 / 2)


def test_a_copier_has_all_of_the_excess() -> None:
    training = RNG.normal(size=(300, 6))
    found = authenticity(training[:100] + 1e-3, RNG.normal(size=(200, 6)), training)
    assert found.synthetic_rate == 1.0
    assert 0.2 < found.held_out_rate < 0.6
    assert found.excess_rate == 1.0 - found.held_out_rate


def test_images_of_the_same_distribution_have_no_excess() -> None:
    found = authenticity(*np.random.default_rng(1).normal(size=(3, 1000, 6)))
    assert abs(found.excess_rate) < 0.08
    low, high = found.interval()
    assert low < 0.0 < high


def test_images_far_from_all_training_images_are_authentic() -> None:
    found = authenticity(RNG.normal(size=(50, 6)) + 20.0, RNG.normal(size=(50, 6)), RNG.normal(size=(300, 6)))
    assert found.synthetic_rate == 0.0
    assert found.excess_rate < 0.0


def test_one_training_vector_is_refused() -> None:
    sentence = "features have shape (1, 3); authenticity needs [N, D] with N of at least 2"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        authenticity(np.eye(3), np.eye(3), np.ones((1, 3)))


def test_an_extractor_that_tells_nothing_apart_is_refused() -> None:
    sentence = "all 5 real feature vectors are equal, so authenticity would say nothing; use another extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        authenticity(np.eye(3), np.eye(3), np.ones((5, 3)))


def test_features_of_different_extractors_are_refused() -> None:
    sentence = "features of 4 and of 3 numbers cannot be compared; measure both sets with the same extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        authenticity(np.eye(4), np.eye(3), np.eye(3))


@pytest.mark.parametrize("empty", [0, 1], ids=["synthetic", "held out"])
def test_a_set_without_vectors_is_refused(empty: int) -> None:
    sets = [np.eye(3)[:0] if place == empty else np.eye(3) for place in range(2)]
    sentence = "features have shape (0, 3); authenticity needs [N, D] with N of at least 1"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        authenticity(*sets, np.eye(3))


def test_one_image_of_each_is_enough_and_a_tie_is_not_authentic() -> None:
    found = authenticity(np.array([[3.0]]), np.array([[-1.0]]), np.array([[0.0], [1.0], [2.0]]))
    assert (found.synthetic_rate, found.held_out_rate) == (1.0, 1.0)
