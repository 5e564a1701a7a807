"""The Python of docs/reading.md, run as it stands, and its tables against the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datasets.manifest import MANIFEST_FILE, SCHEMA, Kind, write_table
from datasets.normalise import METHODS
from datasets.tf_augmentations import STRENGTHS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, build_dataset_in) -> Path:
    """Where there is published/digits, and published/digits_synthetic; synthetic images are brighter than real ones."""
    home = tmp_path_factory.mktemp("page")
    images = np.random.default_rng(0).integers(0, 100, (70, 16, 16, 1), dtype=np.uint8)
    splits = {"train": images, "train_augmented": images, "test": images[:10]}
    version = build_dataset_in(home / "published", "digits", splits)
    row = {"source": "digits", "member": "a.png", "frame": 0, "kind": "real", "status": "kept"}
    write_table(pa.Table.from_pylist([row], schema=SCHEMA), version / MANIFEST_FILE)
    build_dataset_in(home / "published", "digits_synthetic", {"train": images[:20] + 150}, kind=Kind.SYNTHETIC)
    return home


def test_the_python_of_the_page_runs(folder, page):
    code = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.splitlines() == [
        "<dtype: 'float32'> <dtype: 'int64'>",
        "uint8 ('bag', 'été', 't-shirt')",
        "True",
        "280",
        "280",
        "<dtype: 'float32'>",
    ]


def test_the_mix_by_tfds_needs_nothing_of_this_project(folder, page, bare_python):
    section = page.split("## Mixing in synthetic images")[1].split("\n## ")[0]
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL) if "tfds" in block]
    code += "print([int((images.numpy() >= 150).all((1, 2, 3)).sum()) for images, _ in mixed.batch(40)])\n"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run([bare_python, "-I", "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout == "[20, 20, 20, 20, 20, 20, 20]\n"


def test_the_methods_are_those_of_the_code(page):
    table = page.split("## Normalisation")[1].split("```")[0]
    assert re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE) == list(METHODS)


def test_the_augmentations_are_those_of_the_code(page):
    table = page.split("## Augmentation while reading")[1].split("##")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d.]+) \|$", table, flags=re.MULTILINE)
    assert {name: float(usual) for name, usual in rows} == {name: known.usual for name, known in STRENGTHS.items()}
