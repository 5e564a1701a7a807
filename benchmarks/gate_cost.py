"""CPU time and memory of the feature metrics, beside published programs on the same features.

    python -m benchmarks.gate_cost --counts 10000 50000 --sizes 64 2048 [--only overlap] [--torch PYTHON]
    python -m benchmarks.gate_cost --counts 10000 --sizes 64 2048 --only whole_gate --limit-s 3000

Each figure is that of a process of its own, one at a time, on one thread, with imports left out; memory is what is
held at most beyond the features. `whole_gate`: every metric of features as the gate has them measured, floors, repeats
and intervals included, of so many images in each of its halves, the synthetic set and the third of training that floors
are measured with. PYTHON is of an environment that `peers/metric_values.py` tells how to make.
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
from datasets.readers import LoadedSplit
from gan.extractors.folds import Fold
from gan.extractors.settings import ExtractorSettings
from gan.metrics.authenticity import authenticity
from gan.metrics.copying_test import copying_test
from gan.metrics.frechet import frechet_distance, statistics
from gan.metrics.frechet_infinity import frechet_infinity
from gan.metrics.frechet_interval import frechet_interval
from gan.metrics.kernel_distance import kernel_distance
from gan.metrics.manifold import overlap
from gan.metrics.memorisation import feature_memorisation
from tasks.synthetic_gate.evidence import Evidence, Features
from tasks.synthetic_gate.measuring import MEASURES, measure_synthetic
from tasks.synthetic_gate.metric_table import METRICS as METRIC_TABLE
from tasks.synthetic_gate.settings import SyntheticGateSettings

PEER_SCRIPT = Path(__file__).resolve().parent / "peers" / "metric_cost.py"
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
HELD_OUT_SHARE = 5  # one held-out image for so many training images

WHOLE = "whole_gate"
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
    if options.one == WHOLE:
        evidence = featured(options.counts[0], options.sizes[0])
        measures = tuple(measure for measure in MEASURES if METRIC_TABLE[measure.names[0]].by_features)
        print_cost(lambda: measure_synthetic(evidence, measures=measures))
        return
    if options.one:
        synthetic, real = (large(options.counts[0], options.sizes[0], *how) for how in ((0, 0.05), (1, 0.0)))
        print_cost(partial(METRICS[options.one], synthetic, real))
        return
    print("| vectors | numbers each | metric | program | CPU s | MiB beyond the features | load |")
    print("|---" * 7 + "|")
    for size in options.sizes:
        for count in options.counts:
            for metric in options.only or (*METRICS, WHOLE):
                ours = [sys.executable, "-m", "benchmarks.gate_cost", "--one", metric]
                print_row(count, size, metric, "ours", [*ours, "--counts", str(count), "--sizes", str(size)], options)
                for program in PEERS.get(metric, ()) if options.torch else ():
                    theirs = [str(options.torch), str(PEER_SCRIPT), program, str(count), str(size)]
                    print_row(count, size, metric, program.rpartition("_")[0].replace("_", "-"), theirs, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 2048])
    parser.add_argument("--only", nargs="+", choices=(*METRICS, WHOLE))
    parser.add_argument("--one", choices=(*METRICS, WHOLE), help="print what this one costs, in this process")
    parser.add_argument("--torch", type=Path, help="Python of the environment that holds the programs")
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


def featured(count: int, size: int) -> Evidence:
    """Evidence whose features are there already: no network is run. Its images are blank, as nothing looks at them."""
    blank = np.zeros((len(Fold) * count, 8, 8, 1), np.uint8)
    few, many = (LoadedSplit(images, None, [], None) for images in (blank[:count], blank))
    settings = SyntheticGateSettings(extractor=ExtractorSettings(kind="random-conv"))
    evidence = Evidence(train=many, gate=few, held_out=few, synthetic=few, settings=settings)
    gate, synthetic = large(count, size, 0, 0.0), large(count, size, 1, 0.05)
    train = large(len(blank), size, 2, 0.0)
    evidence.__dict__["features"] = Features(gate, synthetic, train, evidence.unseen, evidence.extractor.identity)
    return evidence


def _held_out_and_training(real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return real[: len(real) // HELD_OUT_SHARE], real[len(real) // HELD_OUT_SHARE :]


if __name__ == "__main__":
    main()
