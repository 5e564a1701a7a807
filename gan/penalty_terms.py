"""A penalty on the discriminator by kind and order: the passes and gradients that it is made of."""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

from gan.objective_settings import PenaltyKind, PenaltyOrder
from gan.penalties import exact_penalty, first_order_penalty, interpolated, unit_slope_penalty

REAL, FAKE = 0, 1
Pair: TypeAlias = tuple[tf.Tensor, tf.Tensor]  # of real and of synthetic images
_HALVES: dict[PenaltyKind, tuple[int, ...]] = {"r1_r2": (REAL, FAKE), "r1": (REAL,), "r2": (FAKE,)}


def penalty_term(
    kind: PenaltyKind,
    order: PenaltyOrder,
    images: Pair,
    scores: Pair,
    *,
    score_both: Callable[[Pair], Pair],
    score_one: Callable[[tf.Tensor, int], tf.Tensor],
    noise: Callable[[], tf.Tensor],
    shares: Callable[[], tf.Tensor],
    sigma: float,
) -> tf.Tensor:
    """Scalar, unweighted. `noise` draws [2, N, H, W, C] of deviation sigma, `shares` [N] of U(0, 1).

    `score_both` gives scores of real and synthetic images, `score_one` those of either (REAL or FAKE).
    """
    if kind == "gradient_penalty":
        between = interpolated(*images, shares())
        return unit_slope_penalty(_gradients(between, lambda half: score_one(half, REAL)))
    halves = _HALVES[kind]
    if order == "exact":
        terms = _exact(images, halves, score_both, score_one)
    else:
        terms = _first_order(images, scores, halves, score_both, score_one, noise(), sigma)
    return tf.add_n(terms) if len(terms) > 1 else terms[0]


def _first_order(
    images: Pair,
    scores: Pair,
    halves: tuple[int, ...],
    score_both: Callable[[Pair], Pair],
    score_one: Callable[[tf.Tensor, int], tf.Tensor],
    noise: tf.Tensor,
    sigma: float,
) -> list[tf.Tensor]:
    if len(halves) == 2:
        noisy = score_both((images[REAL] + noise[REAL], images[FAKE] + noise[FAKE]))
        return [first_order_penalty(scores[half], noisy[half], sigma) for half in halves]
    (half,) = halves
    return [first_order_penalty(scores[half], score_one(images[half] + noise[half], half), sigma)]


def _exact(
    images: Pair,
    halves: tuple[int, ...],
    score_both: Callable[[Pair], Pair],
    score_one: Callable[[tf.Tensor, int], tf.Tensor],
) -> list[tf.Tensor]:
    if len(halves) == 2:
        both = tf.concat(images, 0)
        gradients = _gradients(both, lambda stacked: tf.concat(score_both(tuple(tf.split(stacked, 2))), 0))
        return [exact_penalty(half) for half in tf.split(gradients, 2)]
    (half,) = halves
    return [exact_penalty(_gradients(images[half], lambda one: score_one(one, half)))]


def _gradients(images: tf.Tensor, score: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """[N, H, W, C]: of each score in its own image. Each score depends on its own image alone."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(score(images))
    return tape.gradient(total, images)
