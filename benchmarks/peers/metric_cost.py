"""What one published program costs on large feature sets: `metric_cost.py PROGRAM COUNT SIZE`; see `gate_cost.py`."""

import contextlib
import sys
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from cost import print_cost
from feature_sets import large
from metric_values import NEIGHBOURS, prdc_overlap, pytorch_fid, torch_fidelity_fid


def torch_fidelity_kid(synthetic: np.ndarray, real: np.ndarray) -> None:
    """As its command line does: 100 subsets of 1000."""
    import torch
    from torch_fidelity.metric_kid import kid_features_to_metric

    kid_features_to_metric(*map(torch.from_numpy, (synthetic, real)), verbose=False)


def torch_fidelity_overlap(synthetic: np.ndarray, real: np.ndarray) -> None:
    """In blocks of 2000, which is how it saves memory."""
    import torch
    from torch_fidelity.metric_prc import prc_features_to_metric

    prc_features_to_metric(
        *map(torch.from_numpy, (synthetic, real)),
        prc_neighborhood=NEIGHBOURS,
        prc_batch_size=2000,
        save_cpu_ram=True,
        verbose=False,
    )


PROGRAMS: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "pytorch_fid_frechet": pytorch_fid,
    "torch_fidelity_frechet": torch_fidelity_fid,
    "torch_fidelity_kernel": torch_fidelity_kid,
    "torch_fidelity_overlap": torch_fidelity_overlap,
    "prdc_overlap": prdc_overlap,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    name, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sets = large(count, size, 0, 0.05), large(count, size, 1, 0.0)
    with contextlib.redirect_stdout(sys.stderr):
        PROGRAMS[name](*(rows[:1000, :8].copy() for rows in sets))  # imports are not counted
    print_cost(partial(PROGRAMS[name], *sets))
