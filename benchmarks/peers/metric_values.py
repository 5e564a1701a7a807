"""What published programs give for the feature sets of `feature_sets.py`, and the truth in 50 digits, as JSON.

    python3.11 -m venv peers/torch
    peers/torch/bin/pip install pytorch-fid==0.3.0 clean-fid==0.1.35 torch-fidelity==0.4.0 prdc==0.2
    python -m benchmarks.peers.metric_values --peer peers/torch/bin/python > tests/gan/metrics/peer_values.json

(mpmath, which gives the truth, comes with PyTorch.) A program that fails gives its error as a string.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent
PACKAGES = ("pytorch-fid", "clean-fid", "torch-fidelity", "prdc", "mpmath", "numpy", "scipy", "torch")
NEIGHBOURS = 5


def main() -> int:
    """Run this file with the peer's Python, or, where it runs with it, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=Path, help="Python of the environment that holds the programs")
    options = parser.parse_args()
    if options.peer:
        command = [str(options.peer), str(FOLDER / "metric_values.py")]
        return subprocess.run(command, check=False, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}).returncode
    with contextlib.redirect_stdout(sys.stderr):  # they talk
        found = values()
    print(json.dumps(found, indent=1))
    return 0


def values() -> dict[str, Any]:
    """By metric, feature set and program."""
    from feature_sets import FRECHET, KERNEL, OVERLAP, logits

    warnings.simplefilter("ignore")
    return {
        "versions": {name: version(name) for name in PACKAGES},
        "frechet": {name: of_all(FRECHET_PROGRAMS, *made()) for name, made in FRECHET.items()},
        "kernel": {name: of_all(KERNEL_PROGRAMS, *equally_many(*made())) for name, made in KERNEL.items()},
        "overlap": {name: of_all(OVERLAP_PROGRAMS, *made()) for name, made in OVERLAP.items()},
        "inception_score": {"logits": of_all(SCORE_PROGRAMS, logits())},
    }


def of_all(programs: dict[str, Callable[..., Any]], *arrays: np.ndarray) -> dict[str, Any]:
    """What each program gives, or its error."""
    found = {}
    for name, program in programs.items():
        try:
            found[name] = program(*arrays)
        except (ValueError, AssertionError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def equally_many(synthetic: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first n of both, so that one subset is all of them."""
    n = min(len(synthetic), len(real))
    return synthetic[:n], real[:n]


def pytorch_fid(synthetic: np.ndarray, real: np.ndarray) -> float:
    """As `calculate_activation_statistics` makes them."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    moments = [(rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in (synthetic, real)]
    return float(calculate_frechet_distance(*moments[0], *moments[1]))


def clean_fid(synthetic: np.ndarray, real: np.ndarray) -> float:
    """From features."""
    from cleanfid.fid import fid_from_feats

    return float(fid_from_feats(synthetic, real))


def torch_fidelity_fid(synthetic: np.ndarray, real: np.ndarray) -> float:
    """From features."""
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    moments = [fid_features_to_statistics(torch.from_numpy(rows)) for rows in (synthetic, real)]
    return float(fid_statistics_to_metric(*moments, verbose=False)["frechet_inception_distance"])


def exact_fid(synthetic: np.ndarray, real: np.ndarray) -> float | None:
    """The nuclear norm of A B' in 50 digits, where that takes seconds."""
    import mpmath

    if max(min(rows.shape) for rows in (synthetic, real)) > 32:
        return None
    mpmath.mp.dps = 50
    rows = [mpmath.matrix(part.tolist()) for part in (synthetic, real)]
    means = [[mpmath.fsum(part.column(i)) / part.rows for i in range(part.cols)] for part in rows]
    centred = [_centred(part, mean) for part, mean in zip(rows, means, strict=True)]
    squares = [mpmath.fsum(value**2 for value in part) for part in centred]
    apart = mpmath.fsum((a - b) ** 2 for a, b in zip(*means, strict=True))
    return float(apart + squares[0] + squares[1] - 2 * _root_trace(*centred))


def _centred(rows: Any, mean: list[Any]) -> Any:
    """A with A'A = covariance (n - 1)."""
    import mpmath

    root = mpmath.sqrt(rows.rows - 1)
    return mpmath.matrix([[(rows[i, j] - mean[j]) / root for j in range(rows.cols)] for i in range(rows.rows)])


def _root_trace(first: Any, second: Any) -> Any:
    """Nuclear norm of A B', with a Cholesky factor in place of A where that is smaller."""
    import mpmath

    if first.rows <= first.cols:
        product = first * second.T
        return mpmath.fsum(mpmath.svd_r(product, compute_uv=False))
    covariances = [part.T * part for part in (first, second)]
    lower = [mpmath.cholesky(part) for part in covariances]
    return mpmath.fsum(mpmath.svd_r(lower[0].T * lower[1], compute_uv=False))


def clean_kid(synthetic: np.ndarray, real: np.ndarray) -> float:
    """One subset that is all of them."""
    from cleanfid.fid import kernel_distance

    return float(kernel_distance(synthetic, real, num_subsets=1, max_subset_size=len(real)))


def torch_fidelity_kid(synthetic: np.ndarray, real: np.ndarray) -> float:
    """One subset that is all of them."""
    import torch
    from torch_fidelity.metric_kid import kid_features_to_metric

    found = kid_features_to_metric(
        *map(torch.from_numpy, (synthetic, real)), kid_subsets=1, kid_subset_size=len(real), verbose=False
    )
    return float(found["kernel_inception_distance_mean"])


def prdc_overlap(synthetic: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """All four."""
    from prdc import compute_prdc

    return {name: float(value) for name, value in compute_prdc(real, synthetic, NEIGHBOURS).items()}


def torch_fidelity_overlap(synthetic: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Precision and recall."""
    import torch
    from torch_fidelity.metric_prc import prc_features_to_metric

    found = prc_features_to_metric(
        *map(torch.from_numpy, (synthetic, real)), prc_neighborhood=NEIGHBOURS, prc_batch_size=10000, verbose=False
    )
    return {name: float(found[name]) for name in ("precision", "recall")}


def torch_fidelity_score(logits: np.ndarray) -> float:
    """One part."""
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric

    return float(isc_features_to_metric(torch.from_numpy(logits), splits=1)["inception_score_mean"])


FRECHET_PROGRAMS = {
    "pytorch-fid": pytorch_fid,
    "clean-fid": clean_fid,
    "torch-fidelity": torch_fidelity_fid,
    "mpmath": exact_fid,
}
KERNEL_PROGRAMS = {"clean-fid": clean_kid, "torch-fidelity": torch_fidelity_kid}
OVERLAP_PROGRAMS = {"prdc": prdc_overlap, "torch-fidelity": torch_fidelity_overlap}
SCORE_PROGRAMS = {"torch-fidelity": torch_fidelity_score}

if __name__ == "__main__":
    sys.exit(main())
