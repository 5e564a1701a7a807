"""Penalties of a discriminator whose gradient is known: D(x) = sum a x + sum b x^2 / 2, so grad D(x) = a + b x."""

import numpy as np
import pytest
import tensorflow as tf

from gan.objective_settings import PenaltyKind, PenaltyOrder
from gan.penalties import exact_penalty, first_order_penalty, interpolated, is_due, unit_slope_penalty
from gan.penalty_terms import penalty_term

RNG = np.random.default_rng(5)
SHAPE = (3, 4, 4, 2)
REAL, FAKE = RNG.normal(size=SHAPE), RNG.normal(size=SHAPE)
SLOPE, CURVE = 0.3 * RNG.normal(size=SHAPE[1:]), 0.2 * RNG.normal(size=SHAPE[1:])
NOISE = 0.05 * RNG.normal(size=(2, *SHAPE))
SHARES = RNG.uniform(size=3)


def score(images: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> np.ndarray:
    return (slope * images + curve * images**2 / 2).sum(axis=(1, 2, 3))


def squares(images: np.ndarray, slope: np.ndarray, curve: np.ndarray) -> np.ndarray:
    return ((slope + curve * images) ** 2).sum(axis=(1, 2, 3))


def wanted(kind: PenaltyKind, order: PenaltyOrder, slope: np.ndarray, curve: np.ndarray) -> float:
    """By formula, in NumPy."""
    if kind == "gradient_penalty":
        between = SHARES[:, None, None, None] * REAL + (1 - SHARES[:, None, None, None]) * FAKE
        return float(((np.sqrt(squares(between, slope, curve)) - 1) ** 2).mean())
    halves = {"r1": [(REAL, NOISE[0])], "r2": [(FAKE, NOISE[1])], "r1_r2": [(REAL, NOISE[0]), (FAKE, NOISE[1])]}[kind]
    if order == "exact":
        return float(sum(squares(images, slope, curve).mean() / 2 for images, _ in halves))
    moves = [score(images + noise, slope, curve) - score(images, slope, curve) for images, noise in halves]
    return float(sum((move**2).mean() / (2 * 0.05**2) for move in moves))


def term(kind: PenaltyKind, order: PenaltyOrder, slope: tf.Tensor, curve: tf.Tensor) -> tf.Tensor:
    def score_one(images: tf.Tensor, which: int) -> tf.Tensor:
        return tf.reduce_sum(slope * images + curve * images**2 / 2, (1, 2, 3))

    def score_both(pair: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        return score_one(pair[0], 0), score_one(pair[1], 1)

    images = tf.constant(REAL), tf.constant(FAKE)
    return penalty_term(
        kind,
        order,
        images,
        score_both(images),
        score_both=score_both,
        score_one=score_one,
        noise=lambda: tf.constant(NOISE),
        shares=lambda: tf.constant(SHARES),
        sigma=0.05,
    )


KINDS = [
    ("r1_r2", "exact"),
    ("r1", "exact"),
    ("r2", "exact"),
    ("r1_r2", "first"),
    ("r1", "first"),
    ("r2", "first"),
    ("gradient_penalty", "exact"),
]


@pytest.mark.parametrize(("kind", "order"), KINDS)
def test_a_penalty_is_its_formula(kind: PenaltyKind, order: PenaltyOrder) -> None:
    got = float(term(kind, order, tf.constant(SLOPE), tf.constant(CURVE)))
    assert got == pytest.approx(wanted(kind, order, SLOPE, CURVE), rel=1e-10)


@pytest.mark.parametrize(("kind", "order"), KINDS)
def test_its_gradient_in_the_weights_is_the_slope_of_the_formula(kind: PenaltyKind, order: PenaltyOrder) -> None:
    slope, curve, step = tf.constant(SLOPE), tf.constant(CURVE), 1e-6
    with tf.GradientTape() as tape:
        tape.watch(curve)
        value = term(kind, order, slope, curve)
    got = tape.gradient(value, curve).numpy()
    for place in [(0, 0, 0), (1, 2, 1), (3, 3, 0)]:
        shift = np.zeros_like(CURVE)
        shift[place] = step
        ends = wanted(kind, order, SLOPE, CURVE + shift), wanted(kind, order, SLOPE, CURVE - shift)
        assert got[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_exact_penalty_sums_within_an_image_and_averages_over_images() -> None:
    gradients = RNG.normal(size=SHAPE)
    value = 0.5 * (gradients**2).reshape(3, -1).sum(axis=1).mean()
    assert float(exact_penalty(tf.constant(gradients))) == pytest.approx(value, rel=1e-12)


def test_gamma_times_the_first_order_penalty_is_lambda_times_the_squared_difference() -> None:
    gamma, sigma = 0.7, 0.05
    scores, noisy = RNG.normal(size=4), RNG.normal(size=4)
    lambda_ = gamma / (2 * sigma**2)
    got = gamma * float(first_order_penalty(tf.constant(scores), tf.constant(noisy), sigma))
    assert got == pytest.approx(lambda_ * ((noisy - scores) ** 2).mean(), rel=1e-12)


def test_first_order_penalty_estimates_the_exact_one_for_a_linear_discriminator() -> None:
    weights, sigma, count = RNG.normal(size=(4, 4, 1)), 0.05, 20_000
    noise = sigma * RNG.normal(size=(count, 4, 4, 1))
    noisy = (noise * weights).sum(axis=(1, 2, 3))
    exact = float(exact_penalty(tf.constant(weights[None])))
    estimate = float(first_order_penalty(tf.constant(np.zeros(count)), tf.constant(noisy), sigma))
    assert estimate == pytest.approx(exact, rel=0.05)


def test_interpolation_takes_one_share_per_pair() -> None:
    shares = np.array([0.0, 1.0, 0.25])
    got = interpolated(tf.constant(REAL), tf.constant(FAKE), tf.constant(shares)).numpy()
    assert got == pytest.approx(np.stack([FAKE[0], REAL[1], 0.25 * REAL[2] + 0.75 * FAKE[2]]), rel=1e-12)


def test_a_slope_of_zero_has_a_finite_gradient() -> None:
    gradients = tf.zeros((2, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(gradients)
        value = unit_slope_penalty(gradients)
    assert float(value) == pytest.approx(1.0)
    assert np.isfinite(tape.gradient(value, gradients)).all()


def test_steep_slopes_overflow_nothing() -> None:
    assert np.isfinite(float(unit_slope_penalty(tf.fill((2, 4, 4, 1), 1e6))))


def test_a_lazy_penalty_is_due_at_step_zero_and_every_so_many_after_it() -> None:
    assert [step for step in range(10) if is_due(step, 4)] == [0, 4, 8]
