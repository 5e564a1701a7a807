"""The GPU benchmark in miniature, on the processor: data and state in parts, a slice that goes on from another."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu_parts import MOST_PART_BYTES, pack, read_data, stacked, unpack, write_split

Images = tuple[np.ndarray, np.ndarray]
ROOT = Path(__file__).parents[2]
SETTINGS = {
    "preset": "small",
    "width": 2,
    "latent_size": 4,
    "batch_size": 16,
    "budget_images": 640,
    "evaluation_samples": 30,
    "extractor": {"width": 4, "feature_size": 8, "budget_images": 320, "batch_size": 32},
}


def test_data_and_state_come_back_from_their_parts(tmp_path: Path, stripes: Images) -> None:
    big = np.random.default_rng(0).integers(0, 256, (900, 128, 128, 3), dtype=np.uint8)
    labels = np.arange(900, dtype=np.int32) % 3
    written = write_split("train", big, labels, ("a", "b", "c"), tmp_path / "data")
    assert len(written) == 3
    assert max(path.stat().st_size for path in written) <= 20 * 2**20
    images, read_labels, names = read_data(tmp_path / "data", "train")
    assert np.array_equal(images, big)
    assert np.array_equal(read_labels, labels)
    assert names == ("a", "b", "c")


def test_an_unlabelled_split_stays_so(tmp_path: Path, stripes: Images) -> None:
    write_split("validation", stripes[0], None, None, tmp_path)
    assert read_data(tmp_path, "validation")[1:] == (None, None)


def test_only_the_newest_checkpoint_is_packed(tmp_path: Path) -> None:
    folder, out, back = tmp_path / "runs" / "conv", tmp_path / "out", tmp_path / "back"
    (folder / "checkpoints").mkdir(parents=True)
    out.mkdir()
    for step in (1, 2):
        (folder / "checkpoints" / f"step-{step:09}.npz").write_bytes(bytes([step]) * 5000)
    (folder / "training_log.jsonl").write_text("{}\n")
    parts = pack(tmp_path / "runs", out, most_bytes=4096)
    assert len(parts) > 1
    assert max(path.stat().st_size for path in parts) <= 4096 < MOST_PART_BYTES < 16 * 2**20
    assert unpack(out, back)
    found = {path.relative_to(back).as_posix() for path in back.rglob("*") if path.is_file()}
    assert found == {"conv/checkpoints/step-000000002.npz", "conv/training_log.jsonl"}
    assert (back / "conv" / "checkpoints" / "step-000000002.npz").read_bytes() == bytes([2]) * 5000


def test_pictures_of_unlike_sizes_stand_below_each_other() -> None:
    picture = stacked([np.zeros((3, 5, 1), np.uint8), np.full((2, 4, 3), 255, np.uint8)])
    assert picture.shape == (13, 5, 3)
    assert (picture[:3].max(), picture[7:9, :4].min()) == (0, 255)


@pytest.mark.timeout(900)
def test_a_slice_goes_on_from_another_on_another_backend(tmp_path: Path, stripes: Images, few_stripes: Images) -> None:
    names = ("flat", "rising", "falling")
    for split, (images, labels) in {"train": stripes, "validation": few_stripes}.items():
        write_split(split, images, labels, names, tmp_path / "data")
    common = ["--precisions", "float32", "--speed-seconds", "0.1", "--settings", json.dumps(SETTINGS)]
    for place, name, more in ((0, "jax", ["--minutes", "0.01"]), (1, "tensorflow", ["--from", str(tmp_path / "out0")])):
        command = ["run", str(tmp_path / "data"), str(tmp_path / f"out{place}"), *common, *more]
        environment = {**os.environ, "KERAS_BACKEND": name}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.gpu", *command], cwd=ROOT, env=environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
    first, second = json.loads((tmp_path / "out1" / "results.json").read_text())
    assert [one["speed"]["backend"] for one in (first, second)] == ["jax", "tensorflow"]
    assert (first["slice"]["resumed_at_images"], second["slice"]["resumed_at_images"]) == (
        None,
        first["slice"]["images_seen"],
    )
    assert first["slice"]["stopped_by"] == "budget_minutes"
    assert (second["slice"]["stopped_by"], second["slice"]["images_seen"]) == ("budget_images", 640)
    assert second["speed"]["images_per_second"] > 0
    assert (tmp_path / "out1" / "results.md").read_text().count("| conv | float32 | 1 CPU, ") == 2
    assert (tmp_path / "out1" / "grids.png").stat().st_size > 0
