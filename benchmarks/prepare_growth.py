"""CPU time and memory of `prepare`, stage by stage, for growing data sets; and the exponents of their growth.

    python -m benchmarks.prepare_growth --photos PHOTOS 1000 10000
    python -m benchmarks.prepare_growth --idx FASHION-MNIST 10000 70000

`--photos` is a folder of photographs in any depth: distinct variants of them are encoded anew, one per image asked
for, into a temporary folder that is removed afterwards (about 40 kB each). `--idx` is a folder of IDX files, of which
so many images are taken. Every stage runs as in a real run, in a process of its own with two workers, in a workspace
of its own that is new for every size. CPU time is the kernel's, of the stage and all its children; memory is the
largest resident set of any worker, and of the stage's own process, as Linux keeps it.
"""

import argparse
import contextlib
import math
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.errors import Refused
from datasets.image_codec import decode_image
from flows.settings import Settings, validate
from tasks.run import Run, SilentObserver
from tasks.stage import Stage, StageResult
from tasks.stages import PREPARE

SIDE_PX = 96
IDX_SIDE_PX = 28
SAMPLE_S = 0.05
PHOTO_ENDINGS = {".jpg", ".jpeg", ".png"}


@dataclass
class Peaks:
    """Largest resident set in MiB of the processes of a stage, by what they do."""

    main_mib: float = 0.0
    workers_mib: float = 0.0


@dataclass
class Measured(SilentObserver):
    """What each stage of one run used."""

    images: int
    peaks: dict[str, Peaks] = field(default_factory=dict)
    results: dict[str, StageResult] = field(default_factory=dict)
    stage: str = ""

    def stage_started(self, stage: Stage) -> None:
        self.stage = stage.name
        self.peaks[stage.name] = Peaks()

    def stage_ended(self, stage: Stage, result: StageResult) -> None:
        self.results[stage.name] = result

    @property
    def cpu_s(self) -> float:
        return sum(result.usage.cpu_s for result in self.results.values())


def main() -> None:
    """Print a table per size, and one of the growth between the smallest and the largest."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    runs = [measured(arguments, count) for count in sorted(arguments.counts)]
    for run in runs:
        print_run(run)
    if len(runs) > 1:
        print_growth(runs[0], runs[-1])


def measured(arguments: argparse.Namespace, count: int) -> Measured:
    """Run prepare on so many images, and throw away all that it made."""
    with tempfile.TemporaryDirectory(prefix="prepare-growth-", dir=arguments.scratch) as folder:
        base = Path(folder)
        source = photo_source(arguments.photos, base, count) if arguments.photos else idx_source(arguments.idx, count)
        settings = validate(settings_record(base, source, arguments), "benchmark")
        watched = Measured(count)
        with sampled(watched):
            run_prepare(settings, watched)
        return watched


def settings_record(base: Path, source: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Any]:
    side_px = IDX_SIDE_PX if arguments.idx else SIDE_PX
    scan = {"channels": 1 if arguments.idx else 3, "resize": {"width_px": side_px, "height_px": side_px}}
    return {
        "dataset": "growth",
        "source": source,
        "workspace": str(base / "workspace"),
        "published": str(base / "published"),
        "scan": scan,
        "augment": {"preset": "none"} if arguments.no_augment else {},
        "compute": {"workers": arguments.workers},
    }


def run_prepare(settings: Settings, watched: Measured) -> None:
    run = Run(flow="prepare-dataset", settings=settings, place=settings.place, observer=watched)
    try:
        run.run_stages(PREPARE)
    except Refused as refused:  # by the data gate: what it is about is no matter here
        print(f"the data gate refused: {refused}")


def idx_source(folder: Path, count: int) -> dict[str, Any]:
    return {"kind": "idx", "path": str(folder.resolve()), "limit": count}


def photo_source(photos: Path, base: Path, count: int) -> dict[str, Any]:
    """So many distinct photographs in two folders: cut, lit and compressed differently in every round."""
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in PHOTO_ENDINGS)
    if not found:
        raise SystemExit(f"{photos} holds no photographs ({', '.join(sorted(PHOTO_ENDINGS))})")
    for name in ("a", "b"):
        (base / "images" / name).mkdir(parents=True)
    for number in range(count):
        path = base / "images" / "ab"[number % 2] / f"{number:07}.jpg"
        path.write_bytes(variant(found[number % len(found)].read_bytes(), number))
    return {"kind": "folder_per_class", "path": str(base / "images")}


def variant(payload: bytes, number: int) -> bytes:
    """A JPEG that is no near copy of the others of its photograph: another part of it, in another light."""
    image = decode_image(payload)
    rng = np.random.default_rng(number)
    height, width = (int(side * rng.uniform(0.6, 1.0)) for side in image.shape[:2])
    top, left = (int(rng.integers(0, whole - part + 1)) for whole, part in zip(image.shape, (height, width)))  # noqa: B905
    part = image[top : top + height, left : left + width].astype(np.float32)
    lit = np.clip(part * rng.uniform(0.7, 1.3) + rng.normal(0, 4, part.shape), 0, 255).astype(np.uint8)
    pixels = lit[..., ::-1] if lit.shape[-1] == 3 else lit
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(80, 96))])
    return encoded.tobytes()


@contextlib.contextmanager
def sampled(watched: Measured) -> Iterator[None]:
    """Note the high-water mark of every process below this one, until the block ends."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_S):
            if watched.stage:
                note_peaks(watched.peaks[watched.stage])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def note_peaks(peaks: Peaks) -> None:
    """A stage is a child of this process; its workers are children of the one that it forks them from."""
    parents = dict(processes())
    me = Path("/proc/self").resolve().name
    for pid, parent in parents.items():
        if parent == me:
            peaks.main_mib = max(peaks.main_mib, high_water_mib(pid))
        elif parents.get(parents.get(parent, "")) == me:
            peaks.workers_mib = max(peaks.workers_mib, high_water_mib(pid))


