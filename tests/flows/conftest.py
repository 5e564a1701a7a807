"""Runs the real command line, each time with a home of its own, on small folders of images."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.image_codec import encode_image
from tests.flows.prefect_server import api, deployments, orders, prefect, server_environment, server_home

__all__ = ["api", "deployments", "orders", "prefect", "server_environment", "server_home"]

ROOT = Path(__file__).resolve().parent.parent.parent
SIDE_PX = 16


def blob_payload(class_id: int, number: int) -> bytes:
    """PNG of 16x16 grey pixels: a bright blob whose place tells the class, with noise of its own."""
    rng = np.random.default_rng([class_id, number])
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX] / SIDE_PX
    distance = (rows - 0.3 - 0.4 * (class_id % 2)) ** 2 + (columns - 0.3 - 0.4 * (class_id // 2)) ** 2
    light = 230 * np.exp(-distance / (0.05 + 0.1 * rng.random()))
    noisy = light + rng.normal(0, 25, light.shape)
    return encode_image(noisy.clip(0, 255).astype(np.uint8)[..., None], "png")


@pytest.fixture(scope="session")
def blob():
    """blob(class_id, number) -> a PNG."""
    return blob_payload


@pytest.fixture(scope="session")
def write_blobs():
    """write_blobs(folder, classes, per_class) -> the folder, with a folder per class (a, b, c) of different images."""

    def write(folder: Path, classes: int = 3, per_class: int = 20) -> Path:
        for class_id in range(classes):
            inner = folder / "abc"[class_id]
            inner.mkdir(parents=True)
            for number in range(per_class):
                (inner / f"{number:02}.png").write_bytes(blob_payload(class_id, number))
        return folder

    return write


@pytest.fixture(scope="session")
def environment():
    """environment(home) -> this process's, without what the user told Prefect, and with the homes in that folder.

    Nor with what a Dask cluster of this process left: by it, the processes of others would rename themselves.
    """

    def build(home: Path, **changes: str) -> dict[str, str]:
        unwanted = ("PREFECT_", "__DASK_", "PYTHONUNBUFFERED", "COLUMNS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        homes = {"HOME": str(home), "PREFECT_HOME": str(home / ".prefect"), "PYTHONPATH": str(ROOT)}
        return kept | homes | {"TF_CPP_MIN_LOG_LEVEL": "3"} | changes

    return build


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory):
    """For tests that start Prefect, one after the other: only the first waits until the database is made."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def command():
    """command(*arguments) -> how `augment-dataset` of this checkout is called with them."""
    return lambda *arguments: [sys.executable, "-m", "flows", *map(str, arguments)]


@pytest.fixture
def run_command(tmp_path, command, environment):
    """run_command(*arguments) -> what `augment-dataset` did in the test's folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=240
        )

    return run


@pytest.fixture
def blobs(tmp_path, write_blobs):
    return write_blobs(tmp_path / "blobs")


@pytest.fixture
def settings_file(tmp_path):
    """settings_file(text) -> the path of a file that holds it."""

    def write(text):
        path = tmp_path / "settings.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
