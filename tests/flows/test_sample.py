"""`augment-dataset sample` as it is called."""

import pytest
from typer.testing import CliRunner

from flows.command_line import app
from tests.tasks.published_pair import published_pair


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return published_pair(tmp_path_factory.mktemp("pair")).published / "tiny_synthetic" / "1.0.0"


def sample(version, *options):
    return CliRunner().invoke(app, ["sample", str(version), *map(str, options)])


def test_it_says_what_it_wrote_and_which_version_made_it(version, tmp_path):
    done = sample(version, "--per-class", 2, "--seed", 7, "--out", tmp_path / "more")
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert words.startswith(
        f"wrote 4 synthetic images into {tmp_path}/more, made by the generator of tiny_synthetic 1.0.0"
    )
    assert words.endswith("with seed 7")
    assert len(list((tmp_path / "more").rglob("*.png"))) == 4


def test_the_published_images_come_again(version, tmp_path):
    done = sample(version, "--as-published", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert " ".join(done.stdout.split()).endswith("; 16 of 16 have the bytes that were published")
