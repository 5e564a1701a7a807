"""A rate among synthetic images beside the same rate among held-out real ones: only the excess says anything.

Real images resemble training images too: some 46 % of held-out digits fail the rule of authenticity.
"""

import math
from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.share_interval import share_interval


@dataclass(frozen=True, slots=True)
class ExcessRate:
    """Rates in [0, 1] of what should not be; `excess_rate` = synthetic - held out, in [-1, 1]."""

    excess_rate: float
    synthetic_rate: float
    held_out_rate: float
    n_synthetic: int
    n_held_out: int

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Interval of the excess, 95 % for z = 1.96, with the chance in both rates; Newcombe 1998, method 10."""
        p, q = self.synthetic_rate, self.held_out_rate
        (p_low, p_high), (q_low, q_high) = share_interval(p, self.n_synthetic, z), share_interval(q, self.n_held_out, z)
        below, above = math.hypot(p - p_low, q_high - q), math.hypot(p_high - p, q - q_low)
        return max(-1.0, p - q - below), min(1.0, p - q + above)


def excess(synthetic: np.ndarray, held_out: np.ndarray) -> ExcessRate:
    """Of bool [N] and bool [M]. Raises BadInput where either is empty."""
    if not len(synthetic) or not len(held_out):
        raise BadInput(f"{len(synthetic)} synthetic and {len(held_out)} held-out images have no rates to compare")
    made, unseen = float(np.mean(synthetic)), float(np.mean(held_out))
    return ExcessRate(made - unseen, made, unseen, len(synthetic), len(held_out))
