"""Whole runs by the command line, from raw images to published data: interrupted, killed, refused, passed, repeated.

The five runs share one workspace, as the runs of a data set do, and each starts where the one before left it.
"""

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from PIL import Image

from datasets import load, load_numpy
from tasks.synthetic_gate.metric_table import METRICS
from tests.flows.marked_processes import MARK, processes_left

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(900)]

CLASSES, PER_CLASS = 3, 36
PREPARE = ["ingest", "scan", "curate", "split", "augment", "shard", "gate_data", "publish_data"]
SYNTHESIZE = ["train", "generate", "shard_synthetic", "gate_synthetic", "publish_synthetic"]

# A generator and classifiers of a few hundred weights: what they learn is not the point.
SETTINGS = """\
dataset: tiny
source: {path: images, licence: CC0-1.0}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
curate: {exact_duplicates: keep_all}
split: {validation: 0.3, test: 0.15}
train:
  latent_size: 4
  width: 4
  max_width: 8
  batch_size: 16
  budget_images: 2400
  evaluate_every_images: 2400
  checkpoint_every_images: 160
  evaluation_samples: 32
  extractor: &small {width: 4, feature_size: 8, budget_images: 640, batch_size: 32}
generate: {images_per_class: 20}
synthetic_gate:
  min_gate_images: 8
  value: {seeds: 1}
  classifier: *small
  limits:
    coverage: {limit: 0}
"""
SETTINGS += "".join(f"    {name}: {{severity: report}}\n" for name in METRICS if name != "coverage")
SETTINGS += "compute: {workers: 1}\n"

TFDS_READER = """
import importlib.util, json, os, sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
assert not [name for name in ("flows", "tasks", "gan", "datasets") if importlib.util.find_spec(name)]
import tensorflow_datasets as tfds

found = {}
for folder in sys.argv[1:]:
    builder = tfds.builder_from_directory(folder)
    read = {split: sum(1 for _ in builder.as_dataset(split=split)) for split in builder.info.splits}
    found[builder.name] = [str(builder.info.version), builder.info.features["label"].names, read]
print(json.dumps(found))
"""


def write_copies(folder: Path) -> None:
    """Copies that no split may be parted from: the same bytes again, and the same pixels in other bytes."""
    for number in range(5):
        original = folder / "a" / f"{number:02}.png"
        (folder / "a" / f"bytes-{number}.png").write_bytes(original.read_bytes())
        with Image.open(original) as image:
            image.save(folder / "a" / f"pixels-{number}.bmp")


class Bench:
    """A folder with images, two settings files, and the runs that were made there."""

    def __init__(self, folder, command, environment):
        self.folder = folder
        self.environment = environment | {MARK: str(folder)}
        self._command = command

    def start(self, settings, name="run", *options):
        """A command as the leader of a process group of its own."""
        return subprocess.Popen(
            self._command(name, settings, *options),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, settings, name="run"):
        """What a command printed, its exit code, and the record of its run."""
        process = self.start(settings, name)
        try:
            output, errors = process.communicate(timeout=800)
        finally:
            process.kill()
        record = json.loads(self.records()[-1].read_text())
        return SimpleNamespace(returncode=process.returncode, output=output, errors=errors, record=record)

    def records(self):
        return sorted((self.folder / "workspace" / "tiny" / "runs").glob("*.json"))

    def versions(self):
        """Published versions that TFDS can open."""
        return sorted(path.parent.relative_to(self.folder / "published").as_posix() for path in self.visible())

    def visible(self):
        return list((self.folder / "published").glob("*/*/dataset_info.json"))


def outcomes(run):
    return {stage["name"]: stage["outcome"] for stage in run.record["stages"]}


def stage_of(run, name):
    return next(stage for stage in run.record["stages"] if stage["name"] == name)


@pytest.fixture(scope="module")
def bench(tmp_path_factory, write_blobs, command, environment, prefect_home):
    folder = tmp_path_factory.mktemp("runs")
    write_copies(write_blobs(folder / "images", CLASSES, PER_CLASS))
    (folder / "possible.yaml").write_text(SETTINGS)
    (folder / "impossible.yaml").write_text(SETTINGS.replace("coverage: {limit: 0}", "coverage: {limit: 100}"))
    return Bench(folder, command, environment(folder, PREFECT_HOME=str(prefect_home)))


@pytest.fixture(scope="module")
def interrupted(bench):
    """A run after Ctrl-C, which a terminal sends to the whole process group."""
    process = bench.start("impossible.yaml")
    try:
        printed = next((line for line in process.stdout if "ingest: ran" in line), None)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    record = json.loads(bench.records()[-1].read_text())
    return SimpleNamespace(
        printed=printed,
        returncode=process.returncode,
        errors=errors,
        record=record,
        processes=processes_left(bench.folder),
    )


