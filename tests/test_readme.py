"""What the pages show is real: commands, options, settings and links. Its Python is run in tests/datasets."""

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from flows.command_line import app
from flows.settings import validate

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("[A-Z]*.md")])


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_settings_of_the_readme_are_valid():
    (text,) = blocks("yaml")
    assert validate(yaml.safe_load(text), "README").scan.before_resize[0].method == "auto"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists_with_its_options(page):
    commands = get_command(app).commands
    for line in re.findall(r"augment-dataset (?!/)([a-z]+ [^`#\n]*)", page.read_text(encoding="utf-8")):
        name, *rest = line.split()
        if name in commands:
            known = {option for parameter in commands[name].params for option in parameter.opts}
            assert {word for word in rest if word.startswith("--")} <= known | {"--help"}, line


def test_every_subcommand_of_the_readme_exists():
    named = set(re.findall(r"^augment-dataset ([a-z]+)", README, flags=re.MULTILINE))
    assert named == {"check", "init", "run", "status", "report"}
    assert named <= set(get_command(app).commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