def processes() -> Iterator[tuple[str, str]]:
    """Each process with its parent."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                yield folder.name, (folder / "stat").read_text().rpartition(")")[2].split()[1]


def high_water_mib(pid: str) -> float:
    with contextlib.suppress(OSError):
        for line in Path("/proc", pid, "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) / 1024
    return 0.0


def print_run(run: Measured) -> None:
    print(f"\n{run.images:,} images\n")
    print("| stage | CPU s | CPU ms/image | wall s | peak MiB, stage | peak MiB, a worker |")
    print("|---|---|---|---|---|---|")
    for name, result in run.results.items():
        used, peaks = result.usage, run.peaks[name]
        row = (f"{used.cpu_s:.1f}", f"{1e3 * used.cpu_s / run.images:.3f}", f"{used.wall_s:.1f}")
        print(f"| {name} | {' | '.join(row)} | {peaks.main_mib:.0f} | {peaks.workers_mib:.0f} |")
    print(f"| all | {run.cpu_s:.1f} | {1e3 * run.cpu_s / run.images:.3f} | | | |")


def print_growth(small: Measured, large: Measured) -> None:
    """Exponent e of cost ~ images^e: 1 is linear. Of memory, the ratio: 1 is bounded."""
    times = large.images / small.images
    print(f"\nFrom {small.images:,} to {large.images:,} images\n")
    print("| stage | exponent of CPU time | marginal CPU ms/image | memory of the stage, times | of a worker, times |")
    print("|---|---|---|---|---|")
    for name in (*large.results, "all"):
        before, after = (run.cpu_s if name == "all" else run.results[name].usage.cpu_s for run in (small, large))
        exponent = math.log(after / before) / math.log(times)
        marginal = 1e3 * (after - before) / (large.images - small.images)
        memory = " | ".join(memory_ratios(small, large, name)) if name != "all" else " | "
        print(f"| {name} | {exponent:.2f} | {marginal:.3f} | {memory} |")


def memory_ratios(small: Measured, large: Measured, name: str) -> Sequence[str]:
    before, after = small.peaks[name], large.peaks[name]
    pairs = ((after.main_mib, before.main_mib), (after.workers_mib, before.workers_mib))
    return [f"{now / then:.2f}" if then and now else "no workers" for now, then in pairs]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="CPU time and memory of prepare for growing data sets")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--photos", type=Path, help="folder of photographs, in any depth")
    which.add_argument("--idx", type=Path, help="folder of IDX files")
    parser.add_argument("counts", type=int, nargs="+", help="numbers of images")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-augment", action="store_true", help="make no augmented copies")
    parser.add_argument("--scratch", type=Path, default=None, help="where to put what is removed afterwards")
    arguments = parser.parse_args()
    if shutil.disk_usage(arguments.scratch or tempfile.gettempdir()).free < 200_000 * max(arguments.counts):
        parser.error("the temporary folder has too little room; give another with --scratch")
    return arguments


if __name__ == "__main__":
    started_s = time.monotonic()
    main()
    print(f"\nmeasured in {time.monotonic() - started_s:.0f} s")
