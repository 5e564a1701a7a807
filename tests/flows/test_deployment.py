"""Deployments on a real Prefect server: made from prefect.yaml, run by a worker, scheduled, and checked before."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).resolve().parent.parent.parent
POOL = "augment-dataset"
NAMES = {"augment-dataset", "prepare-dataset", "synthesize-dataset"}
SETTINGS = """\
dataset: tiny
source: {path: blobs}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
augment: {preset: none}
compute: {mode: synchronous}
"""


def eventually(what, question, timeout_s=120, pause_s=0.2):
    """The answer to a question, once there is one."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(pause_s)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("deployment")


@pytest.fixture(scope="module")
def server_environment(home, environment, prefect_home):
    """How every process of these tests finds the server, and stays on this machine."""
    url = f"http://127.0.0.1:{free_port()}/api"
    offline = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    return environment(home, PREFECT_API_URL=url, PREFECT_HOME=str(prefect_home), **offline)


@pytest.fixture(scope="module")
def api(home, server_environment):
    """A client of a running server."""
    url = httpx.URL(server_environment["PREFECT_API_URL"])
    arguments = ["server", "start", "--no-ui", "--host", url.host, "--port", str(url.port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments], cwd=home, env=server_environment, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"{url}/", timeout=60) as client:

            def is_up():
                assert server.poll() is None, (home / "server.log").read_text()
                try:
                    return client.get("health").is_success
                except httpx.TransportError:
                    return False

            eventually("the start of the server", is_up, timeout_s=240)
            yield client
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="module")
def prefect(api, server_environment):
    """prefect(*arguments) -> what the command `prefect` did, called in the folder of prefect.yaml."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=ROOT,
            env=server_environment,
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


@pytest.fixture(scope="module")
def deployments(api, prefect):
    """The deployments of prefect.yaml, by the names of their flows."""
    created = prefect("work-pool", "create", POOL, "--type", "process")
    assert created.returncode == 0, created.stdout + created.stderr
    deployed = prefect("deploy", "--all")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    return {name: api.get(f"deployments/name/{name}/default").raise_for_status().json() for name in NAMES}


@pytest.fixture(scope="module")
def consumer(home, api, prefect, deployments):
    """The deployment of examples/consumer.yaml, for the data set of these tests."""
    example = (ROOT / "examples" / "consumer.yaml").read_text(encoding="utf-8")
    (home / "consumer.yaml").write_text(example.replace("dataset.digits_synthetic", "dataset.tiny"))
    deployed = prefect("deploy", "--prefect-file", home / "consumer.yaml", "--all")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    return api.get("deployments/name/measure-new-version/default").raise_for_status().json()


@pytest.fixture(scope="module")
def worked(home, api, prefect, deployments, consumer, write_blobs):
    """State of a run that was ordered as a user orders it, after a worker was there once."""
    write_blobs(home / "blobs", classes=2, per_class=10)
    (home / "tiny.yaml").write_text(SETTINGS)
    ordered = prefect("deployment", "run", "prepare-dataset/default", "--param", f"settings_file={home}/tiny.yaml")
    assert ordered.returncode == 0, ordered.stdout + ordered.stderr
    run_id = re.search(r"UUID: ([0-9a-f-]{36})", ordered.stdout)[1]
    worker = prefect("worker", "start", "--pool", POOL, "--run-once")
    assert worker.returncode == 0, worker.stdout + worker.stderr
    run = api.get(f"flow_runs/{run_id}").raise_for_status().json()
    assert run["state"]["type"] == "COMPLETED", worker.stdout + worker.stderr
    return run


def test_every_deployment_of_the_file_exists_in_the_pool(deployments):
    assert {name: found["work_pool_name"] for name, found in deployments.items()} == dict.fromkeys(NAMES, POOL)


def test_two_runs_of_a_deployment_are_never_at_once(deployments):
    limits = {found["global_concurrency_limit"]["limit"] for found in deployments.values()}
    strategies = {found["concurrency_options"]["collision_strategy"] for found in deployments.values()}
    assert (limits, strategies) == ({1}, {"CANCEL_NEW"})


def test_every_parameter_is_described_for_the_form(deployments):
    for found in deployments.values():
        parameters = found["parameter_openapi_schema"]["properties"]
        assert [name for name, field in parameters.items() if len(field.get("description", "")) < 10] == []


def test_a_worker_completes_an_ordered_run(worked, home):
    assert worked["parameters"]["settings_file"] == f"{home}/tiny.yaml"
    assert (home / "published" / "tiny" / "latest").read_text() == "1.0.0\n"


def test_a_version_that_appeared_starts_its_consumer(worked, api, consumer, home):
    def ordered():
        wanted = {"flow_runs": {"deployment_id": {"any_": [consumer["id"]]}}}
        return api.post("flow_runs/filter", json=wanted).raise_for_status().json()

    (run,) = eventually("the run of the consumer", ordered)
    version = home / "published" / "tiny" / "1.0.0"
    assert run["parameters"] == {"real": "demo/published/digits", "synthetic": str(version)}


def test_the_event_says_what_appeared(worked, api, home):
    wanted = {"filter": {"event": {"name": ["dataset.published"]}}}
    (event,) = eventually(
        "the event", lambda: api.post("events/filter", json=wanted).raise_for_status().json()["events"]
    )
    index = json.loads((home / "published" / "tiny" / "1.0.0" / "index.json").read_text())
    assert event["resource"]["prefect.resource.id"] == "dataset.tiny"
    assert event["payload"] == {
        "name": "tiny",
        "version": "1.0.0",
        "path": str(home / "published" / "tiny" / "1.0.0"),
        "content_digest": index["content_digest"],
        "verdict": "passed",
        "images": 20,
    }


def test_every_stage_is_a_task_of_the_run(worked, api):
    wanted = {"flow_runs": {"id": {"any_": [worked["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    tasks = api.post("task_runs/filter", json=wanted).raise_for_status().json()
    names = ["ingest", "scan", "curate", "split", "augment", "shard", "gate_data", "publish_data"]
    assert [(task["name"], task["state_type"]) for task in tasks] == [(name, "COMPLETED") for name in names]


def test_the_log_of_the_run_says_what_it_did(worked, api):
    def lines():
        wanted = {"logs": {"flow_run_id": {"any_": [worked["id"]]}}, "sort": "TIMESTAMP_ASC"}
        found = [line["message"] for line in api.post("logs/filter", json=wanted).raise_for_status().json()]
        return found if any("publish_data: ran in" in line for line in found) else None

    messages = eventually("the log", lines)
    assert any(re.fullmatch(r"ingest: ran in .* s, because: first run \(20 in, 20 out\)", line) for line in messages)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"settings_file": "a.yaml", "seed": -1}, "-1 is less than the minimum of 0"),
        ({"settings_file": "a.yaml", "dataset": "My Photos"}, "does not match"),
    ],
    ids=["out of range", "not a name"],
)
def test_a_wrong_value_is_refused_before_there_is_a_run(api, deployments, parameters, sentence):
    path = f"deployments/{deployments['prepare-dataset']['id']}/create_flow_run"
    answer = api.post(path, json={"parameters": parameters})
    assert answer.is_client_error
    assert sentence in answer.json()["detail"]


def test_an_unknown_parameter_is_refused_before_there_is_a_run(api, prefect, deployments):
    def count():
        wanted = {"flow_runs": {"deployment_id": {"any_": [deployments["synthesize-dataset"]["id"]]}}}
        return api.post("flow_runs/count", json=wanted).raise_for_status().json()

    before = count()
    ordered = prefect("deployment", "run", "synthesize-dataset/default", "--param", "sede=1")
    assert ordered.returncode == 1
    assert "not found on the deployment: 'sede'" in " ".join(ordered.stdout.split())
    assert count() == before


def test_the_schedule_makes_runs(api, deployments):
    found = deployments["augment-dataset"]
    wanted = {
        "flow_runs": {"deployment_id": {"any_": [found["id"]]}, "state": {"type": {"any_": ["SCHEDULED"]}}},
        "sort": "EXPECTED_START_TIME_ASC",
    }
    runs = eventually("a scheduled run", lambda: api.post("flow_runs/filter", json=wanted).raise_for_status().json())
    assert runs[0]["auto_scheduled"]
    assert re.search(r"T03:00:00", runs[0]["expected_start_time"])
