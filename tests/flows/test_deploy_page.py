"""Commands of docs/deploy.md that look after runs, partitions and servers are run as they stand there.

Those at its top are in test_serve.py, containers in test_containers.py, notifications in test_worker_runs.py.
"""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.settings import load_settings
from tasks.run import Run
from tasks.stages import PREPARE

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
OURS = {"augment-dataset": ["-m", "flows"], "prefect": ["-m", "prefect"]}
SETTINGS = """\
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
augment: {preset: none}
compute: {mode: synchronous}
"""


def section(title):
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def commands(title):
    """The lines of the first block of a section without a language, less their comments."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", section(title), re.DOTALL | re.MULTILINE)
    block = next(text for language, text in blocks if not language)
    return [line.partition("#")[0].strip() for line in block.splitlines()]


def call(line, folder, environment):
    name, *arguments = line.split()
    done = subprocess.run(
        [sys.executable, *OURS[name], *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def two_runs(tmp_path, write_blobs):
    """A workspace with two runs of three stages, and the names of their records."""
    write_blobs(tmp_path / "blobs", per_class=3)
    (tmp_path / "photos.yaml").write_text("dataset: photos\nsource: {path: blobs}\n" + SETTINGS)
    settings = load_settings(tmp_path / "photos.yaml", {})
    for hour in (3, 4):
        run = Run(
            flow="prepare-dataset",
            settings=settings,
            place=settings.place,
            clock=lambda hour=hour: datetime(2026, 1, 2, hour, tzinfo=UTC),
        )
        run.run_stages(PREPARE[:3])
        run.finish(None)
    return sorted(path.name for path in (settings.place.shared / "runs").glob("*.json"))


def test_runs_are_looked_after_as_the_page_says(two_runs, tmp_path, environment):
    lines = commands("Looking after runs")
    assert [line.split()[1] for line in lines] == ["runs", "status", "diff", "gc", "gc"]
    for line in lines:
        told = line.replace("A.json", two_runs[0]).replace("B.json", two_runs[1])
        assert call(told, tmp_path, environment(tmp_path))


def test_partitions_are_run_as_the_page_says(tmp_path, write_blobs, server_environment, api, deployments):
    (example,) = re.findall(r"```yaml\n(.*?)```", section("Partitions"), re.DOTALL)
    (tmp_path / "photos.yaml").write_text(example + SETTINGS)
    write_blobs(tmp_path / "incoming" / "2026-11-22", classes=2, per_class=10)
    lines = commands("Partitions")
    *here, everything, at_the_server = lines
    assert everything.endswith("--flow augment-dataset")
    for line in [*here, f"{everything} --dry-run", at_the_server]:  # a training would take minutes
        assert "2026-11-22" in call(line, tmp_path, server_environment)
    assert (tmp_path / "published" / "photos_2026_11_22" / "1.0.0" / "dataset_info.json").exists()


def test_a_server_of_ones_own_is_set_up_and_worked_for_as_the_page_says(tmp_path, server_environment, api):
    deploy, worker = commands("A server of your own")
    queues = re.findall(r"^prefect worker start .*$", section("One run per GPU"), re.MULTILINE)
    assert "deployed prefect.yaml" in call(deploy, tmp_path, server_environment)
    for line in [worker, *queues]:
        call(f"{line} --run-once", tmp_path, server_environment)
    assert len(queues) == 2
