"""docs/data-card.md says what the code does, and its commands run."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.command_line import app
from tasks.lineage.record import LINEAGE_VERSION, read_lineage
from tests.tasks.published_pair import published_pair

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "data-card.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^augment-dataset ([^#\n]+)", PAGE, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with what the commands name."""
    folder = tmp_path_factory.mktemp("page")
    pair = published_pair(folder)
    shutil.copytree(pair.published / "tiny_synthetic", pair.published / "digits_synthetic")
    shutil.copyfile(folder / "images" / "left" / "00.png", folder / "photo.jpg")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(here, monkeypatch, command):
    monkeypatch.chdir(here)
    done = CliRunner().invoke(app, shlex.split(command))
    assert done.exit_code == 0, done.output


def test_the_table_names_what_lineage_holds(here):
    table = PAGE.split("\n## Lineage\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", table, flags=re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    record = read_lineage(here / "published" / "tiny_synthetic" / "1.0.0")
    keys = {name for name in record if name != "format_version"}
    of_stages = {f"stages.*.{name}" for name in record["stages"]["train"]}
    assert named == keys | of_stages
    assert f"`format_version` {LINEAGE_VERSION}:" in table
