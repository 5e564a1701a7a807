"""Prefect's server on a PostgreSQL of the system's packages, with two workers and two data sets at once."""

import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.flows.prefect_server import OFFLINE, POOL, Orders, commanding, eventually, free_port, serving, working

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

SETTINGS = """\
dataset: {name}
source: {{path: blobs}}
scan: {{channels: 1, resize: {{width_px: 16, height_px: 16}}}}
augment: {{preset: none}}
compute: {{mode: synchronous}}
"""
NAMES = ("first", "second")


def programs():
    """Folder of PostgreSQL's programs; Debian puts them beside no other."""
    found = [shutil.which("initdb"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    paths = [Path(path).parent for path in found if path]
    return paths[-1] if paths else pytest.skip("PostgreSQL is not installed here: no initdb")


def as_its_user():
    """How PostgreSQL's programs are called: they refuse to run as root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None or subprocess.run(["id", "postgres"], capture_output=True).returncode:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres, or no setpriv to become it")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@pytest.fixture(scope="module")
def database():
    """URL of an empty database on loopback, for as long as these tests run."""
    bin_folder, become = programs(), as_its_user()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:  # pytest's folders are the tester's alone
        if become:
            shutil.chown(folder, "postgres", "postgres")
        data = Path(folder) / "data"

        def call(program, *arguments):
            command = [*become, str(bin_folder / program), "-D", str(data), *arguments]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr

        call("initdb", "--auth=trust", "--username=prefect", "--no-sync", "--encoding=UTF8")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        call("pg_ctl", "-l", f"{folder}/log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+asyncpg://prefect:unused@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-m", "immediate", "-w", "stop")


@pytest.fixture(scope="module")
def home(tmp_path_factory, write_blobs):
    home = tmp_path_factory.mktemp("two")
    write_blobs(home / "blobs", classes=2, per_class=6)
    for name in NAMES:
        (home / f"{name}.yaml").write_text(SETTINGS.format(name=name))
    return home


@pytest.fixture(scope="module")
def own_environment(home, environment, prefect_home, database):
    return environment(
        home,
        PREFECT_API_URL=f"http://127.0.0.1:{free_port()}/api",
        PREFECT_HOME=str(prefect_home),
        PREFECT_API_DATABASE_CONNECTION_URL=database,
        **OFFLINE,
    )


@pytest.fixture(scope="module")
def client(home, own_environment):
    """Of a server that keeps what it knows in that database."""
    with serving(home, own_environment) as client:
        yield client


@pytest.fixture(scope="module")
def runs(home, own_environment, client, deployed):
    """The last states of two runs that two workers, each with room for one, did at once; and who did which."""
    orders = Orders(client, deployed)
    ordered = [orders.order("prepare-dataset/default", settings_file=str(home / f"{name}.yaml")) for name in NAMES]
    with ExitStack() as workers:
        for name in NAMES:
            workers.enter_context(working(home, own_environment, "--name", name, "--limit", 1))
        states = [orders.ended(run) for run in ordered]
    return states, [client.get(f"flow_runs/{run}").json() for run in ordered]


@pytest.fixture(scope="module")
def deployed(client, own_environment):
    prefect = commanding(own_environment)
    for command in (["work-pool", "create", POOL, "--type", "process"], ["deploy", "--all"]):
        done = prefect(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return {"prepare-dataset/default": client.get("deployments/name/prepare-dataset/default").json()}


def test_two_workers_complete_two_data_sets(runs, home):
    states, _ = runs
    assert [state["type"] for state in states] == ["COMPLETED"] * 2
    assert [(home / "published" / name / "latest").read_text() for name in NAMES] == ["1.0.0\n"] * 2


def test_the_runs_were_under_way_at_once(runs):
    _, (one, other) = runs
    assert max(one["start_time"], other["start_time"]) < min(one["end_time"], other["end_time"])


def test_the_events_of_both_are_kept(runs, client):
    def published():
        wanted = {"filter": {"event": {"name": ["dataset.published"]}}}
        events = client.post("events/filter", json=wanted).json()["events"]
        return {event["resource"]["prefect.resource.id"] for event in events} == {"dataset.first", "dataset.second"}

    eventually("the events", published)