@pytest.fixture(scope="module")
def killed(bench, interrupted):
    """What was left a moment after a run was killed in the middle of training, and only its first process."""
    process = bench.start("impossible.yaml")
    try:
        wait_for_checkpoint(process, bench.folder / "workspace" / "tiny" / "train")
    finally:
        process.kill()
        process.communicate()
    versions = bench.versions()
    return SimpleNamespace(processes=processes_left(bench.folder), versions=versions)


def wait_for_checkpoint(process, folder):
    """Until a first part of training is on disk."""
    while not [path for path in folder.glob("*.partial/checkpoints/step-*.npz") if int(path.stem[5:]) > 0]:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def refused(bench, killed):
    run = bench.run("impossible.yaml")
    run.versions = bench.versions()
    return run


@pytest.fixture(scope="module")
def passed(bench, refused):
    return bench.run("possible.yaml", "synthesize")


@pytest.fixture(scope="module")
def repeated(bench, passed):
    """The same run again, with what was published before and after."""

    def state():
        return {path: path.stat().st_mtime_ns for path in (bench.folder / "published").rglob("*")}

    before = state()
    run = bench.run("possible.yaml")
    run.published_nothing = state() == before
    return run


def test_an_interrupted_run_gives_code_1_and_one_line(interrupted):
    assert interrupted.printed is not None
    expected = (1, "interrupted; run the same command again to go on\n")
    assert (interrupted.returncode, interrupted.errors) == expected


def test_an_interrupted_run_has_a_record(interrupted):
    assert (interrupted.record["verdict"], outcomes(interrupted)) == ("failed", {"ingest": "ran"})


def test_an_interrupted_run_leaves_no_process_behind(interrupted):
    assert interrupted.processes == []


def test_a_killed_run_leaves_no_process_behind(killed):
    assert killed.processes == []


def test_real_data_is_published_before_training_begins(killed):
    assert killed.versions == ["tiny/1.0.0"]


def test_the_next_run_goes_on_where_training_was_killed(refused):
    assert outcomes(refused) == dict.fromkeys(PREPARE, "skipped") | {
        "train": "resumed",
        "generate": "ran",
        "shard_synthetic": "ran",
        "gate_synthetic": "ran",
    }
    summary = stage_of(refused, "train")["summary"]
    assert 160 <= summary["resumed_at_images"] < summary["images_seen"] == 2400


def test_a_refused_gate_gives_code_3_and_one_line(refused):
    (line,) = refused.errors.splitlines()
    assert refused.returncode == 3
    assert line.startswith("refused: tiny_synthetic is not published: its gate refused it (coverage ")


def test_a_refused_gate_publishes_no_synthetic_data_and_keeps_the_real(refused):
    assert refused.versions == ["tiny/1.0.0"]


def test_a_refused_run_has_a_record_and_a_report(refused, bench):
    record = refused.record
    assert (record["verdict"], record["exit_code"]) == ("refused", 3)
    assert f"refused: {record['message']}\n" == refused.errors
    report = (bench.folder / "workspace" / "tiny" / "runs" / f"{record['run']}.html").read_text(encoding="utf-8")
    assert "refused" in report


def test_a_changed_limit_runs_only_the_gate_again(passed):
    skipped = dict.fromkeys(SYNTHESIZE[:-2], "skipped")
    assert outcomes(passed) == skipped | {"gate_synthetic": "ran", "publish_synthetic": "ran"}
    assert stage_of(passed, "gate_synthetic")["why"] == "settings changed: limits.coverage.limit 100.0 → 0.0"


def test_a_run_that_passes_gives_code_0_and_publishes_both(passed, bench):
    assert (passed.returncode, passed.errors, passed.record["verdict"]) == (0, "", "done")
    assert bench.versions() == ["tiny/1.0.0", "tiny_synthetic/1.0.0"]


def test_a_run_says_what_it_published_and_where_its_report_is(passed, bench):
    name = passed.record["run"]
    report = bench.folder / "workspace" / "tiny" / "runs" / f"{name}.html"
    published = bench.folder / "published" / "tiny_synthetic" / "1.0.0"
    *_, line, last = passed.output.splitlines()
    assert (line, last) == (f"tiny_synthetic 1.0.0 (published): {published}", f"report: {report}")
    assert report.is_file()


