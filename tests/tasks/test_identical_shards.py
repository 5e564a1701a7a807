"""However many workers, in whatever mode, killed or not: the shards are the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.image_codec import encode_image
from datasets.tfds_layout import read_index
from tasks.digests import file_digests
from tasks.parallel import ComputeSettings
from tasks.progress import silent
from tasks.verify import verify
from tests.tasks.prepare_runs import prepare_here

ROOT = Path(__file__).resolve().parents[2]
PER_CLASS = 20
pytestmark = pytest.mark.timeout(600)


def picture(class_id, number):
    """Uint8 [H, W, 3], of a size of its own: smooth colours and a blob, so that no two are near copies."""
    rng = np.random.default_rng([class_id, number])
    height, width = rng.integers(30, 70, 2)
    coarse = rng.integers(0, 256, (5, 5, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (int(width), int(height)), interpolation=cv2.INTER_CUBIC)
    centre = tuple(int(value) for value in rng.integers(10, 25, 2))
    return cv2.circle(image, centre, 5 + 2 * class_id, (255 * (class_id == 0), 255 * (class_id == 1), 128), -1)


def write_pictures(folder):
    """Three classes in PNG and JPEG, a copy, a broken file and one that is turned by its EXIF tag."""
    for class_id, name in enumerate(("ant", "bee", "cow")):
        inner = folder / "images" / name
        inner.mkdir(parents=True)
        for number in range(PER_CLASS):
            encoding = "jpeg" if number % 3 else "png"
            path = inner / f"{number:02}.{'jpg' if encoding == 'jpeg' else 'png'}"
            path.write_bytes(encode_image(picture(class_id, number), encoding))
    (folder / "images" / "ant" / "copy.png").write_bytes((folder / "images" / "ant" / "00.png").read_bytes())
    (folder / "images" / "bee" / "cut.jpg").write_bytes((folder / "images" / "bee" / "01.jpg").read_bytes()[:-200])
    return folder


def run(folder, workers, die_in=""):
    return subprocess.run(
        [sys.executable, "-m", "tests.tasks.prepare_runs", str(folder), str(workers), die_in],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        start_new_session=True,
    )


def shards_in(folder):
    """Digests of what the last stage wrote: shards, manifest, index, features."""
    (done,) = (folder / "workspace" / "tiny" / "shard").glob("*/DONE")
    return file_digests(done.parent, leave_out={"DONE"})


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of shards of a run within this process."""
    return prepare_here(write_pictures(tmp_path_factory.mktemp("alone")))


def test_what_is_compared_are_intact_shards_of_all_splits(alone):
    (verdict,) = verify([alone], ComputeSettings(mode="synchronous"), silent)
    assert list(verdict.faults) == []
    assert set(read_index(alone).splits) == {"train", "validation", "test", "train_augmented"}
    assert (verdict.records > 3 * PER_CLASS, verdict.shards > 4) == (True, True)


def test_four_workers_write_the_same_bytes(alone, tmp_path):
    done = run(write_pictures(tmp_path), 4)
    assert done.returncode == 0, done.stderr[-3000:]
    assert shards_in(tmp_path) == file_digests(alone)


def test_a_run_that_is_killed_in_scan_in_augment_and_in_shard_writes_the_same_bytes(alone, tmp_path):
    folder = write_pictures(tmp_path)
    for stage in ("scan", "augment", "shard"):
        killed = run(folder, 1, die_in=stage)
        assert killed.returncode == -9, killed.stderr[-3000:]
        assert not list((folder / "workspace" / "tiny" / stage).glob("*/DONE"))
    done = run(folder, 1)
    assert done.returncode == 0, done.stderr[-3000:]
    assert shards_in(folder) == file_digests(alone)
