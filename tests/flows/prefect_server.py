"""A real Prefect server on this machine, for the tests of a session, and what is needed to talk to it."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
POOL = "augment-dataset"
OFFLINE = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


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


def end(process, number=signal.SIGINT, patience_s=30):
    """Stop a process that a test started; by force where it does not listen."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Patient(httpx.HTTPTransport):
    """Asks a server whose database is busy again, as Prefect's own client does."""

    def handle_request(self, request):
        for _ in range(30):
            answer = super().handle_request(request)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            answer.read()
            time.sleep(1)
        return answer


@contextmanager
def serving(folder, environment):
    """A client of a server that runs at the PREFECT_API_URL of `environment`, and ends with the block."""
    url = httpx.URL(environment["PREFECT_API_URL"])
    arguments = ["server", "start", "--no-ui", "--host", url.host, "--port", str(url.port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"{url}/", timeout=60, transport=Patient()) as client:

            def is_up():
                assert server.poll() is None, (folder / "server.log").read_text()
                try:
                    return client.get("health").is_success
                except httpx.TransportError:
                    return False

            eventually("the start of the server", is_up, timeout_s=240)
            yield client
    finally:
        end(server)


def commanding(environment):
    """prefect(*arguments) -> what the command `prefect` did, called in the folder of prefect.yaml."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


@pytest.fixture(scope="session")
def server_home(tmp_path_factory):
    """Folder of the server, and home of every process of its tests."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def server_environment(server_home, environment):
    """How every process of these tests finds the server, and stays on this machine.

    Its database is its own: servers that commands start for themselves would lock it, and leave runs in it.
    """
    url = f"http://127.0.0.1:{free_port()}/api"
    return environment(server_home, PREFECT_API_URL=url, **OFFLINE)


@pytest.fixture(scope="session")
def api(server_home, server_environment):
    """A client of a running server."""
    with serving(server_home, server_environment) as client:
        yield client


@pytest.fixture(scope="session")
def prefect(api, server_environment):
    """prefect(*arguments) -> what the command `prefect` did, called in the folder of prefect.yaml."""
    return commanding(server_environment)


@pytest.fixture(scope="session")
def deployments(api, prefect):
    """The deployments of prefect.yaml, by their full names, e.g. `prepare-dataset/default`."""
    created = prefect("work-pool", "create", POOL, "--type", "process")
    assert created.returncode == 0, created.stdout + created.stderr
    deployed = prefect("deploy", "--all")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    flows = {flow["id"]: flow["name"] for flow in api.post("flows/filter", json={}).raise_for_status().json()}
    found = api.post("deployments/filter", json={}).raise_for_status().json()
    return {f"{flows[deployment['flow_id']]}/{deployment['name']}": deployment for deployment in found}


@contextmanager
def working(folder, environment, *options):
    """A worker of the pool that takes runs until the block ends; its process."""
    arguments = ["worker", "start", "--pool", POOL, "--type", "process", *map(str, options)]
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=ROOT,
            env=environment | {"PREFECT_WORKER_QUERY_SECONDS": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        end(worker)


class Orders:
    """Runs of a server's deployments: ordered, followed, cancelled as the UI does it."""

    def __init__(self, api, deployments):
        self._api = api
        self._deployments = deployments

    def order(self, deployment, **parameters):
        """Identity of a new run of a deployment, e.g. `prepare-dataset/default`."""
        path = f"deployments/{self._deployments[deployment]['id']}/create_flow_run"
        answer = self._api.post(path, json={"parameters": parameters, "state": {"type": "SCHEDULED"}})
        return answer.raise_for_status().json()["id"]

    def state(self, run):
        return self._api.get(f"flow_runs/{run}").raise_for_status().json()["state"]

    def ended(self, run, timeout_s=120):
        """The last state of a run."""

        def final():
            state = self.state(run)
            return state if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        return eventually(f"the end of run {run}", final, timeout_s=timeout_s)

    def cancel(self, run):
        wanted = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        self._api.post(f"flow_runs/{run}/set_state", json=wanted).raise_for_status()

    def log(self, run):
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
        return [line["message"] for line in self._api.post("logs/filter", json=wanted).raise_for_status().json()]


@pytest.fixture(scope="session")
def orders(api, deployments):
    return Orders(api, deployments)
