"""More features than go through singular values: the other way to the trace of the root."""

import numpy as np
import pytest
from scipy import linalg

from gan.metrics.frechet import root_trace


def test_eigenvalues_and_singular_values_agree() -> None:
    rng = np.random.default_rng(0)
    first, second = np.triu(rng.normal(size=(2, 600, 600)))
    assert root_trace(first, second) == pytest.approx(linalg.svdvals(first @ second.T).sum(), rel=1e-7)
