"""Losses of the autoencoder against numbers worked out apart from them."""

import numpy as np
import pytest
from scipy import stats

from gan import autoencoder_losses as losses


def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (3, 4, 4, 2)).astype(np.float32), rng.uniform(-1, 1, (3, 4, 4, 2)).astype(np.float32)


def test_the_squared_error_is_a_normal_likelihood_less_its_constants() -> None:
    images, made = pair()
    likelihood = stats.norm(made, 1.0).logpdf(images) - stats.norm(0, 1.0).logpdf(0.0)
    assert float(losses.squared_error(images, made)) == pytest.approx(-likelihood.sum() / 3, rel=1e-5)


def test_the_absolute_error_is_a_laplace_likelihood_less_its_constants() -> None:
    images, made = pair()
    likelihood = stats.laplace(made, 1.0).logpdf(images) - stats.laplace(0, 1.0).logpdf(0.0)
    assert float(losses.absolute_error(images, made)) == pytest.approx(-likelihood.sum() / 3, rel=1e-5)


def test_the_calibrated_error_is_the_best_normal_likelihood_of_any_deviation() -> None:
    images, made = pair()
    deviations = np.linspace(0.2, 2.0, 2000)
    best = max(stats.norm(made, deviation).logpdf(images).sum() / 3 for deviation in deviations)
    constant = 0.5 * 32 * (1 + np.log(2 * np.pi))
    assert float(losses.calibrated_error(images, made)) == pytest.approx(-best - constant, rel=1e-3)


def test_a_perfect_reconstruction_has_a_finite_calibrated_error() -> None:
    images, _ = pair()
    assert np.isfinite(float(losses.calibrated_error(images, images)))


def test_the_divergence_is_that_of_two_normal_distributions() -> None:
    mean, deviation = np.float32([[0.5]]), 1.5
    grid = np.linspace(-20, 20, 200_001)
    first, second = stats.norm(0.5, deviation), stats.norm(0, 1)
    integral = np.trapezoid(first.pdf(grid) * (first.logpdf(grid) - second.logpdf(grid)), grid)
    log_variance = np.float32([[2 * np.log(deviation)]])
    assert float(losses.kl_divergence(mean, log_variance)) == pytest.approx(integral, rel=1e-5)


def test_the_divergence_is_zero_at_the_standard_normal_alone() -> None:
    zero, one = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    assert float(losses.kl_divergence(zero, zero)) == 0.0
    assert min(float(losses.kl_divergence(one, zero)), float(losses.kl_divergence(zero, -one))) > 0.0


def test_latents_have_the_mean_and_deviation_asked_for() -> None:
    noise = np.random.default_rng(0).normal(size=(50_000, 1)).astype(np.float32)
    latents = np.asarray(losses.latents_from(np.float32([[2.0]]), np.float32([[np.log(9.0)]]), noise))
    assert (latents.mean(), latents.std()) == pytest.approx((2.0, 3.0), abs=0.05)


def test_log_variances_are_limited_but_hardly_changed_near_zero() -> None:
    raw = np.float32([-1e6, -1.0, 0.0, 1.0, 1e6])
    assert np.asarray(losses.limited(raw)) == pytest.approx([-10.0, -1.0, 0.0, 1.0, 10.0], abs=0.01)