def test_the_report_of_a_run_is_opened_in_the_browser(passed, bench, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    bench.environment["BROWSER"] = f"{browser} %s"
    process = bench.start("possible.yaml", "report", "--run", passed.record["run"], "--open")
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    report = bench.folder / "workspace" / "tiny" / "runs" / f"{passed.record['run']}.html"
    assert (tmp_path / "opened").read_text() == report.as_uri()


def test_a_run_without_changes_skips_every_stage(repeated):
    assert repeated.returncode == 0
    assert outcomes(repeated) == dict.fromkeys([*PREPARE, *SYNTHESIZE], "skipped")


def test_a_run_without_changes_publishes_nothing(repeated):
    assert repeated.published_nothing


def test_a_quiet_run_prints_nothing_and_one_for_scripts_its_record(repeated, bench):
    quiet = bench.start("possible.yaml", "prepare", "--quiet").communicate(timeout=240)
    assert quiet == ("", "")
    output, errors = bench.start("possible.yaml", "prepare", "--json").communicate(timeout=240)
    newest = bench.records()[-1]
    assert json.loads(output) == json.loads(newest.read_text()) | {"report": str(newest.with_suffix(".html"))}
    assert errors == ""
    for path in bench.records()[-2:]:
        path.unlink()  # tests below count the runs above


def test_every_run_that_ended_has_a_record(repeated, bench):
    assert [json.loads(path.read_text())["verdict"] for path in bench.records()] == [
        "failed",
        "refused",
        "done",
        "done",
    ]


def test_every_image_of_the_source_is_accounted_for(passed, bench):
    manifest = pq.read_table(bench.folder / "published" / "tiny" / "1.0.0" / "manifest.parquet").to_pylist()
    real = {row["member"] for row in manifest if row["kind"] == "real"}
    files = {path.relative_to(bench.folder / "images").as_posix() for path in bench.folder.glob("images/*/*")}
    assert real == files
    assert len(files) == CLASSES * PER_CLASS + 10


@pytest.fixture
def real(passed, bench):
    return bench.folder / "published" / "tiny"


@pytest.fixture
def synthetic(passed, bench):
    return bench.folder / "published" / "tiny_synthetic"


def test_no_image_is_in_two_splits_by_its_bytes(real):
    manifest = pq.read_table(real / "1.0.0" / "manifest.parquet", columns=["sha256", "split", "kind"]).to_pylist()
    splits = {}
    for row in manifest:
        if row["kind"] == "real" and row["split"]:
            splits.setdefault(row["sha256"], set()).add(row["split"])
    assert len(splits) == CLASSES * PER_CLASS + 5
    assert [sha256 for sha256, found in splits.items() if len(found) > 1] == []


def test_no_image_is_in_two_splits_by_its_pixels(real):
    pixels = {
        split: {hashlib.sha256(image.tobytes()).digest() for image in load_numpy(real, split).images}
        for split in ("train", "validation", "test")
    }
    assert len(set.union(*pixels.values())) == sum(map(len, pixels.values())) == CLASSES * PER_CLASS


def test_augmented_copies_come_from_training_images_only(real):
    training = set(load_numpy(real, "train").ids)
    manifest = pq.read_table(real / "1.0.0" / "manifest.parquet", columns=["kind", "derived_from"]).to_pylist()
    parents = {row["derived_from"] for row in manifest if row["kind"] == "augmented"}
    assert parents
    assert parents <= training


def test_the_generator_learns_from_real_training_images_and_never_from_copies(passed, real):
    copies = len(load_numpy(real, "train_augmented").ids)
    learned_from = stage_of(passed, "train")["summary"]["images_in"]
    assert copies > 0
    assert learned_from == len(load_numpy(real, "train").ids)


def test_tfds_opens_what_was_published_without_this_project(real, synthetic, bare_python, tmp_path):
    folders = [str(real / "1.0.0"), str(synthetic / "1.0.0")]
    done = subprocess.run(
        [bare_python, "-I", "-c", TFDS_READER, *folders], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    splits = {split: len(load_numpy(real, split).ids) for split in ("train", "validation", "test", "train_augmented")}
    assert found == {
        "tiny": ["1.0.0", ["a", "b", "c"], splits],
        "tiny_synthetic": ["1.0.0", ["a", "b", "c"], {"train": CLASSES * 20}],
    }


def count(dataset):
    return sum(1 for _ in dataset)


def test_real_images_load_alone_and_with_their_copies(real):
    training = len(load_numpy(real, "train").ids)
    assert (count(load(real)), count(load(real, "train+train_augmented"))) == (training, 2 * training)


def test_real_images_load_with_a_share_of_synthetic_ones(real, synthetic):
    training = len(load_numpy(real, "train").ids)
    mixed = load(real, synthetic=synthetic, ratio=0.25, shuffle=True, seed=1)
    assert count(mixed) == training + round(training / 3)
