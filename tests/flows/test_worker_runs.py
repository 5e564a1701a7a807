"""What a worker's runs do when they are cancelled, or killed with their worker."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import cv2
import numpy as np
import psutil
import pytest
import yaml

from flows.automations import AUTOMATIONS_FILE, ensure_automations
from flows.settings import load_settings
from tasks.stage import workspace_lock
from tests.flows.marked_processes import MARK, processes_with
from tests.flows.prefect_server import ROOT, eventually, working

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

SIDE_PX, IMAGES = 700, 40  # half a second of denoising each: time enough to be stopped in scan twice
SETTINGS = """\
dataset: slow
source: {path: pictures}
scan: {channels: 1, before_resize: [{kind: denoise, method: nlm}], resize: {width_px: 16, height_px: 16}}
split: {validation: 0.4, test: 0.1}
augment: {preset: none}
compute: {workers: 2, partition_size: 1}
"""
LIMITS = """\
data_gate: {min_effective_images: 1000, severity: {effective_images: block}}
synthetic_gate: {min_gate_images: 8}
"""
STRICT = SETTINGS.replace("slow", "strict") + LIMITS


def write_pictures(folder):
    """Two classes of large images, no two alike."""
    for number in range(IMAGES):
        coarse = np.random.default_rng(number).integers(0, 256, (9, 9)).astype(np.uint8)
        inner = folder / "ab"[number % 2]
        inner.mkdir(parents=True, exist_ok=True)
        image = cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(inner / f"{number:02}.png"), image)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("stopped")
    write_pictures(home / "pictures")
    (home / "slow.yaml").write_text(SETTINGS)
    (home / "strict.yaml").write_text(STRICT)
    return home


@pytest.fixture(scope="module")
def marked(server_environment, home):
    """The environment of workers, by which everything that they start can be found."""
    return server_environment | {MARK: str(home)}


@pytest.fixture
def place(home):
    return load_settings(home / "slow.yaml", {}).place


class InScan(NamedTuple):
    """What is at work for a run: its own process, that of its stage, and all below."""

    run: psutil.Process
    stage: psutil.Process
    below: list[psutil.Process]

    def end(self, timeout_s=15):
        """Wait until nothing of it lives any more."""
        alive = psutil.wait_procs([self.run, self.stage, *self.below], timeout=timeout_s)[1]
        assert alive == []


def in_scan_with_workers(worker, place, orders, run):
    """The processes of a run, once its stage scan has workers for its images: no other stage of it has any.

    They are looked for below the worker, as the answer of a busy server may take longer than the stage.
    """
    records = place.shared / "runs"
    ended_before = set(records.glob("*.json"))
    seen = {}

    def at_work():
        ended = set(records.glob("*.json")) - ended_before
        told = [path.read_text() for path in ended]
        assert not ended, f"it ended too early: {told}\n{orders.log(run)}\n{list(seen)}\n{others()}"
        with suppress(psutil.NoSuchProcess):  # one ended meanwhile
            processes = psutil.Process(worker.pid).children(recursive=True)
            lines = [" ".join(process.cmdline()) for process in processes]
            seen[tuple(lines)] = None
            for stage, line in zip(processes, lines, strict=True):
                below = stage.children(recursive=True)
                if "-m tasks.stage_process" in line and len(below) > 2:  # what they are copied from has a helper
                    return InScan(stage.parent(), stage, below)
        return None

    return eventually("work of the stage scan", at_work)


def others():
    """Number, parent and command line of all processes of Prefect, for what a failure tells."""
    found = psutil.process_iter(["pid", "ppid", "cmdline"])
    return [process.info for process in found if any("prefect" in part for part in process.info["cmdline"] or ())]


def of_runs(home):
    """Processes that a worker started, and theirs, whoever their parent is now."""
    return [line for line in processes_with(home).values() if "worker start" not in line]


def last_record(place):
    return json.loads(sorted((place.shared / "runs").glob("*.json"))[-1].read_text())


def outcomes(record):
    return {stage["name"]: stage["outcome"] for stage in record["stages"]}


def test_a_cancelled_run_stops_soon_leaves_nothing_behind_and_can_go_on(home, place, marked, orders):
    """The run that goes on loses the process of its stage, and tries that stage again."""
    with working(home, marked) as worker:
        run = orders.order("prepare-dataset/default", settings_file=str(home / "slow.yaml"))
        at_work = in_scan_with_workers(worker, place, orders, run)
        orders.cancel(run)
        at_work.end()
        eventually("the end of all others", lambda: not of_runs(home), timeout_s=15)
        record = last_record(place)
        stopped = (record["verdict"], record["message"], record["stopped_stage"])
        assert stopped == ("failed", "it was interrupted", "scan")
        with workspace_lock(place):
            assert orders.ended(run)["type"] == "CANCELLED"
        again = orders.order("prepare-dataset/default", settings_file=str(home / "slow.yaml"))
        os.killpg(in_scan_with_workers(worker, place, orders, again).stage.pid, signal.SIGKILL)
        assert orders.ended(again)["type"] == "COMPLETED"
        retried = eventually("the log", lambda: [line for line in orders.log(again) if "Retry 1/2 will start" in line])
    record = last_record(place)
    assert len(retried) == 1
    assert (record["verdict"], outcomes(record)["ingest"]) == ("done", "skipped")


@pytest.fixture(scope="module")
def given(home, api, server_environment):
    """Automations of a server that was given automations.yaml twice; 60 seconds, not 180, as signs come every 30."""
    wanted = yaml.safe_load(AUTOMATIONS_FILE.read_text(encoding="utf-8"))
    for automation in wanted["automations"]:
        automation["trigger"]["within"] = 60
    (home / "automations.yaml").write_text(yaml.safe_dump(wanted))
    for _ in range(2):
        names = ensure_automations(server_environment["PREFECT_API_URL"], home / "automations.yaml")
    yield automations(api, names)
    withdraw(api, names)


def automations(api, names):
    found = api.post("automations/filter", json={}).raise_for_status().json()
    return [automation for automation in found if automation["name"] in names]


def withdraw(api, names):
    for automation in automations(api, names):
        api.delete(f"automations/{automation['id']}").raise_for_status()


def test_automations_are_given_to_a_server_once(given):
    assert [automation["name"] for automation in given] == ["augment-dataset crash dead runs"]


class Received(BaseHTTPRequestHandler):
    """Keeps what the server of the messages is sent."""

    def do_POST(self):
        self.server.texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        return


@pytest.fixture(scope="module")
def messages(api, server_environment):
    """What examples/notify.py has the server send, while these tests run."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Received)
    server.texts = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    script = [sys.executable, "examples/notify.py", f"http://127.0.0.1:{server.server_address[1]}/hook"]
    for _ in range(2):
        done = subprocess.run(script, cwd=ROOT, env=server_environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
    yield server.texts
    withdraw(api, ["augment-dataset tell refusals", "augment-dataset tell failures"])
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def crashed(home, given, messages, marked, api, orders):
    """A run that was killed together with its worker, and how it is known afterwards."""
    with working(home, marked) as worker:
        run = orders.order("augment-dataset/default", settings_file=str(home / "strict.yaml"), gpu_limit=None)
        at_work = in_scan_with_workers(worker, load_settings(home / "strict.yaml", {}).place, orders, run)
        worker.kill()
        at_work.run.kill()
    at_work.end()
    eventually("the end of all others", lambda: not processes_with(home), timeout_s=15)
    assert orders.state(run)["type"] == "RUNNING"
    state = orders.ended(run, timeout_s=240)
    withdraw(api, [automation["name"] for automation in given])  # who lives says so only every 30 seconds
    return state


@pytest.fixture(scope="module")
def refused(home, crashed, marked, orders):
    """The run after it, whose gate asks for more images than there are."""
    with working(home, marked):
        run = orders.order("augment-dataset/default", settings_file=str(home / "strict.yaml"), gpu_limit=None)
        orders.ended(run)
    return run


def test_a_run_that_died_with_its_worker_is_ended_by_the_server(crashed):
    assert crashed["type"] == "CRASHED"
    assert crashed["message"].startswith("Its process gave no sign of life")


def test_it_holds_neither_the_slot_of_its_deployment_nor_the_workspace(refused, orders):
    assert orders.state(refused)["type"] == "FAILED"
    assert "its gate refused it" in orders.state(refused)["message"]


def test_a_refusal_is_an_event_that_says_why(refused, api, home):
    wanted = {"filter": {"event": {"name": ["dataset.gate.refused"]}, "resource": {"id": ["dataset.strict"]}}}
    (event,) = eventually(
        "the event", lambda: api.post("events/filter", json=wanted).raise_for_status().json()["events"]
    )
    record = last_record(load_settings(home / "strict.yaml", {}).place)
    payload = event["payload"]
    value = payload["refusals"][0]["value"]
    assert 1 <= value <= IMAGES
    assert payload.pop("message").startswith(f"effective training images of the least diverse class {value:g} < 1000")
    assert event["resource"]["prefect.resource.id"] == "dataset.strict"
    assert payload == {
        "name": "strict",
        "gate": "data",
        "compared_with": None,
        "run": record["run"],
        "report": str(home / "workspace" / "strict" / "runs" / f"{record['run']}.html"),
        "refusals": [
            {
                "name": "effective_images",
                "value": value,
                "threshold": 1000,
                "direction": "min",
                "outcome": "refused",
            }
        ],
    }


def test_a_refusal_and_a_dead_run_are_told(refused, messages):
    def told(part):
        return [text for text in messages if part in text]

    eventually("the message of the refusal", lambda: told("strict is not published. effective training images"))
    eventually("the message of the dead run", lambda: told("is Crashed. Its process gave no sign of life"))
