"""GPUs are chosen as a training would see them, and each is held by one process at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.gpus import VISIBLE, chosen_gpus, one_gpu, visible_gpus
from tasks.prefect_tasks import GPU_STAGES
from tasks.stages import FLOWS

LISTED = "0, GPU-aaaa\n1, GPU-bbbb\n2, GPU-cccc\n"
HOLD = """
import sys
from pathlib import Path
from tasks.gpus import one_gpu
with one_gpu(print, ["GPU-a"], Path(sys.argv[1])) as gpu:
    print(gpu, flush=True)
    input()
"""
ROOT = Path(__file__).resolve().parent.parent.parent


def unexpected():
    raise AssertionError("there was a free GPU")


@pytest.mark.parametrize(
    ("visible", "chosen"),
    [
        (None, ("GPU-aaaa", "GPU-bbbb", "GPU-cccc")),
        ("2,0", ("GPU-cccc", "GPU-aaaa")),
        ("GPU-b", ("GPU-bbbb",)),
        ("1,7,0", ("GPU-bbbb",)),
        ("", ()),
        ("-1", ()),
    ],
)
def test_the_variable_of_the_driver_chooses(visible, chosen):
    assert chosen_gpus(LISTED, visible) == chosen


def test_every_stage_that_runs_models_holds_a_gpu():
    assert tuple(stage.name for stage in FLOWS["augment-dataset"] if "keras" in stage.libraries) == GPU_STAGES


def test_a_driver_that_does_not_answer_has_no_gpus(tmp_path, monkeypatch):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("tasks.gpus.LIST_TIMEOUT_S", 0.2)
    assert visible_gpus() == ()


def test_no_gpu_is_nothing_to_wait_for(tmp_path):
    with one_gpu(unexpected, (), tmp_path) as gpu:
        assert gpu == ""


def test_trainings_get_gpus_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1")
    gpus = ("GPU-a", "GPU-b")
    with one_gpu(unexpected, gpus, tmp_path) as first:
        with one_gpu(unexpected, gpus, tmp_path) as second:
            assert (first, second, os.environ[VISIBLE]) == ("GPU-a", "GPU-b", "GPU-b")
        assert os.environ[VISIBLE] == "GPU-a"
    assert os.environ[VISIBLE] == "0,1"


def test_a_held_gpu_is_waited_for_and_a_killed_holder_frees_it(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "GPU-a\n"
    told = []

    def kill():
        told.append("waiting")
        holder.send_signal(signal.SIGKILL)
        holder.communicate()

    with one_gpu(kill, ("GPU-a",), tmp_path) as gpu:
        assert (gpu, told) == ("GPU-a", ["waiting"])
