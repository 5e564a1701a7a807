"""Exact resume where there is more to remember than weights: moving statistics, augmentation, no discriminator."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan.checkpoints import newest_checkpoint
from gan.settings import TrainingSettings
from gan.training import train

Images = tuple[np.ndarray, np.ndarray]
NAMES = ("flat", "rising", "falling")
ROOT = Path(__file__).parents[2]

KILLED_AT_STEP_23 = """
import os, signal, sys
from pathlib import Path
import numpy as np
from gan.settings import TrainingSettings
from gan.training import train
from gan.training_run import TrainingRun

class Killed(TrainingRun):
    def _one_step(self):
        if self.position.step == 23:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._one_step()

import gan.training
gan.training.TrainingRun = Killed
data = np.load(sys.argv[1])
settings = TrainingSettings.model_validate_json(sys.argv[3])
train(data["x"], data["y"], ("flat", "rising", "falling"), data["sx"], data["sy"], settings, 3, Path(sys.argv[2]))
"""


@pytest.mark.parametrize(
    "change",
    [
        {"model": "dcgan", "loss": "non_saturating"},
        {"discriminator_augmentation": {"policies": ["translation"], "probability": 0.2, "images_to_full": 500}},
        {"model": "vae"},
        {"model": "r3gan", "penalty": {"order": "exact"}},
        {"model": "dcgan", "normalisation": "instance", "attention_px": 8},
        {"model": "stylegan2"},
        {"model": "progressive", "growth": {"images_per_phase": 100}},
    ],
    ids=[
        "batch normalisation",
        "adaptive augmentation",
        "autoencoder",
        "residual blocks",
        "attention",
        "noise, path lengths, mean styles",
        "growth",
    ],
)
def test_a_run_killed_at_any_step_ends_with_the_same_bits(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path, change: dict[str, Any]
) -> None:
    budget = {"budget_images": 480, "checkpoint_every_images": 160, "evaluate_every_images": 240}
    classifier = {"width": 4, "feature_size": 8, "budget_images": 320, "batch_size": 32}
    record = small_training.model_dump() | budget | {"extractor": classifier} | change
    settings = TrainingSettings.model_validate(record)
    np.savez(tmp_path / "data.npz", x=stripes[0], y=stripes[1], sx=few_stripes[0], sy=few_stripes[1])
    arguments = [str(tmp_path / "data.npz"), str(tmp_path / "killed"), settings.model_dump_json()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    died = subprocess.run([sys.executable, "-c", KILLED_AT_STEP_23, *arguments], env=environment, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-3000:]
    resumed = train(*stripes, NAMES, *few_stripes, settings, 3, tmp_path / "killed")
    whole = train(*stripes, NAMES, *few_stripes, settings, 3, tmp_path / "whole")
    assert (resumed.resumed_at_images, resumed.images_seen) == (320, 480)
    wanted, got = last_arrays(whole.folder), last_arrays(resumed.folder)
    assert got.keys() == wanted.keys()
    assert [name for name in wanted if not np.array_equal(got[name], wanted[name])] == []
    assert resumed.evaluations == whole.evaluations
    if change.get("model") == "stylegan2":
        assert float(got["path_length/000"]) > 0


def last_arrays(folder: Path) -> dict[str, np.ndarray]:
    found = newest_checkpoint(folder / "checkpoints").checkpoint
    assert found is not None
    return found.arrays
