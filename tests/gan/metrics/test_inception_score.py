import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.metrics.inception_score import inception_score


def test_sure_of_every_class_is_the_number_of_classes() -> None:
    found = inception_score(np.eye(5)[np.arange(100) % 5], seed=0, splits=1)
    assert found.value == pytest.approx(5.0, rel=1e-12)
    assert (found.standard_deviation, found.splits, found.n) == (0.0, 1, 100)


@pytest.mark.parametrize("row", [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], ids=["one class", "unsure"])
def test_images_that_are_all_alike_score_one(row: list[float]) -> None:
    assert inception_score(np.array([row] * 40), seed=0).value == pytest.approx(1.0, rel=1e-12)


def test_a_hand_computed_score() -> None:
    # p(y) = (.5, .5); each row diverges from it by .9 ln 1.8 + .1 ln .2.
    rows = np.array([[0.9, 0.1], [0.1, 0.9]])
    wanted = np.exp(0.9 * np.log(1.8) + 0.1 * np.log(0.2))
    assert inception_score(rows, seed=0, splits=1).value == pytest.approx(wanted, rel=1e-12)


def test_rows_sorted_by_class_are_put_in_random_order_first() -> None:
    found = inception_score(np.eye(4)[np.repeat(np.arange(4), 250)], seed=0, splits=4)
    assert found.value > 3.9


def test_it_is_seeded() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(5), size=60)
    assert len({inception_score(rows, seed=seed).value for seed in (1, 1, 2)}) == 2


def test_too_few_rows_are_refused() -> None:
    sentence = "probabilities have shape (19, 4); 10 parts of an Inception score need [N, K] with N of at least 20"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        inception_score(np.full((19, 4), 0.25), seed=0)


@pytest.mark.parametrize("row", [[np.nan, 0.5], [1.5, -0.5], [0.5, 0.4]], ids=["nan", "negative", "sum"])
def test_rows_that_are_no_probabilities_are_refused(row: list[float]) -> None:
    rows = np.full((20, 2), 0.5)
    rows[3] = row
    sentence = "1 of 20 rows are no probabilities: not finite, negative or not of sum 1"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        inception_score(rows, seed=0)


def test_float32_is_measured_in_float64() -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(5), size=60).astype(np.float32)
    wanted = inception_score(rows.astype(np.float64), seed=0)
    assert inception_score(rows, seed=0).value == pytest.approx(wanted.value, rel=1e-12)


def test_a_seed_gives_what_it_has_always_given() -> None:
    rows = np.arange(1.0, 121.0).reshape(40, 3) ** 2
    found = inception_score(rows / rows.sum(axis=1, keepdims=True), seed=3)
    assert (found.value, found.standard_deviation) == pytest.approx((1.00500746, 0.01315869), rel=1e-6)


@pytest.mark.parametrize(("shape", "splits"), [((60,), 10), ((60, 3), 0)], ids=["no rows", "no parts"])
def test_what_has_no_parts_is_refused(shape: tuple[int, ...], splits: int) -> None:
    sentence = (
        f"probabilities have shape {shape}; {splits} parts of an Inception score need [N, K] with N of at least "
        f"{2 * splits}"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        inception_score(np.ones(shape), seed=0, splits=splits)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([[0.5, 0.5], [1.0]], "probabilities are lists of unequal length; give an array of numbers"),
        ([["a", "b"]] * 4, "probabilities are of type <U1; give an array of numbers"),
    ],
)
def test_what_are_no_numbers_is_refused(given, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        inception_score(given, seed=0, splits=1)
