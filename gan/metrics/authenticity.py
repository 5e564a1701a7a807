"""Authenticity: whether a synthetic image could be a noisy copy of one training image."""

import numpy as np

from gan.metrics.excess import ExcessRate, excess
from gan.metrics.feature_checks import check_not_constant, feature_rows
from gan.metrics.neighbours import nearest


def authenticity(synthetic: np.ndarray, held_out: np.ndarray, training: np.ndarray) -> ExcessRate:
    """Rates of images that are **not** authentic, of features [N, D], held-out real [H, D] and training [M, D].

    Not authentic: no further from its nearest training image than that one is from its own nearest other training
    image (a tie is not authentic; of several nearest ones the first counts). The authentic share is 1 - rate.
    Raises BadInput for fewer than two training vectors, or where all of them are equal.
    Alaa et al. 2022, arXiv:2102.08921, which has no held-out images; half of them fail it by chance.
    """
    training = feature_rows(training, at_least=2, what="authenticity")
    synthetic, held_out = (feature_rows(rows, at_least=1, what="authenticity") for rows in (synthetic, held_out))
    check_not_constant(training, "authenticity")
    made, unseen = nearest(synthetic, training), nearest(held_out, training)
    hit, place = np.unique(np.concatenate([made.index[:, 0], unseen.index[:, 0]]), return_inverse=True)
    # The training image itself is at distance 0 and takes the first place.
    reach = nearest(training[hit], training, 2).squared[:, -1][place]
    return excess(
        made.squared[:, 0] <= reach[: len(synthetic)],
        unseen.squared[:, 0] <= reach[len(synthetic) :],
    )
