"""Dockerfile and compose.yaml: linted, and all their commands run, in a temporary folder instead of a container."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.flows.prefect_server import OFFLINE, ROOT, end, eventually, free_port

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = re.findall(r"^([A-Z]+) (.*)$", DOCKERFILE.replace("\\\n", " "), flags=re.MULTILINE)
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES = COMPOSE["services"]
IMAGES = [*re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE), SERVICES["database"]["image"]]
SETTINGS = """\
dataset: tiny
source: {path: blobs}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
augment: {preset: none}
"""


def values_of(instruction):
    return [value.strip() for name, value in INSTRUCTIONS if name == instruction]


def copied():
    """Files and folders of the project that the Dockerfile takes into the image."""
    own = [value.split() for value in values_of("COPY") if not value.startswith("--from")]
    return {source: destination for *sources, destination in own for source in sources}


@pytest.mark.parametrize("name", ["Dockerfile", "kubernetes/gpu.Dockerfile", "kubernetes/worker.Dockerfile"])
def test_the_linter_finds_nothing(name):
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    if not linter.exists():
        pytest.skip("hadolint is not installed: `make test` installs it where there is one for the machine")
    linted = subprocess.run([linter, "--no-color", ROOT / name], capture_output=True, text=True)
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("image", IMAGES)
def test_images_are_pinned_and_name_no_registry(image):
    assert re.fullmatch(r"[a-z]+:\d+(\.\d+)?(-slim)?", image)


def test_the_image_is_not_run_by_root():
    names = [name for name, _ in INSTRUCTIONS]
    assert values_of("USER") == ["1000"]
    assert {"RUN", "COPY"} & set(names[names.index("USER") :]) == set()


def test_what_the_dockerfile_copies_is_there_and_reaches_the_builder():
    reached = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied()) == reached
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_the_image_says_the_version_of_the_project():
    (label,) = values_of("LABEL")
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)[1]
    assert f'org.opencontainers.image.version="{version}"' in label
    assert {service["image"] for service in SERVICES.values()} == {"postgres:16", f"augment-dataset:{version}"}


def test_no_password_is_written_down_and_every_variable_is_explained():
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_TEXT))
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / "example.env").read_text(), flags=re.MULTILINE))
    assert used == set(example)
    assert example["DATABASE_PASSWORD"] == ""
    passwords = re.findall(r"(?:prefect:|PASSWORD: )(\S+)", COMPOSE_TEXT)
    assert [found for found in passwords if not found.startswith(("${", "//"))] == []


def test_ports_are_open_to_this_machine_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:4200:4200"]


@pytest.mark.parametrize("name", SERVICES)
def test_who_is_waited_for_can_be_waited_for(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert (how["condition"], SERVICES[other]["restart"]) == ("service_completed_successfully", "no")


@pytest.mark.parametrize("name", SERVICES)
def test_every_volume_is_declared(name):
    mounted = [volume.split(":")[0] for volume in SERVICES[name].get("volumes", ())]
    assert [volume for volume in mounted if "$" not in volume and volume not in COMPOSE["volumes"]] == []


def test_compose_accepts_its_file():
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker has no command compose on this machine")
    checked = subprocess.run(
        ["docker", "compose", "--env-file", "/dev/null", "config", "--quiet"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_PASSWORD": "secret"},
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """What is in /app of the image, installed by the lines of the Dockerfile into an environment of its own."""
    folder = tmp_path_factory.mktemp("image") / "app"
    for source, destination in copied().items():
        to = folder / destination / ("" if (ROOT / source).is_dir() else source)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / source, to, ignore=ignore) if (ROOT / source).is_dir() else _copy_file(source, to)
    environment = folder.parent / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    locked, own = [shlex.split(value)[1:] for value in values_of("RUN") if "/pip " in value]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    # The packages of the lock are those of this environment, and are not fetched again.
    subprocess.run([*pip, *locked, "--dry-run"], cwd=folder, check=True, capture_output=True)
    subprocess.run([*pip, "--python", environment / "bin" / "python", *own], cwd=folder, check=True)
    return folder


def _copy_file(source, to):
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / source, to)


class Project:
    """The services of compose.yaml as processes of this machine, under other ports."""

    def __init__(self, app, environment, stack):
        self.app, self._stack = app, stack
        self.ports = {number: str(free_port()) for number in ("4200", "8080", "8786", "8787")}
        home = app.parent / "home"
        home.mkdir()
        inside = {"PYTHONPATH": "", "PREFECT_WORKER_WEBSERVER_PORT": self.ports["8080"]}
        self.environment = environment(home, **OFFLINE) | inside

    def _here(self, text):
        """A word of a command with what is another machine in a container in the place of its name."""
        text = re.sub(r"(?<![\w.])(server|dask-scheduler)(?=:\d)|0\.0\.0\.0", "127.0.0.1", text)
        return re.sub(r"\b(?:4200|8080|8786|8787)\b", lambda found: self.ports[found[0]], text)

    def command(self, words):
        python = str(self.app.parent / "venv" / "bin" / "python")
        programs = {
            "prefect": [python, "-m", "prefect"],
            "dask": [python, "-m", "dask"],
            "python": [python],
            "augment-dataset": [str(Path(python).with_name("augment-dataset"))],
        }
        return [*programs[words[0]], *map(self._here, words[1:])]

    def settings(self, name):
        """The environment of a service; the database is SQLite here."""
        given = {key: self._here(value) for key, value in SERVICES[name].get("environment", {}).items()}
        given.pop("PREFECT_API_DATABASE_CONNECTION_URL", None)
        return self.environment | given

    def start(self, name):
        """Start a service and wait until it is healthy, where it says when that is."""
        log = self.app.parent / f"{name}.log"
        file = self._stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            self.command(SERVICES[name]["command"]), cwd=self.app, env=self.settings(name), stdout=file, stderr=file
        )
        self._stack.callback(end, process)
        check = health_of(name)

        def is_healthy():
            assert process.poll() is None, log.read_text()
            return subprocess.run(check, env=self.environment, capture_output=True).returncode == 0

        check = check and self.command(check)
        if check:
            eventually(f"the health of {name}", is_healthy, timeout_s=240, pause_s=1)
        return log

    def run(self, name, *words):
        """Run a command to its end in the place of a service's."""
        command = self.command(words or SERVICES[name]["command"])
        return subprocess.run(
            command, cwd=self.app, env=self.settings(name), capture_output=True, text=True, timeout=240
        )


