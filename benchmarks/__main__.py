"""All benchmarks one after another, each with the machine's load before it, as Markdown on standard output.

    python -m benchmarks [--data DATA] [--peers PEERS] [--only NAME ...]

DATA holds `fashion-mnist/` (IDX files) and `clothing/` (JPEG files, in folders of any depth). PEERS holds one virtual
environment per tool, named as the tool: `cleanvision/`, `imagededup/`, `img2dataset/`, and `torch/` for the published
programs of metrics; the docstrings of `check_cost.py`, `prepare_cost.py` and `peers/metric_values.py` say how to make
them. What is not there is left out, and that is said.
"""

import argparse
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("numpy", "opencv-python-headless", "simplejpeg", "pillow", "pyarrow", "dask", "prefect", "tensorflow")


def main() -> int:
    """0 where all that could run did."""
    options = _options()
    print(about_the_machine(), flush=True)
    failed = []
    for name, command in commands(options.data, options.peers).items():
        if options.only and name not in options.only:
            continue
        print(f"\n## {name}\n", flush=True)
        if isinstance(command, str):
            print(f"Left out: {command}", flush=True)
            continue
        print(f"`python -m benchmarks.{' '.join(command)}`; load before it {os.getloadavg()[0]:.1f}\n", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{command[0]}", *command[1:]], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed: {', '.join(failed)}")
    return bool(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with fashion-mnist/ and clothing/")
    parser.add_argument("--peers", type=Path, help="folder with the peers' environments")
    parser.add_argument("--only", nargs="+", help="names of benchmarks")
    return parser.parse_args()


def commands(data: Path | None, peers: Path | None) -> dict[str, list[str] | str]:
    """By name: module and arguments, or why it is left out."""
    no_data = "it needs --data, a folder with fashion-mnist/ and clothing/."
    found: dict[str, list[str] | str] = {
        "listing": ["listing", "10000", "100000"],
        "augmentation": ["augmentation", "--copies", "200"],
        "duplicate_search": ["duplicate_search", "20000", "100000"],
        "training_loop": ["training_loop"],
        "gate_evidence": ["gate_evidence", "--digits"],
        "gate_cost": ["gate_cost", "--counts", "10000", *_python_of(peers, "torch", "--peer")],
        "extractor_cost": ["extractor_cost"],
        "extractor_sensitivity": ["extractor_sensitivity", "digits"],
    }
    if data is None:
        needing = ("pixel_operations", "reading", "damage_detection", "duplicate_recall")
        return found | dict.fromkeys((*needing, "check_cost", "prepare_cost", "growth_photos", "growth_idx"), no_data)
    photos, idx = str(data / "clothing"), data / "fashion-mnist"
    of_peer = {name: _python_of(peers, name, f"--{name}") for name in ("cleanvision", "imagededup", "img2dataset")}
    return found | {
        "pixel_operations": ["pixel_operations", photos, "--files", "100"],
        "reading": ["reading", str(data)],
        "damage_detection": ["damage_detection", photos, "--files", "100"],
        "duplicate_recall": ["duplicate_recall", photos, "--idx", str(idx / "train-images-idx3-ubyte.gz")],
        "check_cost": ["check_cost", photos, *of_peer["cleanvision"], *of_peer["imagededup"]],
        "prepare_cost": ["prepare_cost", photos, *of_peer["img2dataset"]],
        "growth_photos": ["prepare_growth", "--photos", photos, "--no-augment", "1000", "10000"],
        "growth_idx": ["prepare_growth", "--idx", str(idx), "--no-augment", "10000", "70000"],
    }


def _python_of(peers: Path | None, name: str, option: str) -> list[str]:
    """The option that names a peer's Python, where its environment is there."""
    python = None if peers is None else peers / name / "bin" / "python"
    return [option, str(python)] if python and python.exists() else []


def about_the_machine() -> str:
    """Processor, cores, memory, system and versions, as lines of Markdown."""
    cpu = next((line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "unknown")
    kib = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    cores = len(os.sched_getaffinity(0))
    return (
        f"# Benchmarks\n\n{cores} cores ({cpu}), {kib >> 20} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, {versions}."
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
