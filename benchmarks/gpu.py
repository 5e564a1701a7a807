"""Training on a machine that is lent for minutes and keeps nothing: speed, memory, and slices that go on from another.

    python -m benchmarks.gpu pack VERSION DATA
    python -m benchmarks.gpu run DATA OUT [--from EARLIER_OUT] [--families conv dcgan] [--minutes 9]

`pack` turns a prepared version (16, 28, 32, 64 or 128 px) into NPZ files of at most 20 MiB, to be taken along. `run`
measures every family in every precision: real images per second and peak memory of the bare step, use of the GPU
(nvidia-smi, where there is one), then trains each for its share of the minutes. OUT gets results.json, results.md,
grids.png, and state.part-* under 16 MiB each, which `--from` goes on from. Set KERAS_BACKEND=jax for JAX. Let a few
minutes pass beyond `--minutes` for starts and last evaluations.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.gpu_parts import pack, stacked, unpack, write_data
from gan.models.families import FAMILY_NAMES
from gan.sample_grid import read_picture, write_picture

PRECISIONS = ("float32", "mixed_bfloat16")


def main(arguments: list[str] | None = None) -> None:
    options = _options(arguments)
    if options.command == "pack":
        for path in write_data(options.version, options.data):
            print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        runs = Path(scratch) / "runs"
        runs.mkdir()
        slices = _earlier(options.earlier, runs)
        named = [(family, precision) for family in options.families for precision in options.precisions]
        for family, precision in named:
            slices.append(_both(family, precision, options, Path(scratch), len(named)))
        pack(runs, options.out)
        pictures = [max(folder.glob("samples/*.png"), default=None) for folder in sorted(runs.iterdir())]
        shown = [read_picture(path) for path in pictures if path]
    if shown:
        write_picture(stacked(shown), options.out / "grids.png")
    (options.out / "results.json").write_text(json.dumps(slices, indent=1) + "\n")
    (options.out / "results.md").write_text(table(slices))
    print(table(slices))


def table(slices: list[dict[str, Any]]) -> str:
    """Markdown: one row for each slice."""
    lines = [
        "| family | precision | device | images/s | GPU use | peak MiB | seen | Frechet distance | recall |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in slices:
        speed, trained = one["speed"], one["slice"]
        use = "-" if one["gpu_use"] is None else f"{one['gpu_use']:.0f} %"
        peak = "-" if speed["peak_mib"] is None else f"{speed['peak_mib']:.0f}"
        lines.append(
            f"| {one['family']} | {one['precision']} | {speed['device']}, {speed['backend']} "
            f"| {speed['images_per_second']:.0f} | {use} | {peak} | {trained['images_seen']} "
            f"| {trained['frechet_distance']:.1f} | {trained['recall']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="data of a prepared version, to be taken along")
    packing.add_argument("version", type=Path)
    packing.add_argument("data", type=Path)
    running = commands.add_parser("run", help="measure and train")
    running.add_argument("data", type=Path)
    running.add_argument("out", type=Path)
    running.add_argument("--from", dest="earlier", type=Path, help="OUT of the slice before")
    running.add_argument("--families", nargs="+", default=["conv"], choices=FAMILY_NAMES)
    running.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS)
    running.add_argument("--minutes", type=float, default=9.0, help="of all slices of this call together")
    running.add_argument("--speed-seconds", type=float, default=10.0, help="of each measurement of the bare step")
    running.add_argument("--settings", type=json.loads, default={}, help="training settings, as JSON")
    return parser.parse_args(arguments)


def _earlier(out: Path | None, runs: Path) -> list[dict[str, Any]]:
    if out is None:
        return []
    if not unpack(out, runs):
        raise SystemExit(f"{out} holds no state.part-*; leave out --from to begin anew")
    found: list[dict[str, Any]] = json.loads((out / "results.json").read_text())
    return found


def _both(family: str, precision: str, options: argparse.Namespace, scratch: Path, count: int) -> dict[str, Any]:
    """Speed, then a slice of training."""
    folder = scratch / "runs" / f"{family}-{precision}"
    common = {
        "family": family,
        "precision": precision,
        "settings": options.settings,
        "data": str(options.data.absolute()),
        "folder": str(folder),
    }
    speed, gpu_use = _worked({**common, "kind": "speed", "seconds": options.speed_seconds}, scratch)
    seconds = max(1.0, 60 * options.minutes / count - speed["start_s"] - options.speed_seconds)
    trained, _ = _worked({**common, "kind": "slice", "seconds": seconds}, scratch)
    return {"family": family, "precision": precision, "speed": speed, "slice": trained, "gpu_use": gpu_use}


def _worked(job: dict[str, Any], scratch: Path) -> tuple[dict[str, Any], float | None]:
    """The result of a job in a process of its own, and the mean use of the GPU in percent over its busier half."""
    path = scratch / f"{job['kind']}.json"
    path.write_text(json.dumps(job))
    watching = _nvidia_smi(scratch / "use.txt")
    try:
        subprocess.run([sys.executable, "-m", "benchmarks.gpu_worker", str(path)], check=True, env=os.environ)
    finally:
        if watching:
            watching.terminate()
            watching.wait()
    result = json.loads(path.with_suffix(".result.json").read_text())
    if not watching:
        return result, None
    seen = sorted(float(line) for line in (scratch / "use.txt").read_text().split() if line.isdigit())
    return result, mean(seen[len(seen) // 2 :]) if seen else None


def _nvidia_smi(path: Path) -> "subprocess.Popen[bytes] | None":
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop=1"]
    with path.open("wb") as file:
        return subprocess.Popen(query, stdout=file)


if __name__ == "__main__":
    main()
