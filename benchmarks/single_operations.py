"""CPU time of the operations that all work is made of, and of commands and stages that have nothing to do.

    python -m benchmarks.single_operations PHOTOS

PHOTOS is a folder of JPEG photographs, at any depth. Operations: the median over photographs or images, of the best of
three rounds each. Commands: the lesser of two runs, with all that they start; a run that changes nothing is one of
`prepare` on the digits of the demo, without Prefect and with it (and the start of its server).
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import simplejpeg
from sklearn.datasets import load_digits

from benchmarks.command_cost import measured
from benchmarks.prefect_share import WITHOUT
from benchmarks.tables import markdown
from datasets.image_codec import decode_image, encode_image
from datasets.tfrecord import read_tfrecord, write_tfrecord
from flows.demo import write_demo
from tasks.imaging.decode import decode
from tasks.imaging.measures import measure

FILES, FRAMES = 200, 10_000
ROUNDS, RUNS = 3, 2


def main() -> None:
    """Print two Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    photos = parser.parse_args().photos
    files = sorted(photos.rglob("*.jpg"))
    payloads = [files[index * len(files) // FILES].read_bytes() for index in range(FILES)]
    print("Operations\n")
    print(markdown(("operation", "CPU µs"), [(name, f"{us:.1f}") for name, us in operations(payloads)]))
    print("\nCommands\n")
    print(markdown(("command", "CPU s"), [(name, f"{cpu_s:.1f}") for name, cpu_s in commands()]), flush=True)


def operations(payloads: Sequence[bytes]) -> list[tuple[str, float]]:
    """Name and CPU microseconds of each."""
    images = [simplejpeg.decode_jpeg(payload) for payload in payloads]
    pixels = median(image.shape[0] * image.shape[1] for image in images)
    small = [image.astype(np.uint8)[..., None] * 16 for image in digits()]
    pngs = [encode_image(image, "png") for image in small]
    return [
        (f"decode a photograph of {pixels:,.0f} pixels (median), strictly", cost_us(decode, payloads)),
        ("the same with simplejpeg alone", cost_us(simplejpeg.decode_jpeg, payloads)),
        ("measures of that photograph", cost_us(measure, images)),
        ("encode a 28x28 grey PNG", cost_us(lambda image: encode_image(image, "png"), small)),
        ("decode a 28x28 grey PNG", cost_us(decode_image, pngs)),
        *frames(pngs[0]),
    ]


def digits() -> np.ndarray:
    """[200, 28, 28], 0 to 15."""
    large = load_digits().images[:FILES].repeat(3, axis=1).repeat(3, axis=2)
    return np.pad(large, ((0, 0), (2, 2), (2, 2))).clip(0, 15)


def cost_us(work: Callable[[Any], object], given: Sequence[Any]) -> float:
    """Median over what is given, of the best of the rounds."""
    work(given[0])
    return median(min(_timed_us(work, each) for _ in range(ROUNDS)) for each in given)


def _timed_us(work: Callable[[Any], object], given: object) -> float:
    start_ns = time.process_time_ns()
    work(given)
    return (time.process_time_ns() - start_ns) / 1e3


def frames(payload: bytes) -> list[tuple[str, float]]:
    """One of many in a file."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "many.tfrecord"
        written_us = min(_timed_us(lambda _: write_tfrecord(path, [payload] * FRAMES), None) for _ in range(ROUNDS))
        read_us = min(_timed_us(lambda _: sum(1 for _ in read_tfrecord(path)), None) for _ in range(ROUNDS))
    return [("write a TFRecord frame", written_us / FRAMES), ("read a TFRecord frame", read_us / FRAMES)]


def commands() -> list[tuple[str, float]]:
    """Name and CPU seconds of each."""
    with tempfile.TemporaryDirectory(prefix="commands-") as scratch:
        settings = str(write_demo(Path(scratch)))
        ours = [sys.executable, "-m", "flows"]
        first_s = measured([*ours, "prepare", settings]).cpu_s
        return [
            ("`prepare`, 1,804 digits, the first time", first_s),
            ("`prepare` again, which changes nothing", least_s([*ours, "prepare", settings])),
            ("the same without Prefect", least_s([sys.executable, "-c", WITHOUT, settings, "prepare-dataset"])),
            ("`--help`", least_s([*ours, "--help"])),
            ("`list`", least_s([*ours, "list", str(Path(scratch) / "published")])),
        ]


def least_s(command: Sequence[str]) -> float:
    """CPU seconds of the quickest of the runs."""
    return min(measured(command).cpu_s for _ in range(RUNS))


if __name__ == "__main__":
    main()
