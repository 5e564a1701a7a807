"""The report in a real browser: nothing is asked of a server, pictures and filters work, and it can be read by all."""

import pytest

from tasks.report.build import build_report
from tests.chromium import NEEDS_CHROMIUM, Visit, browser
from tests.tasks.report.conftest import HOSTILE, Workspace

__all__ = ["browser"]

pytestmark = NEEDS_CHROMIUM
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The file of a whole run, of three classes of which one is named like markup."""
    root = tmp_path_factory.mktemp("run")
    workspace = Workspace(root, classes=("shoe", "hat", HOSTILE))
    workspace.prepare()
    workspace.publish("publish_data", "things")
    workspace.synthesize()
    workspace.publish("publish_synthetic", "things_synthetic")
    build_report(workspace.record(), root / "report.html")
    return root / "report.html"


@pytest.fixture
def visit(browser, report):
    """visit(width, height, colour scheme) -> Visit."""
    contexts = []

    def opened(width=1400, height=900, scheme="light", **options):
        contexts.append(
            browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        )
        return Visit(contexts[-1].new_page(), report)

    yield opened
    for context in contexts:
        context.close()


def shown_files(page):
    return page.locator("main [data-file]:visible").count()


def test_nothing_but_the_file_is_asked_for_and_nothing_is_said(visit, report):
    seen = visit()
    seen.page.locator("main img").first.click()
    seen.page.keyboard.press("Escape")
    assert {url.split(";")[0] for url in seen.asked} <= {report.as_uri(), "data:image/png"}
    assert seen.asked.count(report.as_uri()) == 1
    assert seen.said == []


def test_every_picture_is_loaded_and_has_a_size_and_a_text(visit):
    page = visit().page
    pictures = page.locator("main img").evaluate_all(
        "all => all.map(one => [one.complete && one.naturalWidth > 0, one.width > 0 && one.height > 0, one.alt !== ''])"
    )
    assert len(pictures) > 20
    assert [entry for entry in pictures if entry != [True, True, True]] == []


def test_a_picture_is_enlarged_with_its_measures_and_let_go_by_escape(visit):
    page = visit().page
    small = page.locator("#findings img").first
    width = small.evaluate("image => image.width")
    small.click()
    dialog = page.locator("#enlarged")
    assert dialog.is_visible()
    assert dialog.locator("img").evaluate("image => image.width") > 2 * width
    facts = dict(zip(*(dialog.locator(tag).all_inner_texts() for tag in ("dt", "dd")), strict=True))
    assert (facts["file"], facts["class"], facts["file size"]) == ("shoe/98.png", "shoe", "198 bytes")
    assert facts["sharpness"] == "490"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert small.evaluate("image => document.activeElement === image.parentElement")


def test_a_picture_is_enlarged_by_the_keyboard_alone(visit):
    page = visit().page
    page.locator("#findings button.enlarge").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#enlarged").is_visible()


def test_files_are_filtered_by_class_finding_and_name(visit):
    page = visit().page
    every = shown_files(page)
    page.get_by_label("finding").select_option("duplicate_exact")
    names = page.locator("main [data-file]:visible .name").all_inner_texts()
    assert set(names) == {"shoe/98.png"} and every > len(names)
    assert page.locator("output").inner_text() == f"{len(names)} of the {every} files in this report"
    page.get_by_role("button", name="show all").click()
    page.get_by_text(f"{every} of the {every} files").wait_for()
    page.get_by_label("file name").fill("shoe/0")
    assert set(page.locator("main [data-file]:visible .name").all_inner_texts()) == {"shoe/0.png"}


def test_a_class_named_like_markup_is_a_class_to_filter_by(visit):
    page = visit().page
    page.get_by_label("class").select_option(HOSTILE)
    assert page.locator("#samples .pair:visible .label").all_inner_texts() == [HOSTILE]
    assert page.locator("#balance tbody tr:visible th").all_inner_texts() == [HOSTILE]


def test_links_of_the_contents_lead_to_their_sections(visit):
    page = visit().page
    page.locator("nav a", has_text="Measures").click()
    assert page.evaluate("location.hash") == "#measures"
    assert page.locator("#measures h2").bounding_box()["y"] < 100


@pytest.mark.parametrize("width", [390, 1400])
def test_only_tables_and_charts_scroll_sideways(visit, width):
    page = visit(width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_axe_finds_nothing_serious(visit, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(visit(width, scheme=scheme, bypass_csp=True).page).response["violations"]
    serious = [entry for entry in found if entry["impact"] in SERIOUS]
    assert [(entry["id"], [node["target"] for node in entry["nodes"]][:5]) for entry in serious] == []


def test_without_scripts_all_is_there_to_be_read(visit):
    page = visit(java_script_enabled=False).page
    assert page.locator("#filter").is_visible() is False
    assert page.locator("main section").count() > 8
    assert page.locator("#findings img").first.is_visible()
