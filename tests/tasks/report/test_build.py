"""The page as a whole, for runs that ended in all sorts of ways."""

import base64
import hashlib
import logging
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from gan.film import gif_of
from tasks.report import build
from tasks.report.build import build_report, headline

VOID = {"meta", "img", "br", "line", "rect", "link", "input"}
HOSTILE = "<script>alert(1)</script>"
SCRIPT = (build.TEMPLATES / "page.js").read_text(encoding="utf-8")


class Page(HTMLParser):
    """Elements with their attributes, all text, and whether every element is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self.open: list[str] = []
        self.balanced = True
        self.feed(html)
        self.close()
        self.balanced &= not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self.balanced &= bool(self.open) and self.open.pop() == tag

    def handle_data(self, data):
        self.text += " ".join(data.split()) + " "

    def attributes(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def tags(self, name):
        return [attributes for tag, attributes in self.elements if tag == name]


@pytest.fixture
def page_of(tmp_path):
    def page(record) -> Page:
        out = tmp_path / "report.html"
        build_report(record, out)
        return Page(out.read_text(encoding="utf-8"))

    return page


def sections(page):
    return [attributes["id"] for attributes in page.tags("section")]


def test_a_whole_run_has_every_section(whole_run, page_of):
    expected = ["counts", "gates", "findings", "duplicates", "balance", "measures"]
    expected += ["samples", "augmentation", "training", "loading", "stages", "settings"]
    assert sections(page_of(whole_run)) == expected  # and no lineage, which these versions have not


def test_no_section_of_a_whole_run_is_broken(whole_run, page_of):
    assert "could not be made" not in page_of(whole_run).text


def test_every_element_is_closed_in_order(whole_run, page_of):
    assert page_of(whole_run).balanced


def test_nothing_in_the_page_leads_out_of_the_file(whole_run, page_of, tmp_path):
    page = page_of(whole_run)
    addresses = [*page.attributes("src"), *page.attributes("href")]
    assert {re.split(r"[;#]", address)[0] for address in addresses} == {"data:image/png", ""}
    assert "url(" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_forbids_itself_to_ask_any_server(whole_run, page_of):
    policies = [meta["content"] for meta in page_of(whole_run).tags("meta") if "http-equiv" in meta]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert policies == [f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"]


def test_names_that_look_like_markup_are_text(whole_run, page_of):
    page = page_of(whole_run)
    assert page.tags("script") == [{}]  # the page's own
    assert f"{HOSTILE}/0.png" in " ".join([page.text, *page.attributes("alt")])


def test_every_picture_says_what_it_shows(whole_run, page_of):
    page = page_of(whole_run)
    described = [image.get("alt") for image in page.tags("img")] + [svg.get("aria-label") for svg in page.tags("svg")]
    assert len(described) > 20 and all(described)


def test_every_link_of_the_contents_has_its_section(whole_run, page_of):
    page = page_of(whole_run)
    links = [link["href"] for link in page.tags("a")]
    assert links == ["#gates", "#gates", *(f"#{name}" for name in sections(page))]


def test_every_table_scrolls_in_its_own_container(whole_run, tmp_path):
    build_report(whole_run, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count("<table") == len(re.findall(r'<div class="scroll" tabindex="0">\s*<table', html)) > 0


def test_the_same_record_gives_the_same_bytes(whole_run, tmp_path):
    for name in ("a.html", "b.html"):
        build_report(whole_run, tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_no_temporary_file_is_left(whole_run, tmp_path):
    assert build_report(whole_run, tmp_path / "new folder" / "report.html")
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["report.html"]


def test_many_classes_of_large_noisy_images_stay_under_15_mib(new_workspace, tmp_path):
    noisy = new_workspace(tmp_path, classes=tuple(f"class {n}" for n in range(60)), side_px=96)
    noisy.prepare(per_class=12)
    noisy.synthesize()
    build_report(noisy.record(), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 15 * 2**20


def test_a_sample_of_many_classes_says_that_it_is_one(new_workspace, tmp_path, page_of):
    many = new_workspace(tmp_path, classes=tuple(f"class {n}" for n in range(30)))
    many.prepare(per_class=1)
    assert "Up to 10 training images of 20 of 30 classes" in page_of(many.record()).text


def test_published_versions_come_with_their_folders(whole_run, page_of, tmp_path):
    assert f"8 images in {tmp_path}/published/things_synthetic/1.2.0" in page_of(whole_run).text


@pytest.mark.parametrize(
    ("stages", "verdict", "sentence"),
    [
        ([], "bad input", "The run stopped at bad input in the stage ingest"),
        (["ingest"], "failed", "The run failed in the stage scan"),
        (
            ["generate", "shard_synthetic", "gate_synthetic"],
            "refused",
            "Publishing was refused in the stage publish_synthetic",
        ),
        (["train"], "done", "Done. This flow publishes nothing"),
    ],
)
def test_the_headline_says_how_a_run_ended(workspace, stages, verdict, sentence):
    for name in stages:
        workspace.folder(name)
    assert headline(workspace.record(verdict)) == sentence


def test_the_headline_names_versions(whole_run):
    assert headline(whole_run) == "things 1.2.0 is published; things_synthetic 1.2.0 is published"


def test_the_message_of_a_refusal_is_shown_with_what_was_published_before(workspace, page_of):
    workspace.prepare()
    workspace.publish("publish_data", "things")
    text = page_of(workspace.record("refused", "coverage 0.31 < 0.7")).text
    assert "coverage 0.31 < 0.7" in text and "things 1.2.0 published" in text.replace("  ", " ")


def test_a_run_of_prepare_alone_says_that_nothing_was_trained(workspace, page_of):
    workspace.prepare()
    page = page_of(workspace.record())
    assert "Training: no generator was trained in this run" in page.text and "training" not in sections(page)


def test_a_run_of_synthesize_alone_says_that_no_file_was_listed(workspace, page_of):
    workspace.synthesize()
    page = page_of(workspace.record())
    assert "Findings: no file was listed in this run" in page.text
    assert sections(page) == ["gates", "samples", "training", "stages", "settings"]


def test_training_that_was_stopped_shows_what_it_had_reached(workspace, page_of):
    workspace.prepare()
    workspace.publish("publish_data", "things")
    partial = workspace.shared / "train" / "fedcba9876543210.partial"
    partial.mkdir(parents=True)
    workspace.training(partial)
    text = page_of(workspace.record("failed", "the process was killed")).text
    assert "Training was not finished." in text and "300 images were seen" in text


def test_training_that_an_earlier_run_left_unfinished_is_not_shown(workspace, page_of):
    workspace.folder("ingest")
    partial = workspace.shared / "train" / "fedcba9876543210.partial"
    partial.mkdir(parents=True)
    workspace.training(partial)
    assert "training" not in sections(page_of(workspace.record("failed")))


def test_the_message_stands_once_at_the_top_and_not_again_in_the_table(workspace, page_of):
    workspace.folder("ingest")
    text = page_of(workspace.record("failed", "no space left on device")).text
    assert (text.count("no space left on device"), text.count("stopped here; the message is above")) == (1, 1)


def test_alarms_of_training_are_told(whole_run, page_of):
    assert "after 200 images: collapse: recall was low" in page_of(whole_run).text


def test_a_run_without_any_stage_still_has_a_page(workspace, page_of):
    page = page_of(workspace.record("bad input", "/data: no such folder"))
    assert "/data: no such folder" in page.text and sections(page) == ["stages", "settings"]


def test_outputs_that_are_gone_leave_their_sections_out(whole_run, workspace, page_of):
    shutil.rmtree(workspace.shared)
    assert sections(page_of(whole_run)) == ["counts", "loading", "stages", "settings"]


def test_a_section_that_fails_says_so_and_leaves_the_others(whole_run, workspace, page_of, caplog):
    gate = workspace.shared / "gate_synthetic" / "0123456789abcdef" / "gate.json"
    gate.write_text('{"format_version": 99}', encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        page = page_of(whole_run)
    assert f"This section could not be made: {gate}: gate version 99, this code reads 3" in page.text
    assert len(sections(page)) == len(build.SECTIONS) - 1  # these versions have no lineage


def test_a_record_that_is_not_one_gets_a_bare_page(page_of, caplog):
    with caplog.at_level(logging.WARNING):
        page = page_of({"dataset": HOSTILE, "verdict": "failed"})
    assert "The full report could not be made" in page.text and page.tags("script") == []


def test_a_place_that_cannot_be_written_is_logged_and_breaks_nothing(workspace, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert not build_report(workspace.record(), tmp_path / "file" / "report.html")
    assert f"the report could not be written to {tmp_path}/file/report.html" in caplog.text


def test_a_message_that_utf8_cannot_hold_is_escaped(workspace, page_of):
    assert r"no such file: \udcff.png" in page_of(workspace.record("failed", message="no such file: \udcff.png")).text


def test_the_film_of_training_is_in_the_page_as_it_is(whole_run, workspace, page_of):
    film = workspace.shared / "train" / "0123456789abcdef" / "film" / "training.gif"
    film.parent.mkdir()
    film.write_bytes(gif_of([np.full((12, 20, 1), level, np.uint8) for level in (0, 90, 255)], 0.1))
    (shown,) = [image for image in page_of(whole_run).tags("img") if image["src"].startswith("data:image/gif")]
    assert (shown["width"], shown["height"]) == ("20", "12")
    assert base64.b64decode(shown["src"].partition(",")[2]) == film.read_bytes()


def test_a_film_larger_than_the_page_may_be_is_left_out(whole_run, workspace, page_of):
    film = workspace.shared / "train" / "0123456789abcdef" / "film" / "training.gif"
    film.parent.mkdir()
    film.write_bytes(gif_of([np.zeros((12, 20, 1), np.uint8)], 0.1) + bytes(11 * 2**20))
    page = page_of(whole_run)
    assert "1 picture was left out to keep this file small." in page.text
