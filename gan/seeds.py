"""Seeds derived from the run's seed and a purpose, so that no two uses share random numbers."""

import hashlib


def derived_seed(seed: int, purpose: str) -> int:
    """An int in [0, 2^31) that depends on both arguments alone."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "little") >> 1
