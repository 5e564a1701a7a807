"""The examples for PyTorch, run as they are where it is installed; what they stand on is tested in any case."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.export.export import export
from tasks.progress import silent
from tests.tasks.tiny_versions import SPLITS, tiny

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


def run(name, folder, cwd, *more):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, folder, *more],
        cwd=cwd,
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    return tiny().write(tmp_path / "tiny" / "1.0.0")


@needs_torch
def test_two_workers_see_each_image_once(folder, tmp_path):
    lines = run("pytorch_dataloader.py", folder, tmp_path).splitlines()
    assert lines[1:] == [f"epoch {epoch}: {SPLITS['train']} images" for epoch in range(2)]


@needs_torch
def test_synthetic_images_are_mixed_in(folder, tmp_path):
    synthetic = tiny(name="tiny_synthetic", kind="synthetic").write(tmp_path / "tiny_synthetic" / "1.0.0")
    lines = run("pytorch_dataloader.py", folder, tmp_path, synthetic, "0.5").splitlines()
    assert lines[1:] == [f"epoch {epoch}: {2 * SPLITS['train']} images" for epoch in range(2)]


@needs_torch
def test_an_export_is_read_without_this_project(folder, tmp_path):
    export(folder, "parquet", tmp_path / "out", (), 2**20, silent)
    assert run("pytorch_from_parquet.py", tmp_path / "out", tmp_path) == f"{SPLITS['train']} images\n"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_listed(path):
    compile(path.read_text(encoding="utf-8"), path, "exec")
    assert f"[{path.name}]({path.name})" in (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
