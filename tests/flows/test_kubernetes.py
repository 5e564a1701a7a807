"""The files for Kubernetes: whole, agreeing with each other and with compose.yaml, without anything left open."""

import json
import re

import pytest
import yaml
from prefect.utilities.templating import apply_values, find_placeholders

from tests.flows.prefect_server import POOL, ROOT

FOLDER = ROOT / "kubernetes"
OBJECTS = list(yaml.safe_load_all((FOLDER / "augment-dataset.yaml").read_text(encoding="utf-8")))
BY_NAME = {(found["kind"], found["metadata"]["name"]): found for found in OBJECTS}
PODS = {name: found["spec"]["template"] for (kind, name), found in BY_NAME.items() if kind == "Deployment"}
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
TEMPLATE = json.loads((FOLDER / "work-pool.json").read_text(encoding="utf-8"))
VARIABLES = TEMPLATE["variables"]["properties"]
GIVEN = {"name": "happy-cat", "command": "prefect flow-run execute", "env": {}, "labels": {}}


def container_of(pod):
    (container,) = pod["spec"]["containers"]
    return container


def test_every_object_is_there_once():
    assert len(BY_NAME) == len(OBJECTS)
    assert {found["apiVersion"] for found in OBJECTS} == {"v1", "apps/v1", "rbac.authorization.k8s.io/v1"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_found_by_its_deployment_limited_and_not_run_by_root(name):
    pod, container = PODS[name], container_of(PODS[name])
    assert BY_NAME["Deployment", name]["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


@pytest.mark.parametrize("name", ["dask-scheduler", "dask-worker"])
def test_dask_is_started_as_in_compose(name):
    container = container_of(PODS[name])
    assert container["command"] == SERVICES[name]["command"]
    assert container["image"] == SERVICES[name]["image"]


def test_the_worker_works_on_the_pool_of_the_deployments():
    command = container_of(PODS["prefect-worker"])["command"]
    assert command[:5] == ["prefect", "worker", "start", "--pool", POOL]
    dockerfile = (FOLDER / "worker.Dockerfile").read_text(encoding="utf-8")
    assert json.loads(re.search(r"^CMD (.*)$", dockerfile, flags=re.MULTILINE)[1]) == command
    assert f"--tag {container_of(PODS['prefect-worker'])['image']} " in dockerfile


def test_every_image_of_the_page_is_built_and_has_the_locked_tensorflow():
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    assert set(re.findall(r"augment-dataset[a-z-]*:\d[\d.]*\d", page)) == set(re.findall(r"--tag (\S+)", page))
    assert [name for name in re.findall(r"--file (kubernetes/\S+Dockerfile)", page) if not (ROOT / name).exists()] == []
    version = re.search(r"^tensorflow==(\S+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)[1]
    assert f'"tensorflow[and-cuda]=={version}"' in (FOLDER / "gpu.Dockerfile").read_text(encoding="utf-8")


def test_what_pods_name_is_there():
    claims = [volume["persistentVolumeClaim"] for pod in PODS.values() for volume in pod["spec"].get("volumes", ())]
    assert {("PersistentVolumeClaim", claim["claimName"]) for claim in claims} <= set(BY_NAME)
    assert ("ServiceAccount", PODS["prefect-worker"]["spec"]["serviceAccountName"]) in BY_NAME
    assert ("ConfigMap", "prefect") in BY_NAME
    service = BY_NAME["Service", "dask-scheduler"]["spec"]
    assert service["selector"] == PODS["dask-scheduler"]["metadata"]["labels"]


def test_every_variable_of_a_job_is_used_described_and_has_a_value():
    used = {placeholder.name for placeholder in find_placeholders(TEMPLATE["job_configuration"])}
    assert used == set(VARIABLES)
    assert [name for name, field in VARIABLES.items() if not field.get("description")] == []
    assert {name for name, field in VARIABLES.items() if "default" not in field} == set(GIVEN)
    page = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    assert [name for name in set(VARIABLES) - set(GIVEN) if f"`{name}`" not in page] == []


def test_a_job_is_whole():
    values = {name: field["default"] for name, field in VARIABLES.items() if "default" in field} | GIVEN
    job = apply_values(TEMPLATE["job_configuration"], values | {"gpus": 1})["job_manifest"]
    pod = job["spec"]["template"]["spec"]
    assert "{{" not in json.dumps(job)
    assert pod["containers"][0]["image"] == SERVICES["worker"]["image"]
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": 1}
    assert ("PersistentVolumeClaim", pod["volumes"][0]["persistentVolumeClaim"]["claimName"]) in BY_NAME
