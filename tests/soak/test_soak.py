"""One process runs the pipeline again and again, on images that change: nothing grows, and counts always add up.

Four rounds of the real half by default; `make soak` runs twenty of everything.
"""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from datasets.manifest import read_table
from datasets.readers import load_numpy
from tasks.parallel import ComputeSettings
from tasks.progress import silent
from tasks.run import read_run
from tasks.verify import verify
from tests.flows.conftest import blob_payload
from tests.flows.struck_run import SETTINGS
from tests.soak.changing_images import ChangingImages

ALL = os.environ.get("SOAK") == "all"
FLOW, ROUNDS, WARM = ("augment_dataset", 20, 5) if ALL else ("prepare_dataset", 4, 2)
ROOT = Path(__file__).resolve().parent.parent.parent
MORE_MEMORY_MIB = 15.0  # than after the first rounds, in which libraries load what they need
MORE_OBJECTS = 3000  # of some 230,000
BEFORE_SELECTION = ("ingest", "scan", "curate")

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(3600 if ALL else 300)]


@pytest.fixture(scope="module")
def rounds(tmp_path_factory, environment):
    """What was there after each round: files, what the process held, what lay in the temporary folder, the run."""
    home = tmp_path_factory.mktemp("soak")
    temporary = home / "tmp"
    temporary.mkdir()
    settings_file = home / "tiny.yaml"
    compute = "compute: {mode: processes, workers: 2, partition_size: 16}" if ALL else "compute: {mode: synchronous}"
    settings_file.write_text(SETTINGS.replace("compute: {mode: synchronous}", compute))
    images = ChangingImages(home / "images", blob_payload, random.Random(0), per_class=40)
    command = [sys.executable, "-m", "tests.soak.repeating_process", FLOW, str(settings_file)]
    told = home / "stderr"
    made = []
    with (
        told.open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(home, TMPDIR=str(temporary)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            for _ in range(ROUNDS):
                process.stdin.write("\n")
                process.stdin.flush()
                line = process.stdout.readline()
                assert line, told.read_text()
                made.append(after_round(home, json.loads(line), images))
                note(made[-1])
                images.change()
            process.stdin.close()
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 0, told.read_text()
    return made


def after_round(home, held, images):
    run = read_run(Path(held["outcome"]["report"]).with_suffix(".json"))
    return held | {
        "run": run,
        "files": images.names,
        "paths": {stage["name"]: Path(stage["path"]) for stage in run["stages"]},
        "summaries": {stage["name"]: stage["summary"] for stage in run["stages"]},
        "temporary": [path.name for path in (home / "tmp").iterdir()],
        "unfinished": [path.name for name in ("*.partial", "*.tmp", ".check-*") for path in home.rglob(name)],
        "home": home,
    }


def note(made):
    """A line with the figures of a round, where they are asked for."""
    if path := os.environ.get("SOAK_RESULTS"):
        figures = {name: made[name] for name in ("memory_mib", "objects", "threads", "temporary", "unfinished")}
        counts = {name: len(made[name]) for name in ("files", "handles", "processes")}
        verdicts = [stage["outcome"] for stage in made["run"]["stages"]]
        cpu_s = sum(stage["usage"]["cpu_s"] for stage in made["run"]["stages"])
        with Path(path).open("a") as file:
            file.write(json.dumps(figures | counts | {"stages": Counter(verdicts), "cpu_s": round(cpu_s, 1)}) + "\n")


def test_every_file_has_one_row_in_every_manifest(rounds):
    for number, made in enumerate(rounds):
        for stage in BEFORE_SELECTION:
            members = read_table(made["paths"][stage] / "manifest.parquet", ["member"])["member"].to_pylist()
            assert (number, stage, Counter(members)) == (number, stage, Counter(made["files"]))


def test_what_is_kept_is_published_and_the_rest_has_a_reason(rounds):
    for made in rounds:
        rows = read_table(made["paths"]["curate"] / "manifest.parquet", ["member", "status", "reason"]).to_pylist()
        kept = {row["member"] for row in rows if row["status"] in ("kept", "repaired")}
        assert all(row["reason"] for row in rows if row["member"] not in kept)
        version = made["home"] / "published" / "tiny" / made["outcome"]["published"]["tiny"]
        ids = [image for split in ("train", "validation", "test") for image in load_numpy(version, split).ids]
        assert len(ids) == len(set(ids)) == len(kept)


def test_every_version_is_whole(rounds):
    places = [
        made["home"] / "published" / name / version
        for made in rounds
        for name, version in made["outcome"]["published"].items()
    ]
    assert len(set(places)) >= ROUNDS
    for verdict in verify(sorted(set(places)), ComputeSettings(mode="synchronous"), silent):
        assert list(verdict.faults) == []


@pytest.mark.parametrize(("what", "more"), [("memory_mib", MORE_MEMORY_MIB), ("objects", MORE_OBJECTS)])
def test_no_memory_is_kept(rounds, what, more):
    warm, *later = [made[what] for made in rounds[WARM - 1 :]]
    assert max(later) - warm < more


@pytest.mark.parametrize("what", ["handles", "processes"])
def test_nothing_stays_open(rounds, what):
    warm, *later = [Counter(made[what]) for made in rounds[WARM - 1 :]]
    assert [more - warm for more in later] == [Counter()] * len(later)


def test_threads_end(rounds):
    warm, *later = [made["threads"] for made in rounds[WARM - 1 :]]
    assert max(later) <= warm


@pytest.mark.parametrize("what", ["temporary", "unfinished"])
def test_no_rubbish_stays(rounds, what):
    assert [made[what] for made in rounds] == [[]] * ROUNDS
