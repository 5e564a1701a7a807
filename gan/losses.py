"""The adversarial loss and its gradient penalties, as pure functions of scores and gradients.

Scores are float [N] or [N, 1]: what the discriminator says of real and synthetic images, paired index by index and, in
conditional training, by label. Means are over the batch.
"""

from typing import Any, TypeAlias

from keras import ops

Tensor: TypeAlias = Any  # of whichever backend Keras runs on


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: mean softplus(fake - real). Small where each real image scores above its synthetic partner.

    Relativistic pairing: Jolicoeur-Martineau 2018, arXiv:1807.00734; Sun et al. 2020, arXiv:2011.04926;
    with both penalties below: Huang et al. 2024, arXiv:2501.05441.
    """
    return ops.mean(ops.softplus(fake_scores - real_scores))


def generator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: mean softplus(real - fake). Same papers."""
    return ops.mean(ops.softplus(real_scores - fake_scores))


def exact_penalty(gradients: Tensor) -> Tensor:
    """Scalar: mean over [N, H, W, C] of half the squared gradient norm of the scores in the images.

    At real images R1, at synthetic ones R2. Mescheder et al. 2018, arXiv:1801.04406.
    """
    return 0.5 * ops.mean(ops.sum(ops.square(gradients), axis=(1, 2, 3)))


def first_order_penalty(scores: Tensor, noisy_scores: Tensor, sigma: float) -> Tensor:
    """Scalar: the same from scores at images and at images + N(0, sigma^2), without second-order gradients.

    E|D(x + n) - D(x)|^2 is close to sigma^2 |grad D(x)|^2 for small sigma. Lin et al. 2025, arXiv:2501.08316.
    """
    return 0.5 * ops.mean(ops.square(noisy_scores - scores)) / sigma**2
