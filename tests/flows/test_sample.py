"""`augment-dataset sample` as it is called."""

import re

import pytest
from typer.testing import CliRunner

from datasets.errors import BadInput
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


@pytest.mark.parametrize(
    ("options", "given"),
    [
        (["--per-class", 5, "--seed", 4], "--per-class 5 and --seed 4"),
        (["--per-class", 10], "--per-class 10"),
        (["--seed", 0], "--seed 0"),
    ],
)
def test_the_published_images_have_a_seed_and_a_number_already(version, tmp_path, options, given):
    done = sample(version, "--as-published", *options, "--out", tmp_path / "again")
    assert isinstance(done.exception, BadInput)
    assert str(done.exception) == (
        f"got --as-published with {given}; it makes all published images, from their own seed: leave out one or the "
        "other"
    )
    assert not (tmp_path / "again").exists()


def test_what_is_not_given_is_as_the_help_says(version, tmp_path):
    done = sample(version, "--out", tmp_path / "more")
    assert done.exit_code == 0, done.output
    words = " ".join(done.stdout.split())
    assert words.startswith("wrote 20 synthetic images into ")
    assert words.endswith(" with seed 1")
    shown = " ".join(sample(version, "--help").stdout.replace("│", " ").split())
    assert re.findall(r"Default: (\d+)\.", shown) == ["10", "1"]


def test_the_published_images_come_again(version, tmp_path):
    done = sample(version, "--as-published", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert " ".join(done.stdout.split()).endswith("; 16 of 16 have the bytes that were published")
