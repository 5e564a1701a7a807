"""Names that would steer a terminal or turn text around are shown as escapes, in the report and in artifacts."""

import json

import pytest

from flows.artifacts import summary
from tasks.report import build
from tasks.report.build import build_report
from tasks.visible_text import ON_PAGES, visible
from tests.tasks.report.conftest import Workspace

TURNED = "gpj.\u202eexe"
NAMES = ("shoe", TURNED, "bell\x07\x1b[31mred", 'a"><img src=x onerror=alert(1)>', "x" * 300, "\u2067isolated", "صورة")


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("run"), classes=NAMES)
    workspace.prepare(per_class=2)
    return workspace.record(message="it said \x1b[2J\u202e and stopped")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (TURNED, "gpj.\\u202eexe"),
        ("\x1b[31m\x00\x9b", "\\x1b[31m\\x00\\x9b"),
        ("\udcff", "\\udcff"),
        ("a\tb\nc", "a\tb\nc"),
        ("صورة é 猫", "صورة é 猫"),
    ],
)
def test_what_does_something_unseen_is_an_escape(text, shown):
    assert visible(text, ON_PAGES) == shown


def test_the_report_holds_no_character_that_steers(record, tmp_path):
    build_report(record, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert visible(page, ON_PAGES) == page
    assert "gpj.\\u202eexe" in page and "صورة" in page
    assert "<img src=x" not in page


def test_facts_of_pictures_are_escaped_before_they_are_json():
    facts = build._environment().filters["json"]([("class", TURNED)])
    assert json.loads(facts) == [["class", "gpj.\\u202eexe"]]


def test_the_summary_of_a_run_holds_no_character_that_steers(record, tmp_path):
    text = summary(record, tmp_path / "report.html")
    assert visible(text, ON_PAGES) == text
