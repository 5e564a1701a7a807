"""Two devices on one machine: the processor, twice."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.devices import Devices

TWO_DEVICES = """
import json, sys
import numpy as np
import tensorflow as tf
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.config.experimental.enable_op_determinism()
from gan.backends import backend
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings
from gan.training_state import TrainingState
from gan.training_step import make_step

settings = TrainingSettings.model_validate_json(sys.argv[1])
spec = ModelSpec(resolution_px=16, channels=1, classes=3, latent_size=4, width=2, max_width=256)
rng = np.random.default_rng(0)
images = rng.integers(0, 256, (6, 8, 16, 16, 1)).astype(np.uint8)
labels = rng.integers(0, 3, (6, 8)).astype(np.int32)
told = {}
for wanted in ("one", "all"):
    devices = backend.find_devices(wanted)
    with devices.scope():
        state = TrainingState(spec, 0)
        step = make_step(state, settings, 0, (), devices)
    given = [
        np.asarray(step(images[i], labels[i], np.int32(i), np.float32(1.0), np.float32(0.5))).tolist() for i in range(6)
    ]
    arrays = state.arrays()
    told[wanted] = {
        "devices": devices.text, "numbers": given,
        "sums": [float(np.abs(arrays[name]).sum()) for name in sorted(arrays) if "averaged" in name],
    }
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, object]]:
    settings = '{"width": 2, "latent_size": 4, "batch_size": 8}'
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES, settings], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(done.stdout)


def test_both_devices_are_used(told: dict[str, dict[str, object]]) -> None:
    assert (told["one"]["devices"], told["all"]["devices"]) == ("1 CPU", "2 CPUs")


def test_a_batch_that_is_split_gives_the_same_losses(told: dict[str, dict[str, object]]) -> None:
    one, both = (np.array(told[name]["numbers"])[:, :3] for name in ("one", "all"))
    np.testing.assert_allclose(both, one, rtol=1e-4, atol=1e-4)


def test_averaged_weights_are_the_same(told: dict[str, dict[str, object]]) -> None:
    np.testing.assert_allclose(told["all"]["sums"], told["one"]["sums"], rtol=1e-5)


@pytest.fixture
def two_devices() -> Devices:
    devices = Devices(["/device:CPU:0"])
    devices.names = ["/device:CPU:0", "/device:CPU:1"]
    return devices


def test_a_batch_that_cannot_be_split_evenly_is_refused(two_devices: Devices) -> None:
    sentence = "train.batch_size is 33 and there are 2 CPUs; choose a multiple of 2, or set train.devices to one"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        two_devices.check_batch(33, "conv")


def test_a_share_that_makes_no_groups_is_refused(two_devices: Devices) -> None:
    sentence = (
        "train.batch_size is 14 on 2 devices, but model stylegan2 compares images in equal groups of 2 to 4; "
        "take 16, or set train.devices to one"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        two_devices.check_batch(14, "stylegan2")
    two_devices.check_batch(14, "conv")
