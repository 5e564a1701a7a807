"""Losses of a variational autoencoder, as pure functions. Means are over the batch; units are nats per image.

Images and reconstructions are float [N, H, W, C], pixels in [-1, 1]; means and log variances float [N, latent_size].
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from keras import ops

Tensor: TypeAlias = Any  # of whichever backend Keras runs on
Reconstruction: TypeAlias = Callable[[Tensor, Tensor], Tensor]

_LEAST_VARIANCE = (2 / 255) ** 2 / 12  # of rounding to 256 steps: no reconstruction can be told to be better
_LOG_VARIANCE_LIMIT = 10.0


def squared_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Scalar: half the squared error, summed over pixels: pixels are normal with deviation 1 around it, less constants.

    Kingma and Welling 2013, arXiv:1312.6114. Blurred, since a deviation of 1 is half the range of pixels.
    """
    return 0.5 * ops.mean(ops.sum(ops.square(images - reconstructions), axis=(1, 2, 3)))


def absolute_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Scalar: the absolute error, summed over pixels: a Laplace distribution, which minds outliers less."""
    return ops.mean(ops.sum(ops.abs(images - reconstructions), axis=(1, 2, 3)))


def calibrated_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Scalar: like squared_error, but with the deviation that suits the batch's error best; may be negative.

    The balance with the divergence then needs no setting by hand: Rybkin et al. 2020, arXiv:2006.13202.
    """
    variance = ops.mean(ops.square(images - reconstructions))
    pixels = images.shape[1] * images.shape[2] * images.shape[3]
    return 0.5 * pixels * ops.log(variance + _LEAST_VARIANCE)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Scalar >= 0: of N(mean, exp(log_variance)) from N(0, 1), summed over latents. Same paper, appendix B."""
    return 0.5 * ops.mean(ops.sum(ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance, axis=1))


def latents_from(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Latents [N, latent_size] of standard normal noise: differentiable in mean and log variance. Same paper."""
    return mean + ops.exp(0.5 * log_variance) * noise


def limited(log_variance: Tensor) -> Tensor:
    """Log variances in (-10, 10), so that an exponential never overflows; close to unchanged near 0."""
    return _LOG_VARIANCE_LIMIT * ops.tanh(log_variance / _LOG_VARIANCE_LIMIT)


RECONSTRUCTIONS: dict[str, Reconstruction] = {
    "calibrated": calibrated_error,
    "squared_error": squared_error,
    "absolute_error": absolute_error,
}
