"""Deployments on a real Prefect server: made from prefect.yaml, run by a worker, scheduled, and checked before."""

import json
import re

import pytest
import yaml

from flows.server_setup import refuse_unknown_parameters
from tests.flows.prefect_server import POOL, ROOT, eventually

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

QUEUES = {
    "augment-dataset/default": "default",
    "prepare-dataset/default": "default",
    "train-gan/gpu": "gpu",
    "synthesize-dataset/default": "default",
    "check-dataset/default": "default",
    "measure-new-version/default": "default",
}
FAIL_ON = {"fail_on": ["truncated"]}
TRAINING = ("augment-dataset/default", "synthesize-dataset/default", "train-gan/gpu")
SETTINGS = """\
dataset: tiny
source: {path: blobs}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
augment: {preset: none}
compute: {mode: synchronous}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("deployment")


@pytest.fixture(scope="module")
def consumer(home, api, prefect, deployments):
    """The deployment of prefect.yaml that waits for versions, here for those of these tests."""
    ours = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    (waiting,) = [deployment for deployment in ours["deployments"] if "triggers" in deployment]
    (trigger,) = waiting["triggers"]
    assert trigger["match"] == {"prefect.resource.id": "dataset.digits_synthetic"}
    trigger["match"] = {"prefect.resource.id": "dataset.tiny"}
    (home / "consumer.yaml").write_text(yaml.safe_dump(ours | {"deployments": [waiting]}))
    deployed = prefect("deploy", "--prefect-file", home / "consumer.yaml", "--all")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    found = api.get("deployments/name/measure-new-version/default").raise_for_status().json()
    yield found
    # What it ordered goes with it: no worker of other tests is to train a classifier.
    api.delete(f"deployments/{found['id']}").raise_for_status()


@pytest.fixture(scope="module")
def ended(home, api, prefect, deployments, consumer, write_blobs):
    """Runs that were ordered as users order them, by a name of each, after a worker was there once."""
    write_blobs(home / "blobs", classes=2, per_class=10)
    (home / "blobs" / "a" / "cut.png").write_bytes((home / "blobs" / "a" / "00.png").read_bytes()[:150])
    (home / "tiny.yaml").write_text(SETTINGS)
    (home / "odd.yaml").write_text(SETTINGS + "curat: {}\n")
    tiny = {"settings_file": f"{home}/tiny.yaml"}
    orders = {
        "check": ("check-dataset/default", {"location": f"{home}/tiny.yaml", "out": f"{home}/check", **FAIL_ON}),
        "train": ("train-gan/gpu", tiny | {"gpu_limit": "gpu"}),
        "odd": ("synthesize-dataset/default", {"settings_file": f"{home}/odd.yaml"}),
    }
    ids = {name: ordered(api, deployments[flow], values)["id"] for name, (flow, values) in orders.items()}
    by_command = prefect("deployment", "run", "prepare-dataset/default", "--param", f"settings_file={home}/tiny.yaml")
    assert by_command.returncode == 0, by_command.stdout + by_command.stderr
    ids["prepare"] = re.search(r"UUID: ([0-9a-f-]{36})", by_command.stdout)[1]
    worker = prefect("worker", "start", "--pool", POOL, "--run-once")
    assert worker.returncode == 0, worker.stdout + worker.stderr
    return {name: api.get(f"flow_runs/{run_id}").raise_for_status().json() for name, run_id in ids.items()}


def ordered(api, deployment, values):
    """A run that was ordered as an automation or another flow orders one."""
    order = {"parameters": values, "state": {"type": "SCHEDULED"}}
    return api.post(f"deployments/{deployment['id']}/create_flow_run", json=order).raise_for_status().json()


@pytest.fixture(scope="module")
def worked(ended):
    assert ended["prepare"]["state"]["type"] == "COMPLETED", ended["prepare"]
    return ended["prepare"]


def lines_of(api, run):
    wanted = {"logs": {"flow_run_id": {"any_": [run["id"]]}}, "sort": "TIMESTAMP_ASC"}
    return [line["message"] for line in api.post("logs/filter", json=wanted).raise_for_status().json()]


def tasks_of(api, run):
    wanted = {"flow_runs": {"id": {"any_": [run["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    tasks = api.post("task_runs/filter", json=wanted).raise_for_status().json()
    return [(task["name"], task["state_type"]) for task in tasks]


def test_every_deployment_of_the_file_exists_in_the_pool_and_its_queue(deployments):
    assert {name: deployments[name]["work_queue_name"] for name in QUEUES} == QUEUES
    assert {deployments[name]["work_pool_name"] for name in QUEUES} == {POOL}


def test_only_the_scheduled_deployment_has_a_limit_of_its_own(deployments):
    """Runs on one data set exclude each other by its lock; runs on different ones may be at once."""
    limited = {name: deployments[name]["global_concurrency_limit"] for name in QUEUES}
    assert {name: limit["limit"] for name, limit in limited.items() if limit} == {"augment-dataset/default": 1}
    assert deployments["augment-dataset/default"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_whatever_trains_holds_a_slot_of_the_limit_gpu(deployments):
    limits = {name: deployments[name]["parameters"].get("gpu_limit") for name in QUEUES}
    assert limits == {name: "gpu" if name in TRAINING else None for name in QUEUES}


def test_a_training_is_refused_where_the_limit_is_not_there(ended, api):
    """Prefect itself would only warn, and train as often as one asks."""
    assert ended["train"]["state"]["type"] == "FAILED"
    assert ended["train"]["state"]["message"].endswith(
        "BadInput: global concurrency limit gpu is not there; create it with `prefect gcl create gpu --limit 1`, one "
        "slot per GPU, or leave gpu_limit out"
    )
    assert tasks_of(api, ended["train"]) == []


def test_a_bad_settings_file_fails_the_run_before_any_stage(ended, api):
    state = ended["odd"]["state"]
    assert state["type"] == "FAILED"
    assert "odd.yaml: unknown setting curat; allowed here: augment, compute, curate, " in state["message"]
    assert tasks_of(api, ended["odd"]) == []


def test_a_check_that_finds_what_it_shall_fail_on_is_a_failed_run(ended, api, home):
    state = ended["check"]["state"]
    assert (state["type"], state["message"].rpartition(": ")[2]) == ("FAILED", "--fail-on found 1 truncated")
    names = sorted(path.name for path in (home / "check").iterdir())
    assert names == ["findings.csv", "findings.parquet", "manifest.parquet", "report.html"]


def test_a_check_says_in_its_log_what_it_found(ended, api):
    def lines():
        found = lines_of(api, ended["check"])
        return found if "20 kept, 1 rejected" in found else None

    assert "reject truncated: 1 file, for example a/cut.png" in eventually("the log", lines)
    assert [name for name, _ in tasks_of(api, ended["check"])] == ["ingest", "scan", "curate"]


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
    wanted = {"filter": {"event": {"name": ["dataset.published"]}, "resource": {"id": ["dataset.tiny"]}}}

    def of_this_home():
        found = api.post("events/filter", json=wanted).raise_for_status().json()["events"]
        return [event for event in found if event["payload"]["path"].startswith(str(home))]

    (event,) = eventually("the event", of_this_home)
    index = json.loads((home / "published" / "tiny" / "1.0.0" / "index.json").read_text())
    assert event["resource"]["prefect.resource.id"] == "dataset.tiny"
    assert event["payload"] == {
        "name": "tiny",
        "version": "1.0.0",
        "path": str(home / "published" / "tiny" / "1.0.0"),
        "content_digest": index["content_digest"],
        "verdict": "passed",
        "images": 20,
        "metrics": {
            metric["name"]: pytest.approx(metric["value"], rel=1e-5)
            for metric in json.loads((home / "published" / "tiny" / "1.0.0" / "gate.json").read_text())["metrics"]
            if metric["outcome"] in ("passed", "warned")
        },
    }
    assert event["payload"]["metrics"]["leaks"] == 0


def test_every_stage_is_a_task_of_the_run(worked, api):
    names = ["ingest", "scan", "curate", "split", "augment", "shard", "gate_data", "publish_data"]
    assert tasks_of(api, worked) == [(name, "COMPLETED") for name in names]


def test_the_log_of_the_run_says_what_it_did(worked, api):
    def lines():
        found = lines_of(api, worked)
        return found if any("publish_data: ran in" in line for line in found) else None

    messages = eventually("the log", lines)
    assert any(re.fullmatch(r"ingest: ran in .* s, because: first run \(21 in, 21 out\)", line) for line in messages)


FILE = {"settings_file": "a.yaml"}
CHECKED = {"location": "photos", "out": "check"}
REFUSED = {
    "seed below its range": ("prepare-dataset/default", FILE | {"seed": -1}, "-1 is less than the minimum of 0"),
    "seed above its range": (
        "synthesize-dataset/default",
        FILE | {"seed": 2**31},
        "greater than or equal to the maximum of 2147483648",
    ),
    "no name of a data set": ("prepare-dataset/default", FILE | {"dataset": "My Photos"}, "does not match"),
    "a name that would leave the folder": ("augment-dataset/default", FILE | {"partition": "../a"}, "does not match"),
    "too many workers": ("augment-dataset/default", FILE | {"workers": 1025}, "greater than the maximum of 1024"),
    "no training": ("train-gan/gpu", FILE | {"train_images": 0}, "less than the minimum of 1"),
    "text for a number": ("train-gan/gpu", FILE | {"train_images": "many"}, "'many'"),
    "no name of a limit": ("train-gan/gpu", FILE | {"gpu_limit": ""}, "does not match"),
    "an unknown finding": ("check-dataset/default", CHECKED | {"fail_on": ["blurred"]}, "'blurred' is not one of"),
    "an unknown kind": ("check-dataset/default", CHECKED | {"kind": "folders"}, "'folders' is not one of"),
    "no place": ("check-dataset/default", CHECKED | {"location": ""}, "''"),
    "nothing where to": ("check-dataset/default", {"location": "photos", "out": None}, "None is not of type"),
}


@pytest.mark.parametrize(("name", "parameters", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_value_is_refused_before_there_is_a_run(api, deployments, name, parameters, sentence):
    answer = api.post(f"deployments/{deployments[name]['id']}/create_flow_run", json={"parameters": parameters})
    assert answer.is_client_error
    assert sentence in answer.json()["detail"]


def test_the_command_refuses_an_unknown_parameter(prefect, deployments):
    ordered = prefect("deployment", "run", "synthesize-dataset/default", "--param", "sede=1")
    assert ordered.returncode == 1
    assert "not found on the deployment: 'sede'" in " ".join(ordered.stdout.split())


def test_the_work_pool_for_kubernetes_is_accepted(prefect, api):
    template = ROOT / "kubernetes" / "work-pool.json"
    created = prefect("work-pool", "create", "cluster", "--type", "kubernetes", "--base-job-template", template)
    assert created.returncode == 0, created.stdout + created.stderr
    assert api.get("work_pools/cluster").raise_for_status().json()["type"] == "kubernetes"


def test_unknown_parameters_are_refused_however_many_deployments_there_are(
    api, deployments, server_environment, monkeypatch
):
    monkeypatch.setattr("flows.server_setup.PAGE", 2)
    refuse_unknown_parameters(server_environment["PREFECT_API_URL"])
    found = api.post("deployments/filter", json={}).raise_for_status().json()
    schemas = [each["parameter_openapi_schema"] for each in found if each["entrypoint"].startswith("flows.pipelines.")]
    assert [schema["additionalProperties"] for schema in schemas] == [False] * 5


def test_the_schedule_makes_runs(api, deployments):
    found = deployments["augment-dataset/default"]
    wanted = {
        "flow_runs": {"deployment_id": {"any_": [found["id"]]}, "state": {"type": {"any_": ["SCHEDULED"]}}},
        "sort": "EXPECTED_START_TIME_ASC",
    }
    runs = eventually("a scheduled run", lambda: api.post("flow_runs/filter", json=wanted).raise_for_status().json())
    assert runs[0]["auto_scheduled"]
    assert re.search(r"T03:00:00", runs[0]["expected_start_time"])


def test_a_run_leaves_a_summary_tables_and_a_link_to_its_report(worked, api, home):
    wanted = {"artifacts": {"flow_run_id": {"any_": [worked["id"]]}}, "sort": "KEY_ASC"}
    found = {entry["key"]: entry for entry in api.post("artifacts/filter", json=wanted).raise_for_status().json()}
    slow = "-progress"  # the bar of a stage that took some seconds here
    assert {key: entry["type"] for key, entry in found.items() if not key.endswith(slow)} == {
        "tiny-gates": "table",
        "tiny-rejects": "table",
        "tiny-report": "markdown",
        "tiny-stages": "table",
        "tiny-summary": "markdown",
    }
    assert found["tiny-summary"]["data"].startswith("# tiny: tiny 1.0.0 is published\n")
    assert '"reason": "truncated", "files": "1"' in found["tiny-rejects"]["data"]
    (report,) = (home / "workspace" / "tiny" / "runs").glob("*.html")
    assert report.as_uri() in found["tiny-report"]["data"]
