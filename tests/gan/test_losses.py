"""Losses against numbers computed in float64 with NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from gan import losses

REAL = np.array([0.3, -1.2, 4.0, 0.0])
FAKE = np.array([-0.5, 2.0, 3.9, 0.0])
RNG = np.random.default_rng(5)


def softplus(values: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, values)


def test_discriminator_loss_is_mean_softplus_of_fake_minus_real() -> None:
    got = float(losses.discriminator_loss(tf.constant(REAL), tf.constant(FAKE)))
    assert got == pytest.approx(softplus(FAKE - REAL).mean(), rel=1e-12)


def test_generator_loss_swaps_the_roles() -> None:
    got = float(losses.generator_loss(tf.constant(REAL), tf.constant(FAKE)))
    assert got == pytest.approx(softplus(REAL - FAKE).mean(), rel=1e-12)


def test_equal_scores_cost_log_two() -> None:
    assert float(losses.generator_loss(tf.constant(REAL), tf.constant(REAL))) == pytest.approx(np.log(2), rel=1e-12)


def test_exact_penalty_sums_within_an_image_and_averages_over_images() -> None:
    gradients = RNG.normal(size=(3, 4, 4, 2))
    wanted = 0.5 * (gradients**2).reshape(3, -1).sum(axis=1).mean()
    assert float(losses.exact_penalty(tf.constant(gradients))) == pytest.approx(wanted, rel=1e-12)


def test_first_order_penalty_divides_by_the_noise_variance() -> None:
    noisy = REAL + np.array([0.1, -0.2, 0.0, 0.05])
    wanted = 0.5 * ((noisy - REAL) ** 2).mean() / 0.05**2
    got = losses.first_order_penalty(tf.constant(REAL), tf.constant(noisy), 0.05)
    assert float(got) == pytest.approx(wanted, rel=1e-12)


def test_first_order_penalty_estimates_the_exact_one_for_a_linear_discriminator() -> None:
    weights, sigma, count = RNG.normal(size=(4, 4, 1)), 0.05, 20_000
    noise = sigma * RNG.normal(size=(count, 4, 4, 1))
    scores = np.zeros(count)
    noisy = (noise * weights).sum(axis=(1, 2, 3))
    exact = float(losses.exact_penalty(tf.constant(weights[None])))
    estimate = float(losses.first_order_penalty(tf.constant(scores), tf.constant(noisy), sigma))
    assert estimate == pytest.approx(exact, rel=0.05)
