"""CPU time that one more image costs a command: the slope between two samples of the same photographs.

Every command runs in a process of its own on both samples, one after another, several times. What it and all its
children use, user and system time, is taken from the kernel; the slope leaves start-up and imports apart.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.command_cost import Cost, measured
from benchmarks.tables import markdown

PEERS = Path(__file__).parent / "peers"
PHOTO_ENDINGS = {".jpg", ".jpeg", ".png"}  # that all tools read

Command = Callable[[Path, Path], list[str]]  # folder of images, a folder to write to that is there and empty


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that `compare` needs."""
    parser.add_argument("photos", type=Path, help="folder of photographs, searched with its subfolders")
    parser.add_argument("--sizes", type=int, nargs=2, default=[1_000, 3_700], help="images in both samples")
    parser.add_argument("--repetitions", type=int, default=3)


def compare(options: argparse.Namespace, commands: Mapping[str, Command]) -> None:
    """Measure, say every figure on standard error as it comes, and print a Markdown table. The first is ours."""
    costs: dict[tuple[str, int], list[Cost]] = {}
    with tempfile.TemporaryDirectory(prefix="marginal-cost-") as scratch:
        samples = {size: sample(options.photos, size, Path(scratch) / str(size)) for size in options.sizes}
        for repetition in range(1, options.repetitions + 1):
            for name, command in commands.items():
                for size, folder in samples.items():  # both sizes back to back, under the same load if possible
                    with tempfile.TemporaryDirectory(dir=scratch) as out:
                        cost = measured(command(folder, Path(out)))
                    costs.setdefault((name, size), []).append(cost)
                    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
                    figures = f"{cost.cpu_s:.2f} CPU s, {cost.wall_s:.1f} s"
                    print(f"{repetition}: {name}, {size} images: {figures}; load {load}", file=sys.stderr, flush=True)
    print(table(costs, options.sizes))


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


def table(costs: Mapping[tuple[str, int], Sequence[Cost]], sizes: Sequence[int]) -> str:
    """Medians of the repetitions; the slope is that of each repetition, its median with least and most behind it.

    The start is what is left of the smaller sample's cost without its images.
    """
    small, large = sizes
    slopes = {name: slopes_ms(costs[name, small], costs[name, large], large - small) for name, _ in costs}
    own_ms = median(next(iter(slopes.values())))
    rows = []
    for name, values in slopes.items():
        start_s = median(cost.cpu_s for cost in costs[name, small]) - small * median(values) / 1000
        wall_s = [median(cost.wall_s for cost in costs[name, size]) for size in sizes]
        spread = f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        times = f"{median(values) / own_ms:.2f}"
        rows.append((name, spread, times, f"{start_s:.1f}", f"{wall_s[0]:.0f}, {wall_s[1]:.0f}"))
    return markdown(("", "CPU ms per image (least to most)", "times ours", "start, CPU s", "wall s of both"), rows)


def slopes_ms(small: Sequence[Cost], large: Sequence[Cost], more_images: int) -> list[float]:
    """CPU milliseconds that one more image costs, for each repetition."""
    return [1000 * (many.cpu_s - few.cpu_s) / more_images for few, many in zip(small, large, strict=True)]
