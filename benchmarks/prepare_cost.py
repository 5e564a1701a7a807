"""Marginal CPU time of `augment-dataset prepare` to 256-px JPEG shards, beside a bare loop and img2dataset.

    python -m benchmarks.prepare_cost PHOTOS --img2dataset PYTHON

How it is measured: `marginal_cost.py`. Nothing is downloaded here: make the peer's environment first, in a folder of
its own, or leave it away:

    python3.11 -m venv peers/img2dataset && peers/img2dataset/bin/pip install img2dataset==1.47.0 setuptools
    python -m benchmarks.prepare_cost photos --img2dataset peers/img2dataset/bin/python

All cut the middle to a square, shrink it by area to 256 px, and store it as JPEG of quality 95, on two processes. The
bare loop does nothing else: no check, no digest, no order, no split. img2dataset resizes and shards. `prepare` does all
of its stages: strict decoding, digests, measures, duplicates (cut and turned ones too), splits, shuffled shards with
checksums, the data gate, the published version and the report.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from benchmarks.marginal_cost import PEERS, Command, add_arguments, compare

SETTINGS = """\
dataset: photographs
workspace: {out}/workspace
published: {out}/published
source: {{kind: folder_per_class, path: {photos}}}
scan:
  resize: {{width_px: 256, height_px: 256, mode: crop}}
  encoding: jpeg
augment: {{preset: none}}
compute: {{workers: 2}}
"""


def main() -> None:
    """Compare with the bare loop, and with img2dataset where it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--img2dataset", type=Path, help="Python of an environment that holds img2dataset")
    options = parser.parse_args()
    commands: dict[str, Command] = {
        "augment-dataset prepare": prepare,
        "bare loop": partial(peer, Path(sys.executable), PEERS / "bare_loop.py"),
    }
    if options.img2dataset:
        commands["img2dataset"] = partial(peer, options.img2dataset, PEERS / "img2dataset_resize.py")
    compare(options, commands)


def prepare(photos: Path, out: Path) -> list[str]:
    """Our command, from nothing to a published version."""
    settings = out / "settings.yaml"
    settings.write_text(SETTINGS.format(out=out, photos=photos), encoding="utf-8")
    return [sys.executable, "-m", "flows", "prepare", str(settings)]


def peer(python: Path, script: Path, photos: Path, out: Path) -> list[str]:
    """A script in its own environment."""
    return [str(python), str(script), str(photos), str(out)]


if __name__ == "__main__":
    main()
