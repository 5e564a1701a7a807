"""`serve` as it is used: from nothing, again with what is there, beside a server of somebody else, and ended."""

import re
import shlex
import socket
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest

from tests.flows.marked_processes import MARK, processes_with
from tests.flows.prefect_server import OFFLINE, ROOT, end, eventually, free_port

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8").partition("## Looking after runs")[0]
COMMANDS = [line for block in re.findall(r"```\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]
SETTINGS = """\
dataset: photos
source: {path: photos}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
augment: {preset: none}
compute: {mode: synchronous}
"""
DEPLOYMENTS = [
    "augment-dataset/default",
    "check-dataset/default",
    "prepare-dataset/default",
    "synthesize-dataset/default",
    "train-gan/gpu",
]


class Served:
    """`augment-dataset serve` in a folder, and what it starts."""

    def __init__(self, folder, command, environment, *options):
        self.environment = environment | {MARK: str(folder)}
        self.output = folder / "output"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                command("serve", *options), cwd=folder, env=self.environment, stdout=file, stderr=file
            )

    def lines(self):
        return self.output.read_text().splitlines()

    def wait(self):
        """Until the worker has begun."""

        def has_begun():
            assert self.process.poll() is None, self.output.read_text()
            return any(re.match("Worker .* started!", line) for line in self.lines())

        eventually("the start", has_begun, timeout_s=300)

    def processes(self):
        """Command lines of all processes that descend from it."""
        return list(processes_with(self.environment[MARK]).values())


@pytest.fixture(scope="module")
def home(tmp_path_factory, write_blobs):
    folder = tmp_path_factory.mktemp("serve")
    write_blobs(folder / "photos", classes=2, per_class=10)
    (folder / "photos.yaml").write_text(SETTINGS)
    return folder


@pytest.fixture(scope="module")
def surroundings(home, environment):
    return environment(home, **OFFLINE)


def here(line, home):
    """A command of the page as a list, with the page's files where they are now."""
    programs = {"prefect": [sys.executable, "-m", "prefect", "--no-prompt"]}
    line = re.sub(r"\b(photos\.yaml|photos|check-photos)(?= |$)", lambda found: str(home / found[0]), line)
    program, *words = shlex.split(line)
    return [*programs[program], *words]


@pytest.fixture(scope="module")
def once(home, command, surroundings):
    """It was started from nothing, got the orders of the page, and was ended by SIGTERM while it had another."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    served = Served(home, command, surroundings, "--port", str(port), "--folder", "server")
    client = surroundings | {"PREFECT_API_URL": url}

    def run(line):
        return subprocess.run(here(line, home), cwd=ROOT, env=client, capture_output=True, text=True, timeout=240)

    try:
        served.wait()
        orders = [line for line in COMMANDS if line.startswith("prefect deployment run")]
        done = [run(line) for line in [*orders, "prefect gcl update gpu --limit 2"]]
        eventually("the check", (home / "check-photos" / "report.html").exists)
        found = httpx.post(f"{url}/deployments/filter", json={}).raise_for_status().json()
        flows = {flow["id"]: flow["name"] for flow in httpx.post(f"{url}/flows/filter", json={}).json()}
        ids = {f"{flows[deployment['flow_id']]}/{deployment['name']}": deployment["id"] for deployment in found}
        limit = httpx.get(f"{url}/v2/concurrency_limits/gpu").raise_for_status().json()["limit"]
        order = {"parameters": {"settings_file": str(home / "photos.yaml"), "sede": 1}}
        unknown = httpx.post(f"{url}/deployments/{ids['train-gan/gpu']}/create_flow_run", json=order)
        run(f"{orders[0].removesuffix(' --watch')} --param seed=1").check_returncode()
        eventually("work", lambda: any("stage_process" in line for line in served.processes()))
        served.process.terminate()
        served.process.wait(90)
    finally:
        end(served.process)
    return SimpleNamespace(port=port, url=url, served=served, done=done, ids=ids, limit=limit, unknown=unknown)


def test_the_addresses_are_printed(once):
    lines = once.served.lines()
    assert [f"pages:  http://127.0.0.1:{once.port}", f"API:    {once.url}"] == lines[4:6]
    assert f"  export PREFECT_API_URL={once.url}" in lines


def test_all_that_runs_need_is_created(once):
    assert set(DEPLOYMENTS) <= set(once.ids)


def test_the_commands_of_the_page_work(once, home):
    assert len(once.done) == 3
    assert [done.returncode for done in once.done] == [0, 0, 0], [done.stderr for done in once.done]
    assert (home / "published" / "photos" / "latest").read_text() == "1.0.0\n"
    assert once.limit == 2


def test_an_order_with_an_unknown_parameter_is_refused(once):
    assert once.unknown.is_client_error
    assert "'sede' was unexpected" in once.unknown.json()["detail"]


def test_make_serve_is_this_command():
    shown = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "serve"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1].strip() == ".venv/bin/augment-dataset serve"


def test_the_end_leaves_no_process_and_no_lock_behind(once, home):
    assert once.served.process.returncode == 0
    assert once.served.processes() == []
    records = sorted((home / "workspace" / "photos" / "runs").glob("*.json"))
    assert '"message": "it was interrupted"' in records[-1].read_text()


def test_a_second_time_everything_is_there_already(once, home, command, surroundings):
    """Also a second `serve` beside the first: it brings another worker, and leaves the server alone."""
    served = Served(home, command, surroundings, "--port", str(once.port), "--folder", "server")
    try:
        served.wait()
        runs = httpx.post(f"{once.url}/flow_runs/filter", json={}).raise_for_status().json()
        assert "COMPLETED" in {run["state_type"] for run in runs}  # of the first time: the database is the same
        assert [line for line in served.lines() if line.startswith("created")] == []
        limit = httpx.get(f"{once.url}/v2/concurrency_limits/gpu").raise_for_status().json()["limit"]
        assert limit == 2  # what its user made of it
        (home / "beside").mkdir()
        beside = Served(home / "beside", command, surroundings | {"PREFECT_API_URL": once.url})
        try:
            beside.wait()
            assert beside.lines()[0] == f"using the Prefect server at {once.url}"
        finally:
            end(beside.process)
        assert httpx.get(f"{once.url}/health").json() is True
    finally:
        end(served.process)
    assert (served.process.returncode, served.processes(), beside.processes()) == (0, [], [])


def test_a_port_that_something_else_uses_is_refused(run_command):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run_command("serve", "--port", port)
    assert (done.returncode, done.stderr) == (
        2,
        f"bad input: port {port} is in use, and not by a Prefect server that answers; end what uses it, or choose "
        "another port with --port\n",
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("serve", "start it, or unset the variable to have one started on this machine"),
        ("deploy", "start it first"),
    ],
)
def test_a_configured_server_elsewhere_that_does_not_answer_is_refused(tmp_path, command, environment, name, sentence):
    """Nor is a password in its address shown."""
    url = "http://bob:short@nowhere.invalid:4200/api"
    done = subprocess.run(
        command(name), env=environment(tmp_path, PREFECT_API_URL=url), capture_output=True, text=True, timeout=120
    )
    shown = "http://...@nowhere.invalid:4200/api"
    expected = f"bad input: no Prefect server answers at {shown}, which PREFECT_API_URL names; {sentence}\n"
    assert (done.returncode, done.stderr) == (2, expected)
