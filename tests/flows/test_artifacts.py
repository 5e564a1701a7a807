"""What Prefect's UI shows of runs: asked of a real server, and as text."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.artifacts import PICTURES_BYTES, TABLES, artifact_key, summary
from tests.tasks.report.conftest import HOSTILE, Workspace

ROOT = Path(__file__).resolve().parents[2]
OBSERVED = """
from pathlib import Path
from prefect import flow
from prefect.logging import get_run_logger
from flows.artifacts import ArtifactObserver
from tasks.stages import PREPARE

seconds = iter(range(0, 1000, 6))

@flow
def observed():
    observer = ArtifactObserver(get_run_logger(), "observed_set", clock=lambda: next(seconds))
    observer.stage_started(PREPARE[1])
    for done in range(0, 101, 10):
        observer.progress(PREPARE[1], done, 100)
    observer.run_ended({"run": "r", "verdict": "failed"}, Path("nowhere/report.html"))

observed()
"""


@pytest.fixture
def record(tmp_path):
    """Of a run of all stages, with a class named like markup."""
    workspace = Workspace(tmp_path)
    workspace.prepare()
    workspace.publish("publish_data", "things")
    workspace.synthesize()
    return workspace.record("refused", message="a | b\n<i>c</i> it's 'd'")


def artifacts(api, *keys):
    wanted = {"artifacts": {"key": {"any_": list(keys)}}, "sort": "CREATED_DESC"}
    return api.post("artifacts/filter", json=wanted).raise_for_status().json()


def test_progress_is_one_artifact_that_moves_and_a_record_that_cannot_be_told_breaks_no_run(api, server_environment):
    done = subprocess.run(
        [sys.executable, "-c", OBSERVED], cwd=ROOT, env=server_environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (bar,) = artifacts(api, "observed-set-scan-progress")
    assert (bar["type"], bar["description"]) == ("progress", "scan: decode, check, measure, prepare")
    assert 50 < bar["data"] <= 100
    assert "an artifact could not be made, or Prefect's server did not take it: 'dataset'" in done.stderr
    (link,) = artifacts(api, "observed-set-report")
    assert "file:///" in link["data"]


def test_keys_hold_what_prefect_takes():
    assert [artifact_key(name) for name in ("my_Photos", "2026-11.x", "_a_")] == ["my-photos", "2026-11-x", "a"]


def test_the_summary_says_what_came_of_the_run_and_shows_images_within_bounds(record):
    text = summary(record, Path("/runs/r.html"))
    first, _, message, *rest = text.splitlines()
    assert first == "# things: Publishing was refused in the stage publish_synthetic"
    assert message == "> a \\| b \\<i\\>c\\</i\\> it's 'd'"
    assert "- gate of the real data: **passed**" in rest
    assert "- report: `/runs/r.html`" in rest
    assert "| class | real | synthetic | nearest training image |" in rest
    assert text.count("](data:image/png;base64,") == 6
    assert len(text) < 1.1 * PICTURES_BYTES


def test_names_that_look_like_markup_are_text(record):
    text = summary(record, Path("/runs/r.html"))
    assert HOSTILE not in text and r"\<script\>alert(1)\</script\>" in text


def test_tables_hold_stages_rejects_and_gates(record):
    found = {name: rows_of(record) for name, rows_of in TABLES.items()}
    assert [row["stage"] for row in found["stages"]][:3] == ["ingest", "scan", "curate"]
    assert found["rejects"] == [
        {"stage": "scan", "reason": "truncated", "files": "1"},
        {"stage": "curate", "reason": "duplicate_exact", "files": "1"},
    ]
    assert [(row["gate"], row["metric"]) for row in found["gates"]] == [
        ("data", "leaks"),
        ("synthetic", "Fréchet distance"),
    ]
