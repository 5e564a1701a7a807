"""A penalty on the discriminator by kind and order: the passes and gradients that it is made of."""

from collections.abc import Callable
from typing import TypeAlias

from keras import ops

from gan.backends import Tensor, backend
from gan.objective_settings import PenaltyKind, PenaltyOrder
from gan.penalties import exact_penalty, first_order_penalty, interpolated, unit_slope_penalty

REAL, FAKE = 0, 1
Pair: TypeAlias = tuple[Tensor, Tensor]  # of real and of synthetic images
_HALVES: dict[PenaltyKind, tuple[int, ...]] = {"r1_r2": (REAL, FAKE), "r1": (REAL,), "r2": (FAKE,)}


def penalty_term(
    kind: PenaltyKind,
    order: PenaltyOrder,
    images: Pair,
    scores: Pair,
    *,
    score_both: Callable[[Pair], Pair],
    score_one: Callable[[Tensor, int], Tensor],
    noise: Callable[[], Tensor],
    shares: Callable[[], Tensor],
    sigma: float,
) -> Tensor:
    """Scalar, unweighted. `noise` draws [2, N, H, W, C] of deviation sigma, `shares` [N] of U(0, 1).

    `score_both` gives scores of real and synthetic images, `score_one` those of either (REAL or FAKE).
    """
    if kind == "gradient_penalty":
        between = interpolated(*images, shares())
        return unit_slope_penalty(backend.slopes(lambda half: score_one(half, REAL), between))
    halves = _HALVES[kind]
    if order == "exact":
        terms = _exact(images, halves, score_both, score_one)
    else:
        terms = _first_order(images, scores, halves, score_both, score_one, noise(), sigma)
    return terms[0] + terms[1] if len(terms) > 1 else terms[0]


def _first_order(
    images: Pair,
    scores: Pair,
    halves: tuple[int, ...],
    score_both: Callable[[Pair], Pair],
    score_one: Callable[[Tensor, int], Tensor],
    noise: Tensor,
    sigma: float,
) -> list[Tensor]:
    if len(halves) == 2:
        noisy = score_both((images[REAL] + noise[REAL], images[FAKE] + noise[FAKE]))
        return [first_order_penalty(scores[half], noisy[half], sigma) for half in halves]
    (half,) = halves
    return [first_order_penalty(scores[half], score_one(images[half] + noise[half], half), sigma)]


def _exact(
    images: Pair,
    halves: tuple[int, ...],
    score_both: Callable[[Pair], Pair],
    score_one: Callable[[Tensor, int], Tensor],
) -> list[Tensor]:
    if len(halves) == 2:
        # The gradient of the sum of all scores, as in the papers: where scores depend on their batch, that counts too.
        both = ops.concatenate(images, 0)
        slopes = backend.slopes(lambda stacked: ops.concatenate(score_both(tuple(ops.split(stacked, 2))), 0), both)
        return [exact_penalty(half) for half in ops.split(slopes, 2)]
    (half,) = halves
    return [exact_penalty(backend.slopes(lambda one: score_one(one, half), images[half]))]
