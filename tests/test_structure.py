"""The rules that hold the tree together: who may import whom, what stays light, and whose `datasets` is imported."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from tasks.stages import FLOWS

ROOT = Path(__file__).resolve().parent.parent
ORDER = ["flows", "tasks", "gan", "datasets"]
FILES = [path for package in ORDER for path in sorted((ROOT / package).rglob("*.py"))]


def imported_names(path):
    """Top-level names that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_only_to_the_right(path):
    package = path.relative_to(ROOT).parts[0]
    wrong = imported_names(path) & set(ORDER[: ORDER.index(package)])
    assert not wrong, f"{name_of(path)}: {package}/ must not import {sorted(wrong)}; order is {' -> '.join(ORDER)}"


def test_prefect_is_imported_in_few_places_only():
    users = {name_of(path) for path in FILES if "prefect" in imported_names(path)}
    in_flows = ("artifacts", "automations", "events", "gpu_slots", "partition_orders", "pipelines", "server_setup")
    assert users == {"tasks/prefect_tasks.py", *(f"flows/{name}.py" for name in in_flows)}


def test_names_of_flows_agree_wherever_they_are_kept():
    names = set(re.findall(r'^@flow\(name="(.*?)"', (ROOT / "flows/pipelines.py").read_text(), flags=re.MULTILINE))
    (automation,) = yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"]
    assert set(automation["trigger"]["match_related"]["prefect.resource.name"]) == names
    told = re.search(r"^FLOWS = (.*)$", (ROOT / "examples/notify.py").read_text(), flags=re.MULTILINE)
    assert set(ast.literal_eval(told[1])) == names
    assert {*FLOWS, "check-dataset"} == names


def test_dask_is_imported_in_one_place_only():
    users = {path.parent.relative_to(ROOT) for path in FILES if imported_names(path) & {"dask", "distributed"}}
    assert users == {Path("tasks/parallel")}


def test_the_name_datasets_is_ours():
    import datasets

    found = Path(datasets.__file__)
    assert found.is_relative_to(ROOT), (
        f"{found} is HuggingFace's package of the same name; see README, 'The name datasets'"
    )


def test_no_distribution_named_datasets_is_installed():
    owners = set(packages_distributions().get("datasets", ())) - {"augment-dataset"}
    assert not owners, f"{sorted(owners)} installs a package `datasets`, which is the name of one of ours; see README"


def imported_by(statement):
    """Modules that are loaded after a statement ran in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


@pytest.mark.parametrize(
    "statement",
    [
        "import datasets, datasets.readers, datasets.sources.registry",
        "import tasks.stages, tasks.scan, tasks.augment, tasks.parallel",
        "import flows.command_line, flows.check, flows.settings, flows.plan",
    ],
)
def test_neither_tensorflow_nor_prefect_is_imported_before_it_is_needed(statement):
    assert imported_by(statement) & {"tensorflow", "keras", "prefect", "distributed", "imgaug", "matplotlib"} == set()


HEAVY = {"pandas", "scipy", "sklearn", "skimage", "matplotlib", "httpcore", "multiprocessing", "dask"}
PIXELS = {"cv2", "PIL", "simplejpeg", "imgaug"}
LISTING = {"sqlite3", "filelock", "fsspec"}


@pytest.mark.parametrize(
    ("stage", "absent"),
    [
        ("ingest", HEAVY | PIXELS | {"yaml", "jinja2"}),
        ("curate", HEAVY | {"yaml", "jinja2"}),
        ("split", HEAVY | PIXELS | LISTING | {"yaml", "jinja2"}),
        ("augment", HEAVY | LISTING | {"yaml", "jinja2"}),
        ("shard", HEAVY | PIXELS | LISTING | {"yaml", "jinja2"}),
        ("gate_data", HEAVY | PIXELS | LISTING | {"yaml", "jinja2"}),
        ("publish", HEAVY | PIXELS | {"sqlite3", "yaml", "jinja2"}),
    ],
)
def test_the_process_of_a_stage_imports_what_it_uses_and_no_more(stage, absent):
    """Eight of them start in every run: what each imports in vain, a run pays for eight times."""
    statement = (
        f"import tasks.stage_process, tasks.stage_context, tasks.{stage}\n"
        "tasks.stage_process.keep_pandas_out()\n"
        "import pyarrow; pyarrow.array([1, 2])"
    )
    assert imported_by(statement) & absent == set()


def test_help_needs_none_of_the_libraries_that_work_is_done_with():
    libraries = {"numpy", "pyarrow", "pandas", "pydantic", "cv2", "yaml", "prefect", "tensorflow"}
    assert imported_by("import flows.command_line") & libraries == set()


def test_who_asks_for_pandas_gets_it_although_arrow_was_told_that_there_is_none():
    statement = (
        "import pyarrow\nfrom tasks.without_pandas import keep_pandas_out\nkeep_pandas_out()\n"
        "assert pyarrow.table({'a': [1, 2]}).to_pandas()['a'].tolist() == [1, 2]"
    )
    assert "pandas" in imported_by(statement)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_version_has_hashes_and_no_registry_is_named(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9][a-z0-9._-]*==\S+.*$", text, flags=re.MULTILINE)
    assert len(pins) > 100
    without = [pin for pin in re.split(r"\n(?=[a-z0-9])", text) if "==" in pin and "--hash=sha256:" not in pin]
    assert without == []
    assert re.search(r"https?://", text) is None


def test_the_development_lock_agrees_with_the_runtime_lock():
    def pins(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"^([a-z0-9][a-z0-9._-]*==[^\s\\]+)", text, flags=re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_packages_asked_for_are_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=\[ ]", entry)[0] for entry in project["dependencies"]}
    asked = {"prefect", "dask", "opencv-python-headless", "scikit-image", "imaug", "tensorflow", "pandas", "pyarrow"}
    assert asked <= names


@pytest.mark.parametrize("name", ["prefect.yaml", "Makefile", "pyproject.toml", ".ci/run", "README.md"])
def test_no_absolute_path_is_written_down(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w.:/<])/(?:home|root|work|Users|tmp)/", text) == []
