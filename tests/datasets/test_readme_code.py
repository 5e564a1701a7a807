"""The Python of the README, run as it stands on a small published data set."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from datasets.manifest import Kind

ROOT = Path(__file__).resolve().parents[2]


def test_the_python_of_the_readme_runs(tmp_path, build_dataset_in):
    published = tmp_path / "demo" / "published"
    images = np.random.default_rng(0).integers(0, 255, (40, 16, 16, 1), dtype=np.uint8)
    real = {"train": images, "train_augmented": images, "test": images[:10]}
    build_dataset_in(published, "digits", real)
    build_dataset_in(published, "digits_synthetic", {"train": images}, kind=Kind.SYNTHETIC)
    for name in ("digits", "digits_synthetic"):
        (published / name / "latest").write_text("1.0.0\n")
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(code) == 2
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert re.fullmatch(r"\(16, 16, 1\) \S+\n\(32, 16, 16, 1\) \(32,\)\n", run.stdout)
