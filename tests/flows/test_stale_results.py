"""An output that no longer fits is never taken for a result, and the run says what changed.

Prefect's own cache was seen to give an old result for a changed file, a deleted output and a changed helper function.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.settings import load_settings
from tasks.run import Run
from tasks.stages import PREPARE

ROOT = Path(__file__).resolve().parent.parent.parent
STAGES = PREPARE[:3]  # ingest, scan, curate
SETTINGS = """\
dataset: tiny
source: {path: blobs}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
curate: {min_side_px: 8}
compute: {mode: synchronous}
"""
SKIPPED = ("skipped", "unchanged")
SAME_BUT_FOR_THE_CODE = """
from pathlib import Path
from flows.settings import load_settings
from tasks.run import Run
from tasks.stages import PREPARE
settings = load_settings(Path("tiny.yaml"), {})
run = Run(flow="prepare-dataset", settings=settings, place=settings.place)
run.run_stages(PREPARE[:3])
print(*[f"{name} {result.outcome}: {result.why}" for name, result in run.results.items()], sep="\\n")
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory, write_blobs):
    """A workspace after a run."""
    folder = tmp_path_factory.mktemp("stale") / "data"
    write_blobs(folder / "blobs", per_class=3)
    (folder / "tiny.yaml").write_text(SETTINGS)
    bench = SimpleNamespace(folder=folder, first=results(folder))
    shutil.copytree(folder, folder.parent / "as it was")
    return bench


@pytest.fixture
def bench(done):
    """It again for each test, at the same place: where a source lies counts."""
    shutil.rmtree(done.folder)
    shutil.copytree(done.folder.parent / "as it was", done.folder)
    return done


def results(folder):
    settings = load_settings(folder / "tiny.yaml", {})
    run = Run(flow="prepare-dataset", settings=settings, place=settings.place)
    run.run_stages(STAGES)
    return run.results


def reasons(bench):
    return {name: (result.outcome, result.why) for name, result in results(bench.folder).items()}


def test_nothing_changed(bench):
    assert reasons(bench) == dict.fromkeys(("ingest", "scan", "curate"), SKIPPED)


def test_a_file_with_other_content_under_the_same_path(bench, blob):
    changed = bench.folder / "blobs" / "a" / "00.png"
    changed.write_bytes(blob(0, 99))
    assert reasons(bench) == {
        "ingest": ("ran", "source changed"),
        "scan": ("ran", "output of ingest changed"),
        "curate": ("ran", "output of scan changed"),
    }


def test_an_output_that_was_deleted(bench):
    (bench.first["scan"].path / "manifest.parquet").unlink()
    assert reasons(bench) == {"ingest": SKIPPED, "scan": ("ran", "output manifest.parquet is gone"), "curate": SKIPPED}


def test_an_output_that_was_tampered_with(bench):
    with (bench.first["curate"].path / "manifest.parquet").open("ab") as file:
        file.write(b"x")
    found = reasons(bench)
    assert found == {"ingest": SKIPPED, "scan": SKIPPED, "curate": ("ran", "output manifest.parquet was changed")}


def test_a_setting(bench):
    settings = (bench.folder / "tiny.yaml").read_text()
    (bench.folder / "tiny.yaml").write_text(settings.replace("min_side_px: 8", "min_side_px: 12"))
    assert reasons(bench)["curate"] == ("ran", "settings changed: min_side_px 8 → 12")


def test_a_helper_function(bench, tmp_path):
    """A function that `curate` calls, in a module of its own, in a copy of the code."""
    for package in ("datasets", "gan", "tasks", "flows"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    helper = tmp_path / "tasks" / "curation" / "labels.py"
    helper.write_text(helper.read_text() + "\n\ndef more(number: int) -> int:\n    return number + 1\n")
    ran = subprocess.run(
        [sys.executable, "-c", SAME_BUT_FOR_THE_CODE],
        cwd=bench.folder,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "ingest skipped: unchanged",
        "scan skipped: unchanged",
        "curate ran: code changed",
    ]
