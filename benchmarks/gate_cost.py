"""CPU time and memory of the feature metrics, beside published programs on the same features.

    python -m benchmarks.gate_cost --counts 10000 50000 --sizes 64 2048 [--only overlap] [--peer PYTHON] [--limit-s 300]

Each figure is that of a process of its own, one at a time, on one thread, with imports left out; memory is what is
held at most beyond both feature sets. PYTHON is of an environment that `peers/metric_values.py` tells how to make.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.peers.cost import print_cost
from benchmarks.peers.feature_sets import large
from gan.metrics.authenticity import authenticity
from gan.metrics.copying_test import copying_test
from gan.metrics.frechet import frechet_distance, statistics
from gan.metrics.frechet_infinity import frechet_infinity
from gan.metrics.frechet_interval import frechet_interval
from gan.metrics.kernel_distance import kernel_distance
from gan.metrics.manifold import overlap
from gan.metrics.memorisation import feature_memorisation

PEER_SCRIPT = Path(__file__).resolve().parent / "peers" / "metric_cost.py"
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
HELD_OUT_SHARE = 5  # one held-out image for so many training images

METRICS: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "frechet": lambda synthetic, real: frechet_distance(statistics(synthetic), statistics(real)),
    "frechet_interval": lambda synthetic, real: frechet_interval(synthetic, real, seed=0),
    "frechet_infinity": lambda synthetic, real: frechet_infinity(synthetic, statistics(real), seed=0),
    "kernel": lambda synthetic, real: kernel_distance(synthetic, real, seed=0),
    "overlap": overlap,
    "authenticity": lambda synthetic, real: authenticity(synthetic, *_held_out_and_training(real)),
    "copying_test": lambda synthetic, real: copying_test(synthetic, *_held_out_and_training(real), seed=0),
    "nearest_training": lambda synthetic, real: feature_memorisation(synthetic, *_held_out_and_training(real)),
}
PEERS = {
    "frechet": ("torch_fidelity_frechet", "pytorch_fid_frechet"),
    "kernel": ("torch_fidelity_kernel",),
    "overlap": ("torch_fidelity_overlap", "prdc_overlap"),
}


def main() -> None:
    """Print a table, or, with --one, the cost of one metric."""
    options = _options()
    if options.one:
        synthetic, real = (large(options.counts[0], options.sizes[0], *how) for how in ((0, 0.05), (1, 0.0)))
        print_cost(partial(METRICS[options.one], synthetic, real))
        return
    print("| vectors | numbers each | metric | program | CPU s | MiB beyond the features | load |")
    print("|---" * 7 + "|")
    for size in options.sizes:
        for count in options.counts:
            for metric in options.only or METRICS:
                ours = [sys.executable, "-m", "benchmarks.gate_cost", "--one", metric]
                print_row(count, size, metric, "ours", [*ours, "--counts", str(count), "--sizes", str(size)], options)
                for program in PEERS.get(metric, ()) if options.peer else ():
                    theirs = [str(options.peer), str(PEER_SCRIPT), program, str(count), str(size)]
                    print_row(count, size, metric, program.rpartition("_")[0].replace("_", "-"), theirs, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 2048])
    parser.add_argument("--only", nargs="+", choices=METRICS)
    parser.add_argument("--one", choices=METRICS, help="print what this one costs, in this process")
    parser.add_argument("--peer", type=Path, help="Python of the environment that holds the programs")
    parser.add_argument("--limit-s", type=float, default=300, help="what takes longer is stopped and named")
    return parser.parse_args()


def print_row(
    count: int, size: int, metric: str, program: str, command: list[str], options: argparse.Namespace
) -> None:
    """Run it and print what it cost."""
    load = os.getloadavg()[0]
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "CUDA_VISIBLE_DEVICES": ""}
    try:
        run = subprocess.run(command, env=environment, capture_output=True, timeout=options.limit_s, check=False)
        cost = json.loads(run.stdout) if run.returncode == 0 else None
        figures = f"{cost['cpu_s']:.2f} | {cost['peak_mib']:.0f}" if cost else f"failed ({run.returncode}) |"
    except subprocess.TimeoutExpired:
        figures = f"over {options.limit_s:.0f} s of wall time |"
    print(f"| {count:,} | {size} | {metric} | {program} | {figures} | {load:.1f} |", flush=True)


def _held_out_and_training(real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return real[: len(real) // HELD_OUT_SHARE], real[len(real) // HELD_OUT_SHARE :]


if __name__ == "__main__":
    main()
