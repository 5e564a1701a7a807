"""The Python of docs/reading.md, run as it stands, and its tables against the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.normalise import METHODS
from datasets.tf_augmentations import STRENGTHS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs(tmp_path, build_dataset_in, page):
    images = np.random.default_rng(0).integers(0, 255, (70, 16, 16, 1), dtype=np.uint8)
    splits = {"train": images, "train_augmented": images, "test": images[:10]}
    build_dataset_in(tmp_path / "published", "digits", splits)
    code = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.splitlines() == [
        "<dtype: 'float32'> <dtype: 'int64'>",
        "uint8 ('bag', 'été', 't-shirt')",
        "True",
        "<dtype: 'float32'>",
    ]


def test_the_methods_are_those_of_the_code(page):
    table = page.split("## Normalisation")[1].split("```")[0]
    assert re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE) == list(METHODS)


def test_the_augmentations_are_those_of_the_code(page):
    table = page.split("## Augmentation while reading")[1].split("##")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d.]+) \|$", table, flags=re.MULTILINE)
    assert {name: float(usual) for name, usual in rows} == {name: known.usual for name, known in STRENGTHS.items()}
