"""Marginal CPU time per image of `augment-dataset check`, beside cleanvision and imagededup on the same files.

    python -m benchmarks.check_cost PHOTOS --cleanvision PYTHON --imagededup PYTHON

Every tool runs in a process of its own on two samples of the photographs, one after another, three times. What it
and all its children use, user and system time, is taken from the kernel; the slope between both samples is the cost of
one more image, with start-up and imports apart. Nothing is downloaded here: make the peers' environments first, in a
folder of their own (they are no dependency of this project; imagededup brings PyTorch, some 6 GB where its wheels
hold CUDA), and leave away whom you cannot install, which is then said to be not measured:

    python3.11 -m venv peers/cleanvision && peers/cleanvision/bin/pip install cleanvision==0.3.7
    python3.11 -m venv peers/imagededup  && peers/imagededup/bin/pip install imagededup==0.3.3.post2
    python -m benchmarks.check_cost photos --cleanvision peers/cleanvision/bin/python \\
        --imagededup peers/imagededup/bin/python

The tools do not do the same: cleanvision measures image properties and finds exact and near duplicates; imagededup
finds near duplicates alone; `check` reads every byte strictly, measures, finds both kinds of duplicates, mirrored
ones too, and writes manifest, findings and report.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PEERS = Path(__file__).parent / "peers"
PHOTO_ENDINGS = {".jpg", ".jpeg", ".png"}  # that all three read


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a tool used, with all its children."""

    cpu_s: float
    wall_s: float


def main() -> None:
    """Measure, say every figure on standard error as it comes, and print a Markdown table."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="check-cost-") as scratch:
        samples = {size: sample(options.photos, size, Path(scratch) / str(size)) for size in options.sizes}
        commands = commands_of(options, Path(scratch) / "out")
        costs: dict[tuple[str, int], list[Cost]] = {}
        for repetition in range(1, options.repetitions + 1):
            for tool, command in commands.items():
                for size, folder in samples.items():  # both sizes back to back, under the same load if possible
                    cost = measured([*command, str(folder)])
                    costs.setdefault((tool, size), []).append(cost)
                    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
                    figures = f"{cost.cpu_s:.2f} CPU s, {cost.wall_s:.1f} s"
                    print(f"{repetition}: {tool}, {size} images: {figures}; load {load}", file=sys.stderr, flush=True)
    print(table(costs, options.sizes))
    for tool in {"cleanvision", "imagededup"} - commands.keys():
        print(f"\n{tool} was not measured: no --{tool} was given.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of photographs, searched with its subfolders")
    parser.add_argument("--cleanvision", type=Path, help="Python of an environment that holds cleanvision")
    parser.add_argument("--imagededup", type=Path, help="Python of an environment that holds imagededup")
    parser.add_argument("--sizes", type=int, nargs=2, default=[1_000, 3_700], help="images in both samples")
    parser.add_argument("--repetitions", type=int, default=3)
    return parser.parse_args()


def commands_of(options: argparse.Namespace, out: Path) -> dict[str, list[str]]:
    """The tools that are there; the folder comes behind."""
    commands = {"check": [sys.executable, "-m", "flows", "check", "--workers", "2", "--out", str(out)]}
    for tool in ("cleanvision", "imagededup"):
        python = getattr(options, tool)
        if python is not None:
            commands[tool] = [str(python), str(PEERS / f"{tool}_check.py")]
    return commands


def sample(photos: Path, size: int, folder: Path) -> Path:
    """Copy so many files, evenly spread over their names in order, with their subfolder; this also warms the cache."""
    paths = sorted(path for path in photos.rglob("*") if path.suffix.lower() in PHOTO_ENDINGS)
    if len(paths) < size:
        sys.exit(f"{photos} holds {len(paths)} photographs; {size} are needed, or give smaller --sizes")
    for index in range(size):
        path = paths[index * len(paths) // size]
        target = folder / path.parent.name / f"{index:06}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


def measured(command: Sequence[str]) -> Cost:
    """Run a command to its end. Exits with its last words where it fails."""
    started_s = time.monotonic()
    with tempfile.TemporaryFile() as words:
        child = subprocess.Popen(command, stdout=words, stderr=words, cwd=Path(__file__).parent.parent)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            words.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{words.read()[-2000:].decode(errors='replace')}")
    return Cost(cpu_s=usage.ru_utime + usage.ru_stime, wall_s=time.monotonic() - started_s)


def table(costs: Mapping[tuple[str, int], Sequence[Cost]], sizes: Sequence[int]) -> str:
    """Medians of the repetitions; the slope is that of each repetition, its median with least and most behind it."""
    small, large = sizes
    slopes = {tool: slopes_ms(costs[tool, small], costs[tool, large], large - small) for tool, _ in costs}
    own_ms = median(slopes["check"])
    lines = [
        f"| tool | CPU ms per image (least to most) | times check | CPU s of {small:,} images | CPU s of {large:,} |",
        "|---|---|---|---|---|",
    ]
    for tool, values in slopes.items():
        cpu_s = [median(cost.cpu_s for cost in costs[tool, size]) for size in sizes]
        spread = f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        lines.append(f"| {tool} | {spread} | {median(values) / own_ms:.1f} | {cpu_s[0]:.1f} | {cpu_s[1]:.1f} |")
    return "\n".join(lines)


def slopes_ms(small: Sequence[Cost], large: Sequence[Cost], more_images: int) -> list[float]:
    """CPU milliseconds that one more image costs, for each repetition."""
    return [1000 * (many.cpu_s - few.cpu_s) / more_images for few, many in zip(small, large, strict=True)]


if __name__ == "__main__":
    main()
