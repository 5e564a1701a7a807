"""Trainings that hold slots of a real server's limit: one at a time, whoever starts them; skipped ones need none."""

import re
import subprocess
import sys
from datetime import datetime

import pytest

from tests.flows.prefect_server import commanding, eventually

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

LIMIT = "one-gpu"
LOST = "lost-gpu"
SETTINGS = """\
dataset: tiny
workspace: {workspace}
source: {{path: blobs}}
scan: {{channels: 1, resize: {{width_px: 16, height_px: 16}}}}
augment: {{preset: none}}
split: {{validation: 0.3, test: 0.15}}
train:
  latent_size: 4
  width: 4
  max_width: 8
  batch_size: 16
  budget_images: 160
  evaluate_every_images: 160
  checkpoint_every_images: 160
  evaluation_samples: 32
  extractor: {{width: 4, feature_size: 8, budget_images: 64, batch_size: 32}}
compute: {{mode: synchronous}}
"""
TRAIN = """
import sys
from flows.pipelines import train_gan
train_gan(settings_file=sys.argv[1], gpu_limit=sys.argv[2])
"""
HOLD = """
import sys, threading, time
from flows import gpu_slots
from prefect import flow
gpu_slots.LEASE_S = 60.0

@flow
def hold():
    with gpu_slots.held_slot(sys.argv[1]):
        print(*(thread.name for thread in threading.enumerate()), flush=True)
        while True:
            time.sleep(0.1)

hold()
"""
PREPARE = "import sys; from flows.pipelines import prepare_dataset; prepare_dataset(settings_file=sys.argv[1])"


@pytest.fixture(scope="module")
def home(tmp_path_factory, write_blobs):
    """Two settings files of one data set with workspaces of their own, so that both may train it at once."""
    folder = tmp_path_factory.mktemp("slots")
    write_blobs(folder / "blobs", classes=2, per_class=24)
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(SETTINGS.format(workspace=name))
    return folder


@pytest.fixture(scope="module")
def start(home, api, server_environment):
    """start(code, *arguments) -> a process that runs a flow against the server."""

    def run(code, *arguments):
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=home,
            env=server_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


@pytest.fixture(scope="module")
def lost(api, start):
    """A process whose slot the server took back, as it does when it was not asked to prolong it in time."""
    api.post("v2/concurrency_limits/", json={"name": LOST, "limit": 1}).raise_for_status()
    process = start(HOLD, LOST)
    leases = (re.search(r"concurrency-lease-renewal-(\S+)", line) for line in iter(process.stdout.readline, ""))
    lease = next(found[1] for found in leases if found)
    api.post("v2/concurrency_limits/decrement-with-lease", json={"lease_id": lease}).raise_for_status()
    return process


@pytest.fixture(scope="module")
def trained(home, api, lost, start, server_environment):
    """What two trainings printed that began together, with one slot for both."""
    prepared, _ = start(PREPARE, "a.yaml").communicate(timeout=240)
    assert (home / "published" / "tiny" / "1.0.0").exists(), prepared
    created = commanding(server_environment)("gcl", "create", LIMIT, "--limit", "1")
    assert created.returncode == 0, created.stdout + created.stderr
    both = [start(TRAIN, f"{name}.yaml", LIMIT) for name in ("a", "b")]
    printed = [process.communicate(timeout=400)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], "\n".join(printed)
    return printed


def times_of(api):
    """When each task `train` began and ended, in order; the server learns of the end a moment after it."""

    def ended():
        wanted = {"task_runs": {"name": {"any_": ["train"]}}}
        tasks = api.post("task_runs/filter", json=wanted).raise_for_status().json()
        return tasks if all(task["end_time"] for task in tasks) else None

    tasks = eventually("the end of all trainings", ended)
    return sorted(tuple(datetime.fromisoformat(task[name]) for name in ("start_time", "end_time")) for task in tasks)


def test_the_second_training_begins_when_the_first_has_ended(trained, api):
    (_, first_ended), (second_began, _) = times_of(api)[-2:]
    assert second_began >= first_ended
    for lines in trained:
        assert f"train: waits for a slot of the limit {LIMIT}" in lines
        assert f"train: holds a slot of the limit {LIMIT}" in lines


def test_who_loses_the_slot_stops(trained, lost):
    """Another may get it; this takes as long as the other tests here, which run meanwhile."""
    printed, _ = lost.communicate(timeout=240)
    assert lost.returncode == 1
    assert printed.splitlines()[-1].endswith(
        f"PlaceFailed: the Prefect server did not prolong the slot of the limit {LOST}; the stage was stopped, so that "
        "no other one shares its GPU; run again to go on where it was"
    )


def test_slots_are_free_afterwards(trained, api):
    assert api.get(f"v2/concurrency_limits/{LIMIT}").raise_for_status().json()["active_slots"] == 0


def test_a_training_that_is_up_to_date_waits_for_nobody(trained, api, start):
    api.post("v2/concurrency_limits/increment", json={"names": [LIMIT], "slots": 1}).raise_for_status()
    try:
        printed, _ = start(TRAIN, "a.yaml", LIMIT).communicate(timeout=240)
    finally:
        api.post("v2/concurrency_limits/decrement", json={"names": [LIMIT], "slots": 1}).raise_for_status()
    assert re.search(r"train: skipped, unchanged", printed), printed


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"active": False},
            f"is switched off, so it holds nothing back; switch it on with `prefect gcl enable {LIMIT}`",
        ),
        ({"limit": 0}, f"has no slots; give it one per GPU with `prefect gcl update {LIMIT} --limit 1`"),
    ],
    ids=["switched off", "no slots"],
)
def test_a_limit_that_limits_nothing_or_everything_is_refused(trained, api, server_environment, change, sentence):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from datasets.errors import BadInput
    from flows.gpu_slots import check_limit

    before = {"active": True, "limit": 1}
    api.patch(f"v2/concurrency_limits/{LIMIT}", json=before | change).raise_for_status()
    try:
        with (
            temporary_settings({PREFECT_API_URL: server_environment["PREFECT_API_URL"]}),
            pytest.raises(BadInput, match=re.escape(f"{sentence}, or leave gpu_limit out")),
        ):
            check_limit(LIMIT)
    finally:
        api.patch(f"v2/concurrency_limits/{LIMIT}", json=before).raise_for_status()