def health_of(name):
    """Words of the command that says whether a service is healthy; the Dockerfile's where it has none of its own."""
    own = SERVICES[name].get("healthcheck", {})
    if own.get("disable"):
        return None
    return own["test"][1:] if own else json.loads(values_of("HEALTHCHECK")[0].partition("CMD ")[2])


@pytest.mark.end_to_end
@pytest.mark.timeout(600)
def test_the_services_work_together(app, environment, write_blobs):
    """Server, deployments, a worker and two Dask workers, each from what is in the image: a run completes."""
    data = app.parent / "data"
    write_blobs(data / "blobs", classes=2, per_class=8)
    (data / "tiny.yaml").write_text(SETTINGS)
    assert json.loads(values_of("CMD")[0]) == SERVICES["worker"]["command"]
    with ExitStack() as stack:
        project = Project(app, environment, stack)
        scheduler = project.start("dask-scheduler")
        project.start("server")
        deployed = project.run("deploy")
        assert deployed.returncode == 0, deployed.stderr
        assert deployed.stdout.splitlines()[-1] == "deployed prefect.yaml; runs of models at once (limit gpu): 1"
        project.start("dask-worker")
        worker = project.start("worker")
        order = ["prefect", "deployment", "run", "prepare-dataset/default"]
        done = project.run("worker", *order, "--param", f"settings_file={data}/tiny.yaml", "--watch")
        assert done.returncode == 0, worker.read_text()
    assert (data / "published" / "tiny" / "latest").read_text() == "1.0.0\n"
    assert scheduler.read_text().count("Register worker") == 2
