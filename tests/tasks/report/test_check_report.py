"""The page of a check: findings by severity with what to do, groups side by side, classes, limits in charts."""

import cv2
import numpy as np
import pyarrow as pa
import pytest

from datasets.image_codec import encode_image
from datasets.manifest import FINDINGS_FILE, FINDINGS_SCHEMA, MANIFEST_FILE, read_table, write_table
from tasks.findings import FINDINGS
from tasks.report.advice import OF_FINDING, advice
from tasks.report.build import CHECK_SECTIONS, headline, render
from tasks.report.classes_section import classes
from tasks.report.copies_section import duplicates, kibibytes
from tasks.report.evidence import Evidence
from tasks.report.files_sections import findings, measures, shortened
from tasks.report.originals import Originals
from tasks.report.pictures import Album


class OneFile:
    """A source that holds the same payload under every name but `gone`."""

    name = "s"

    def __init__(self, payload):
        self.payload = payload

    def read(self, member):
        if member == "gone":
            raise FileNotFoundError
        return self.payload


@pytest.fixture
def check_record(workspace):
    workspace.prepare()
    split, curated = workspace.shared / "split" / "0123456789abcdef", workspace.shared / "curate" / "0123456789abcdef"
    write_table(read_table(split / MANIFEST_FILE), curated / MANIFEST_FILE)
    found = {"source": "s", "member": "shoe/0.png", "frame": 0, "sha256": "shoe0"}
    found |= {"finding": "trailing_bytes", "severity": "note", "detail": "7 bytes behind the end"}
    write_table(pa.Table.from_pylist([found], schema=FINDINGS_SCHEMA), curated / FINDINGS_FILE)
    del workspace.stages[3:]
    return workspace.record(flow="check")


@pytest.fixture
def shown(check_record):
    """shown(section): what its template gets."""

    def content(section, **settings):
        record = check_record | {"settings": check_record["settings"] | settings}
        evidence = Evidence(record)
        with Album(evidence.shared) as album:
            return section(evidence, album)

    return content


def test_every_section_of_a_check_is_made(check_record):
    html = render(check_record)
    assert [f'id="{section.name}"' in html for section in CHECK_SECTIONS] == [True] * len(CHECK_SECTIONS)
    assert "could not be made" not in html


def test_the_headline_of_a_check_says_how_many_files_can_be_used(check_record):
    assert headline(check_record) == "12 of 14 files can be used, 2 cannot"


def test_findings_come_by_severity_with_meaning_and_advice(shown):
    groups = shown(findings)["groups"]
    assert [group["severity"] for group in groups] == ["reject", "note"]
    (note,) = groups[1]["findings"]
    assert (note["finding"], note["meaning"]) == ("trailing_bytes", FINDINGS["trailing_bytes"])
    assert note["advice"] == advice("trailing_bytes", "note")


def test_a_noted_file_is_shown_with_its_picture_and_the_detail_of_the_note(shown):
    (file,) = shown(findings)["groups"][1]["findings"][0]["files"]
    assert file["picture"].uri and (file["name"], file["detail"]) == ("shoe/0.png", "7 bytes behind the end")


def test_advice_names_only_findings_that_exist():
    assert set(OF_FINDING) - set(FINDINGS) == set()


def test_the_kept_member_of_a_group_comes_first_and_differences_are_marked(shown):
    (group,) = shown(duplicates)["groups"]
    assert [file["verdict"] for file in group["files"]] == ["kept", "duplicate_exact"]
    differing = [[trait for trait, differs in file["traits"] if differs] for file in group["files"]]
    assert differing == [[], ["118 × 30 px", "198 B", "sharpness 490"]]
    assert (group["kept"], group["sameness"]) == (1, "nearly the same picture")


def test_classes_count_used_and_rejected_images(shown):
    content = shown(classes)
    assert content["rows"] == [("<script>alert(1)</script>", 6, 0), ("shoe", 6, 2)]
    assert content["balance"] == "2 classes; the largest has 1 times as many usable images as the smallest."


def test_limits_are_drawn_where_the_chart_reaches_them_and_told_where_not(shown):
    charts = {chart.title: chart for chart in shown(measures, curate={"min_side_px": 25, "max_aspect": 80.0})["charts"]}
    assert [limit.label for limit in charts["shorter side, px"].limits] == ["min_side_px 25"]
    assert charts["aspect, longer by shorter side"].limits_beyond == ("max_aspect 80",)


def test_a_limit_that_is_off_is_not_drawn(shown):
    charts = shown(measures, curate={"min_side_px": None, "min_sharpness": 0.0})["charts"]
    assert [chart.limits + chart.limits_beyond for chart in charts] == [()] * len(charts)


def test_the_alternative_text_of_a_chart_names_its_limit(shown):
    chart = shown(measures, curate={"min_side_px": 25})["charts"][0]
    assert chart.alt.endswith("; limit min_side_px 25")


def row(**changes):
    return {"source": "s", "member": "a.png", "size_bytes": 9, "pack": "p", "offset": 0, "length": 1} | changes


@pytest.fixture
def colour():
    """uint8 [300, 150, 3], smooth as photographs are."""
    small = np.random.default_rng(0).integers(0, 256, (6, 3, 3), dtype=np.uint8)
    return cv2.resize(small, (150, 300), interpolation=cv2.INTER_CUBIC)


def test_an_original_is_shown_in_colour_and_in_its_shape(colour):
    album = Album(None, originals=Originals({"s": OneFile(encode_image(colour, "png"))}, 112))
    picture = album.file(row(), "a")
    assert picture.uri.startswith("data:image/jpeg;") and (picture.width_px, picture.height_px) == (56, 112)


@pytest.mark.parametrize(
    "change",
    [{"member": "gone"}, {"source": "other"}, {"pack": None}, {"size_bytes": 1 << 40}],
    ids=["gone", "unknown source", "never decoded", "too large to read again"],
)
def test_an_original_that_cannot_be_shown_is_none(colour, change):
    originals = Originals({"s": OneFile(encode_image(colour, "png"))}, 112)
    assert originals.image(row(**change)) is None


def test_bytes_that_are_no_image_any_more_are_none():
    assert Originals({"s": OneFile(b"other")}, 112).image(row()) is None


def test_a_very_long_name_keeps_its_beginning_and_its_end():
    text = shortened("a" * 4000 + "z.png")
    assert len(text) <= 160 and text.startswith("aaa") and text.endswith("z.png")


@pytest.mark.parametrize(("size", "text"), [(None, ""), (812, "812 B"), (4301, "4.2 KiB"), (1_363_149, "1.3 MiB")])
def test_file_sizes_are_short(size, text):
    assert kibibytes(size) == text
