"""Adversarial losses as pure functions of scores, by name.

Scores are float [N] or [N, 1]: what the discriminator says of real and synthetic images, paired index by index and, in
conditional training, by label. They have no activation: the larger, the more real. Every loss is a scalar, the mean
over the batch, and is minimised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from keras import ops

Tensor: TypeAlias = Any  # of whichever backend Keras runs on
ScoreFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class AdversarialLoss:
    """Both sides of a game, each a function of (real scores, fake scores), and what the scores mean."""

    discriminator: ScoreFunction
    generator: ScoreFunction
    real_margin: ScoreFunction  # per image, positive where a real image is recognised as one
    generator_sees_real: bool = False  # whether the generator's loss depends on the real scores


def relativistic_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: mean softplus(fake - real). Small where each real image scores above its synthetic partner.

    Relativistic pairing: Jolicoeur-Martineau 2018, arXiv:1807.00734; Sun et al. 2020, arXiv:2011.04926;
    with R1 and R2: Huang et al. 2024, arXiv:2501.05441.
    """
    return ops.mean(ops.softplus(_like(fake_scores, real_scores) - real_scores))


def relativistic_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: mean softplus(real - fake). Same papers."""
    return ops.mean(ops.softplus(real_scores - _like(fake_scores, real_scores)))


def logistic_discriminator(real_scores: Tensor, fake_scores: Tensor, real_label: float = 1.0) -> Tensor:
    """Scalar: cross-entropy of real images against `real_label` in (0.5, 1], of synthetic ones against 0.

    Goodfellow et al. 2014, arXiv:1406.2661; a label under 1 is one-sided smoothing: Salimans et al. 2016,
    arXiv:1606.03498.
    """
    real = ops.mean(ops.softplus(-real_scores))
    if real_label != 1.0:
        real = real_label * real + (1.0 - real_label) * ops.mean(ops.softplus(real_scores))
    return real + ops.mean(ops.softplus(fake_scores))


def non_saturating_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: mean softplus(-fake), which is -log of the probability of being real. Goodfellow 2014, section 3."""
    return ops.mean(ops.softplus(-fake_scores))


def minimax_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: mean -softplus(fake), which is log of the probability of being synthetic. Goodfellow 2014, equation 1.

    Its gradient fades where the discriminator is sure: here to compare with, not to use.
    """
    return -ops.mean(ops.softplus(fake_scores))


def least_squares_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: half the squared distance of real scores to 1 and of synthetic ones to 0.

    Overflows in float32 for scores over 1e19. Mao et al. 2016, arXiv:1611.04076.
    """
    return 0.5 * (ops.mean(ops.square(real_scores - 1.0)) + ops.mean(ops.square(fake_scores)))


def least_squares_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: half the squared distance of synthetic scores to 1. Same paper, its 0-1 coding (equation 9)."""
    return 0.5 * ops.mean(ops.square(fake_scores - 1.0))


def hinge_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: what real scores lack to 1, and what synthetic ones have over -1.

    Lim and Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957.
    """
    return ops.mean(ops.relu(1.0 - real_scores)) + ops.mean(ops.relu(1.0 + fake_scores))


def wasserstein_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: mean fake - mean real, for a critic of bounded slope. Arjovsky et al. 2017, arXiv:1701.07875."""
    return ops.mean(fake_scores) - ops.mean(real_scores)


def linear_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Scalar: minus the mean synthetic score; the generator of the hinge and of the Wasserstein loss."""
    return -ops.mean(fake_scores)


def adversarial_loss(name: str, real_label: float = 1.0) -> AdversarialLoss:
    """A loss of ADVERSARIAL; `real_label` under 1 smooths the logistic ones (non_saturating, minimax)."""
    loss = ADVERSARIAL[name]
    if loss.discriminator is not logistic_discriminator or real_label == 1.0:
        return loss
    smoothed = partial(logistic_discriminator, real_label=real_label)
    return AdversarialLoss(smoothed, loss.generator, loss.real_margin)


def _score(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Where zero is undecided."""
    return real_scores


def _score_over_half(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Where one half is undecided, between the targets 0 and 1."""
    return real_scores - 0.5


def _score_over_partner(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Where scores are known up to a constant, and only differences mean anything."""
    return real_scores - _like(fake_scores, real_scores)


def _like(scores: Tensor, others: Tensor) -> Tensor:
    """[N] beside [N, 1] would broadcast to [N, N]."""
    return scores if len(scores.shape) == len(others.shape) else ops.reshape(scores, others.shape)


ADVERSARIAL: dict[str, AdversarialLoss] = {
    "relativistic": AdversarialLoss(relativistic_discriminator, relativistic_generator, _score_over_partner, True),
    "non_saturating": AdversarialLoss(logistic_discriminator, non_saturating_generator, _score),
    "minimax": AdversarialLoss(logistic_discriminator, minimax_generator, _score),
    "least_squares": AdversarialLoss(least_squares_discriminator, least_squares_generator, _score_over_half),
    "hinge": AdversarialLoss(hinge_discriminator, linear_generator, _score),
    "wasserstein": AdversarialLoss(wasserstein_discriminator, linear_generator, _score_over_partner),
}
