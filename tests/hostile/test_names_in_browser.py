"""Reports of data sets with hostile names in a real browser: nothing runs, all names can be read, none moves others."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.image_codec import encode_image
from tasks.report.build import build_report
from tests.chromium import NEEDS_CHROMIUM, Visit, browser
from tests.tasks.report.conftest import Workspace

__all__ = ["browser"]

pytestmark = NEEDS_CHROMIUM
ROOT = Path(__file__).parents[2]
NAMES = {  # as somebody called a file or class -> as people see it
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    '"><svg onload=window.hit=1>': '"><svg onload=window.hit=1>',
    "' onmouseover='window.hit=1": "' onmouseover='window.hit=1",
    "javascript:alert(1)": "javascript:alert(1)",
    "{{7*7}}${7*7}": "{{7*7}}${7*7}",
    "&lt;b&gt;": "&lt;b&gt;",
    "bell\x07\x1b[31m\x7f\x9b": "bell\\x07\\x1b[31m\\x7f\\x9b",
    "gpj.\u202eexe": "gpj.\\u202eexe",
    "\u2067isolated\u2069\u200f": "\\u2067isolated\\u2069\\u200f",
    "zero\u200bwidth\ufeff\xad": "zero\\u200bwidth\\ufeff\\xad",
    "صورة": "صورة",
    "x" * 200: "x" * 200,
}
OF_CLASSES = {"</script><script>alert(1)</script>": "</script><script>alert(1)</script>", "line\nline": "line line"}
NOT_UTF8 = b"\xff\xfe.png"
LEVEL = """texts => {
  const found = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!texts.some(text => node.data.includes(text))) continue;
    const style = getComputedStyle(parent);
    const alone = style.unicodeBidi.startsWith("isolate") || style.display !== "inline";
    if (!alone) found.push(parent.outerHTML.slice(0, 200));
  }
  return found;
}"""


def picture(number):
    return encode_image(np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8), "png")


@pytest.fixture(scope="module")
def report_of_a_run(tmp_path_factory):
    """Of all stages, with hostile names of classes, files and in messages."""
    root = tmp_path_factory.mktemp("run")
    workspace = Workspace(root, classes=("shoe", *NAMES, *OF_CLASSES))
    workspace.prepare(per_class=4)
    workspace.publish("publish_data", "things")
    workspace.synthesize()
    build_report(workspace.record(message=" ".join(NAMES)), root / "report.html")
    return root / "report.html"


@pytest.fixture(scope="module")
def report_of_a_check(tmp_path_factory):
    """Of real files, as the command writes it."""
    root = tmp_path_factory.mktemp("check")
    for number, name in enumerate(NAMES):
        folder = root / "photos" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.png").write_bytes(picture(number))
        (folder / f"copy of {name}.png").write_bytes(picture(number))
        (folder / f"cut {name[:100]}.png").write_bytes(picture(100 + number)[:90])
    (root / "photos" / "x\ny").mkdir()
    Path(os.fsdecode(bytes(root / "photos" / "x\ny") + b"/" + NOT_UTF8)).write_bytes(picture(99))
    command = [sys.executable, "-m", "flows", "check", "photos", "--out", "found", "--workers", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not {char for char in done.stdout if not char.isprintable()} - {"\n"}
    return root / "found" / "report.html"


@pytest.fixture(params=["report_of_a_run", "report_of_a_check"])
def seen(request, browser):
    """The open page, after all of it that can be pressed was pressed."""
    report = request.getfixturevalue(request.param)
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    seen = Visit(context.new_page(), report)
    seen.report = report
    for choice in seen.page.locator("select").all():
        for value in choice.locator("option").evaluate_all("all => all.map(one => one.value)"):
            choice.select_option(value)
        choice.select_option(index=0)
    for button in seen.page.locator("main button.enlarge:visible").all()[:30]:
        button.hover()
        button.click()
        seen.page.keyboard.press("Escape")
    yield seen
    context.close()


def test_nothing_runs_and_nothing_is_asked_for(seen):
    assert (seen.dialogs, seen.said, seen.page.evaluate("window.hit === undefined")) == ([], [], True)
    assert {url.partition(",")[0] for url in seen.asked} <= {seen.report.as_uri(), "data:image/png;base64"}
    assert seen.page.locator("img:not([src^='data:image/png;base64'])").count() == 0
    assert seen.page.locator("a:not([href^='#'])").count() == 0


def test_every_name_can_be_read_and_none_moves_its_neighbours(seen):
    text = " ".join(seen.page.locator("body").inner_text().split())
    shown = [*NAMES.values()] if "found" in seen.report.parts else [*NAMES.values(), *OF_CLASSES.values()]
    assert [name for name in shown if name not in text and name[:50] not in text] == []
    assert {char for char in seen.page.content() if not char.isprintable()} <= {"\n", "\xa0"}
    assert seen.page.evaluate(LEVEL, ["صورة"]) == []
