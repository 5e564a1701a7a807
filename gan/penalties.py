"""Penalties on the slope of the discriminator, as pure functions of scores and gradients. All are scalars."""

from typing import Any, TypeAlias

from keras import ops

Tensor: TypeAlias = Any  # of whichever backend Keras runs on

_SMALLEST_SQUARE = 1e-20  # the root has no slope at zero


def exact_penalty(gradients: Tensor) -> Tensor:
    """Scalar: mean over [N, H, W, C] of half the squared gradient norm of the scores in the images.

    At real images R1, at synthetic ones R2. Mescheder et al. 2018, arXiv:1801.04406.
    """
    return 0.5 * ops.mean(ops.sum(ops.square(gradients), axis=(1, 2, 3)))


def first_order_penalty(scores: Tensor, noisy_scores: Tensor, sigma: float) -> Tensor:
    """Scalar: the same from scores at images and at images + N(0, sigma^2), without second-order gradients.

    E|D(x + n) - D(x)|^2 is close to sigma^2 |grad D(x)|^2 for small sigma: gamma times this is the paper's lambda times
    the squared difference, with lambda = gamma / (2 sigma^2). Lin et al. 2025, arXiv:2501.08316.
    """
    return 0.5 * ops.mean(ops.square(noisy_scores - scores)) / sigma**2


def interpolated(real: Tensor, fake: Tensor, shares: Tensor) -> Tensor:
    """[N, H, W, C]: between paired images, at shares [N] of the real one, drawn from U(0, 1): one per pair.

    Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1. (Normal shares would leave the line between the two.)
    """
    shares = ops.reshape(shares, (-1, 1, 1, 1))
    return shares * real + (1.0 - shares) * fake


def unit_slope_penalty(gradients: Tensor) -> Tensor:
    """Scalar: mean squared distance to 1 of the gradient norm over [N, H, W, C]; for Wasserstein. Same paper."""
    squares = ops.sum(ops.square(gradients), axis=(1, 2, 3))
    return ops.mean(ops.square(ops.sqrt(ops.maximum(squares, _SMALLEST_SQUARE)) - 1.0))


def is_due(step: int, every_steps: int) -> bool:
    """Whether a lazy penalty, weighted by `every_steps`, is part of a step: of 0 and every k-th after it.

    Karras et al. 2020, arXiv:1912.04958, appendix B.
    """
    return step % every_steps == 0
