"""Every fault of the table strikes a run; the next one, undisturbed, gives the bytes of a run that nothing befell.

A choice of the cases is run by default, all of them by `make faults` (FAULTS=all).
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from datasets.manifest import read_table
from datasets.readers import resolve_version
from datasets.tfds_layout import read_index
from tasks.digests import file_digests
from tasks.parallel import ComputeSettings
from tasks.progress import silent
from tasks.verify import verify
from tests.faults import inflicted
from tests.faults.cases import CASES, LAST_OF_PREPARE, PREPARE
from tests.flows.struck_run import SETTINGS, copy, undisturbed_run
from tests.flows.whole_run import run

ALL = os.environ.get("FAULTS") == "all"
CHOSEN = [case for case in CASES if ALL or case.often]
HERE = Path(__file__).parent
PREPARE_SETTINGS = """\
dataset: tiny
source: {path: images, licence: CC0-1.0}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
split: {validation: 0.3, test: 0.15}
compute: {mode: synchronous}
"""

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, write_blobs):
    """Twelve images, prepared and published."""
    home = tmp_path_factory.mktemp("faults")
    return undisturbed_run(
        home, PREPARE_SETTINGS, lambda folder: write_blobs(folder, classes=2, per_class=6), LAST_OF_PREPARE
    )


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory, write_blobs):
    """Also a generator of them, and its images."""
    home = tmp_path_factory.mktemp("faults_of_training")
    return undisturbed_run(home, SETTINGS, lambda folder: write_blobs(folder, per_class=24))


def can_mount():
    """Whether this user may mount file systems of its own."""
    probe = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    return probe.returncode == 0


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_what_a_fault_leaves_is_whole_and_the_next_run_makes_it_good(case, request):
    if case.place != "usual" and not (shutil.which("unshare") and can_mount()):
        pytest.skip("needs a user who may mount file systems (unshare -rm)")
    bench = request.getfixturevalue("prepared" if case.stage in PREPARE else "synthesized")
    data = bench.home / "data"
    code, said = strike(bench, case)
    assert code == case.code or case.code is None, said
    if code > 0:
        check_sentence(said, case.sentence, data)
    nothing_half_is_visible(data, case)
    copy_back(bench)
    again = run_again(bench, case, said)
    assert made(bench, case, data, again) == made(bench, case, bench.home / "after" / last_of(case), bench.results)
    assert left_over(data) == []
    every_image_has_a_row(data)
    note(case, code, said, bench.home)


def strike(bench, case):
    """Exit code of a run that the fault strikes, and what it said on standard error."""
    data = bench.home / "data"
    if case.moment == "before":
        copy(bench.home / "after" / case.stage, data)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WRITES_BELOW", str(data))
            patch.setenv("FAULT_FILES", case.files)
            getattr(inflicted, case.inflict)()
        done = bench.struck(case.stage)
        return done.returncode, done.stderr
    bench.restore(case.stage)
    if case.process == "worker":
        text = bench.settings_file.read_text()
        bench.settings_file.write_text(text.replace("synchronous", "processes, workers: 2, partition_size: 3"))
    moments = {
        "start": {"FAULT_AT": 0},
        "halfway": {"FAULT_AT": bench.half(case.stage)},
        "reads": {"FAULT_ON_READ": data / "images" / "a" / "00.png"},
    }
    fault = {"FAULT": case.inflict, "FAULT_FILES": case.files, "FAULT_IN": case.process, **moments[case.moment]}
    done = bench.struck(case.stage, place(bench, case), **(fault if case.inflict else {}))
    assert not case.inflict or Path(f"{bench.home}/last_writes.struck").exists(), "the fault struck nobody"
    return done.returncode, done.stderr


def place(bench, case):
    """How a command is called that is to run on the case's file system."""
    if case.place == "usual":
        return ()
    data = bench.home / "data"
    if case.place == "read_only":
        return (
            "unshare",
            "-rm",
            HERE / "on_read_only.sh",
            data / ("published" if case.stage == LAST_OF_PREPARE else "workspace"),
        )
    return ("unshare", "-rm", HERE / "on_small_disk.sh", data)


def check_sentence(said, expected, data):
    """One line for people, which names what it is about; the log of a killed process may follow, but no traceback."""
    first, *rest = said.splitlines()
    assert re.fullmatch(expected.replace("DATA", re.escape(str(data))), first), said
    assert not rest or first.endswith("and ends with:"), said
    assert "Traceback" not in said


def last_of(case):
    """Up to where the next run goes. Images that were read one by one lie in other packs: their shards are compared."""
    return LAST_OF_PREPARE if case.moment == "reads" else case.stage


def made(bench, case, data, results):
    """What has to be as if nothing had happened."""
    published = data / "published"
    if case.new_version:
        return read_index(resolve_version(published / "tiny")).content_digest
    if case.moment == "reads":
        return {name: digest for name, digest in file_digests(published).items() if "tfrecord" in name}
    return results[case.stage].digest, file_digests(published) if published.exists() else {}


def nothing_half_is_visible(data, case):
    """Whatever readers can open is complete and intact."""
    versions = {path.parent for path in (data / "published").glob("*/*/dataset_info.json")}
    for version in versions if not case.new_version else ():
        (verdict,) = verify([version], ComputeSettings(mode="synchronous"), silent)
        assert list(verdict.faults) == []


def copy_back(bench):
    """The source as it was, times included."""
    for name in ("images", "tiny.yaml"):
        before, now = bench.home / "after" / "nothing" / name, bench.home / "data" / name
        if before.is_dir():
            copy(before, now)
        else:
            shutil.copy2(before, now)


def run_again(bench, case, said):
    """The results of an undisturbed run; a file that the run before refused by name is taken away first."""
    named = re.search(rf"{re.escape(str(bench.home / 'data'))}/\S+?(?=[ :;,]|$)", said) if case.code == 2 else None
    if case.moment == "before" and named:
        Path(named.group()).unlink()
    return run(bench.settings_file, last_of(case)).results


def left_over(data):
    """What no run needs any more."""
    return [path for pattern in ("*.partial", "*.tmp") for path in data.rglob(pattern)]


def every_image_has_a_row(data):
    images = {path.relative_to(data / "images").as_posix() for path in (data / "images").rglob("*.png")}
    for path in (data / "workspace").glob("*/*/*/manifest.parquet"):
        table = read_table(path, ["member", "kind"])
        members = set(table["member"].to_pylist())
        if path.parts[-3] in ("ingest", "scan", "curate", "split"):
            assert members == images


def note(case, code, said, home):
    """A line for the page, where one is asked for."""
    if path := os.environ.get("FAULTS_RESULTS"):
        line = {"fault": case.fault, "stage": case.stage, "code": code, "said": said.strip().replace(str(home), "")}
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")
