"""`augment-dataset export-generator`, and the example of docs/gan.md, run where there is no project."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from datasets.errors import BadInput
from flows.command_line import app
from flows.export_generator import generator_folder
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sampling import Generator
from tests.tasks.tiny_versions import tiny

ROOT = Path(__file__).resolve().parents[2]
SECTION = (ROOT / "docs" / "gan.md").read_text(encoding="utf-8").split("\n## Export\n")[1].split("\n## ")[0]
COMMANDS = re.findall(r"^augment-dataset ([^#\n]+)", SECTION, flags=re.MULTILINE)
WITH_KERAS, WITH_ONNX = re.findall(r"```python\n(.*?)```", SECTION, flags=re.DOTALL)


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """A published synthetic version with its generator, in the folder that commands are called in."""
    monkeypatch.chdir(tmp_path)
    folder = tiny(name="digits_synthetic", kind="synthetic").write(tmp_path / "published/digits_synthetic/1.0.0")
    spec = ModelSpec(resolution_px=16, channels=1, classes=10, latent_size=6, latent_scale=1.15, width=4, max_width=16)
    generator = Generator(FAMILIES["conv"].build_generator(spec, 1), spec, tuple("0123456789"))
    (folder / "generator").mkdir()
    generator.save(folder / "generator")
    return generator


def export(command):
    done = CliRunner().invoke(app, shlex.split(command), catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_the_keras_example_gives_the_images_of_the_generator(digits, tmp_path, bare_python):
    export(next(command for command in COMMANDS if "keras" in command))
    code = WITH_KERAS + '\nnp.save("pixels.npy", pixels)'
    done = subprocess.run([bare_python, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "(8, 16, 16, 1)\n", done.stderr[-2000:]
    expected = digits.sample(np.full(8, 3), seed=1).astype(int)
    # The same network may be rounded otherwise for eight images than for a block of a hundred.
    assert np.abs(np.load(tmp_path / "pixels.npy").astype(int) - expected).max() <= 1


def test_the_onnx_example_gives_the_same_images(digits, tmp_path, bare_python):
    for package in ("onnx", "onnxruntime", "tf2onnx"):
        pytest.importorskip(package, reason=f"{package} is not installed: it comes with the extra [onnx]")
    for command in COMMANDS:
        export(command)
    code = WITH_KERAS + WITH_ONNX
    done = subprocess.run([bare_python, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "(8, 16, 16, 1)\nTrue\n", done.stderr[-2000:]


def test_a_real_version_holds_no_generator(tmp_path):
    version = tiny(name="digits").write(tmp_path / "digits" / "1.0.0")
    sentence = (
        f"{version} holds no generator (no generator/generator.json); name a synthetic version that was published with "
        "publish.generator weights or keras"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        generator_folder(tmp_path / "digits")


def written_record(folder, *stages):
    """A run's record with such stages."""
    path = folder / "run.json"
    texts = dict.fromkeys(("run", "flow", "dataset", "verdict", "message"), "tiny")
    times = dict.fromkeys(("started_at", "finished_at"), "2026-11-22T12:00:00+00:00")
    path.write_text(
        json.dumps({"format_version": 1, **texts, **times, "settings": {}, "stopped_stage": None, "stages": stages})
    )
    return path


def test_the_record_of_a_run_leads_to_its_generator(tmp_path):
    trained = tmp_path / "workspace" / "tiny" / "train" / "0123"
    trained.mkdir(parents=True)
    (trained / "generator.json").write_text("{}")
    stage = {"name": "train", "outcome": "ran", "why": "first run", "path": str(trained), "digest": "", "summary": {}}
    record = written_record(tmp_path, stage | {"usage": {"wall_s": 1.0, "cpu_s": 1.0, "peak_rss_mib": 1.0}})
    assert generator_folder(record) == trained


def test_a_run_without_training_is_refused(tmp_path):
    record = written_record(tmp_path)
    sentence = f"{record} is of a run that trained no generator, or its workspace is gone; name another run"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        generator_folder(record)
