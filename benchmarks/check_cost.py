"""Marginal CPU time per image of `augment-dataset check`, beside cleanvision and imagededup on the same files.

    python -m benchmarks.check_cost PHOTOS --cleanvision PYTHON --imagededup PYTHON

How it is measured: `marginal_cost.py`. Nothing is downloaded here: make the peers' environments first, in a folder of
their own (they are no dependency of this project; imagededup brings PyTorch, some 6 GB where its wheels hold CUDA), and
leave away whom you cannot install:

    python3.11 -m venv peers/cleanvision && peers/cleanvision/bin/pip install cleanvision==0.3.7
    python3.11 -m venv peers/imagededup  && peers/imagededup/bin/pip install imagededup==0.3.3.post2 setuptools
    python -m benchmarks.check_cost photos --cleanvision peers/cleanvision/bin/python \\
        --imagededup peers/imagededup/bin/python

The tools do not do the same: cleanvision measures image properties and finds exact and near duplicates; imagededup
finds near duplicates alone; `check` reads every byte strictly, measures, finds both kinds of duplicates, mirrored, cut
and turned ones too, and writes manifest, findings and report.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from benchmarks.marginal_cost import PEERS, Command, add_arguments, compare


def main() -> None:
    """Compare with the peers that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--cleanvision", type=Path, help="Python of an environment that holds cleanvision")
    parser.add_argument("--imagededup", type=Path, help="Python of an environment that holds imagededup")
    options = parser.parse_args()
    commands: dict[str, Command] = {"augment-dataset check": check}
    for name in ("cleanvision", "imagededup"):
        if python := getattr(options, name):
            commands[name] = partial(peer, python, PEERS / f"{name}_check.py")
    compare(options, commands)


def check(photos: Path, out: Path) -> list[str]:
    """Our command, on two workers."""
    return [sys.executable, "-m", "flows", "check", "--workers", "2", "--out", str(out / "checked"), str(photos)]


def peer(python: Path, script: Path, photos: Path, _out: Path) -> list[str]:
    """A peer's script in its own environment."""
    return [str(python), str(script), str(photos)]


if __name__ == "__main__":
    main()
