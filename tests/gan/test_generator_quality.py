"""The benchmark of generators, in miniature: it trains, measures and writes what its tables are made of."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import generator_quality
from benchmarks.generator_images import made_by, read
from benchmarks.generator_quality import SHARE_OF_STEPS, Work, budgeted, measured
from benchmarks.generator_table import table
from gan.settings import ClassifierSettings
from tests.tasks.tiny_versions import tiny

SMALL = {
    "preset": "small",
    "width": 2,
    "latent_size": 4,
    "batch_size": 8,
    "evaluation_samples": 20,
    "film": {"format": "none"},
    "extractor": {"width": 4, "feature_size": 8, "budget_images": 320},
}
PEER = """
import json, sys
import numpy as np
given, wanted, count, seed, seconds = sys.argv[1:]
images = np.load(given)
assert images.shape[1:] == (32, 32, 1)
about = {"images_seen": 40, "cpu_seconds": float(seconds), "alarms": [], "peak_mib": 7}
np.savez(wanted, images=np.resize(images, (int(count), 32, 32, 1)), about=json.dumps(about))
"""


@pytest.fixture
def version(tmp_path):
    splits = {"train": 40, "validation": 24, "test": 12}
    return tiny(height_px=16, width_px=16, channels=1, splits=splits).write(tmp_path / "tiny" / "1.0.0")


@pytest.fixture
def work(version, tmp_path):
    def make(**changes):
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        given = {
            "version": version,
            "out": out,
            "name": "small",
            "settings": SMALL,
            "cpu_minutes": None,
            "images": 80,
            "samples": 24,
            "classifier": ClassifierSettings(width=4, feature_size=8, budget_images=320),
        }
        return Work(**given | changes)

    return make


def test_a_training_is_measured_beside_real_images(work):
    measured(work(), 0)
    about = json.loads((work().out / "small-0.json").read_text())
    assert (about["images_seen"], about["n"], about["samples"]) == (80, 20, 24)
    assert about["settings"]["width"] == 2
    assert about["cpu_seconds"] > 0 and about["peak_mib"] > 100
    for kind in ("synthetic", "real"):
        assert len(about[kind]["accuracy"]) == 3
        assert len(about[kind]["by_class"]) == 3
        assert all(0 <= about[kind][name] <= 1 for name in ("precision", "recall", "coverage", "lowest_class"))
    assert (work().out / "small-0.png").read_bytes().startswith(b"\x89PNG")
    lines = table(work().out)
    assert lines[2].startswith("| small | 0 | 80 |")
    assert lines[3].startswith("| real training images |")

    measured(work(name="checked", of="small", check_class=True), 0)
    checked = json.loads((work().out / "checked-0.json").read_text())
    assert (checked["name"], checked["cpu_seconds"]) == ("checked", about["cpu_seconds"])
    data, folder = read(work().version), work().folder(0)
    plain, made = (made_by(folder, data, 24, 0, check_class=check).even for check in (False, True))
    assert plain.shape == made.shape
    assert (plain != made).any()  # some were made anew


def test_without_labels_nothing_is_said_about_classes(tmp_path, work):
    made = tiny(height_px=16, width_px=16, channels=1, class_names=None, splits={"train": 40, "validation": 24})
    made.splits["test"], made.records["test"] = 0, []
    version = made.write(tmp_path / "plain" / "1.0.0")
    measured(work(version=version), 0)
    about = json.loads((work().out / "small-0.json").read_text())
    assert about["synthetic"]["accuracy"] is None
    assert not about["extractor"].startswith("classifier")
    assert "no labels" in table(work().out)[2]


def test_another_tool_gets_the_images_larger_and_gives_them_back(work, tmp_path, monkeypatch):
    script = tmp_path / "peer.py"
    script.write_text(PEER)
    monkeypatch.setattr(generator_quality, "PEER", script)
    measured(work(name="peer", cpu_minutes=0.5, peer=sys.executable), 0)
    about = json.loads((work().out / "peer-0.json").read_text())
    assert (about["images_seen"], about["cpu_seconds"], about["peak_mib"]) == (40, 30.0, 7)
    assert about["synthetic"]["accuracy"] is None
    assert len(about["real"]["accuracy"]) == 3


def test_minutes_become_images_by_the_time_of_a_step(work, monkeypatch):
    monkeypatch.setattr(generator_quality, "step_cpu_ms", lambda *_, **__: 20.0)
    settings, step_ms = budgeted(work(cpu_minutes=1.0, images=None), read(work().version))
    assert (settings.budget_images, step_ms) == (int(SHARE_OF_STEPS * 3000 * 8), 20.0)
    assert settings.evaluate_every_images == settings.budget_images // 10


def test_without_a_budget_the_preset_decides(work):
    settings, step_ms = budgeted(work(images=None), read(work().version))
    assert step_ms is None
    assert "budget_images" not in settings.model_fields_set


def test_the_peer_stays_out_of_this_environment():
    source = Path(generator_quality.PEER).read_text()
    assert "import torch" in source
    assert "torch" not in sys.modules
