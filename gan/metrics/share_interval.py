"""How sure a share is that was counted among n."""

import math


def share_interval(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share in [0, 1] of n, 95 % for z = 1.96; its ends may be beyond by rounding. Wilson 1927."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    margin = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return centre - margin, centre + margin
