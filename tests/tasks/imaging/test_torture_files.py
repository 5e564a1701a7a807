"""Agreement with labelled odd, broken and hostile files, where the test data are at hand."""

import os
from pathlib import Path

import pytest

from benchmarks.torture_verdicts import KNOWN_TO_PASS, TABLES, Outcome, outcomes, tables
from tasks.imaging.decode import Decoded, decode, decode_frames

_DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")
pytestmark = pytest.mark.skipif(
    not _DATA or not (Path(_DATA) / "torture" / "INDEX.tsv").is_file(),
    reason="AUGMENT_DATASET_TEST_DATA is unset, or holds no torture/INDEX.tsv",
)

PAGE = Path(__file__).parents[3] / "docs" / "integrity.md"


@pytest.fixture(scope="module")
def found() -> list[Outcome]:
    return outcomes(Path(_DATA or "") / "torture")


def test_no_valid_jpeg_or_png_is_rejected(found: list[Outcome]) -> None:
    rejected = [
        (entry.path, entry.detail)
        for entry in found
        if entry.label == "valid" and entry.magic in ("jpeg", "png") and entry.outcome == "rejected"
    ]
    assert rejected == []


def test_corrupt_files_that_pass_are_the_known_ones(found: list[Outcome]) -> None:
    passed = {entry.path for entry in found if entry.label == "corrupt" and entry.outcome != "rejected"}
    assert passed == set(KNOWN_TO_PASS)


def test_the_page_says_what_was_found(found: list[Outcome]) -> None:
    made = tables(found)
    assert TABLES.on_page(PAGE.read_text(encoding="utf-8")) == made
    assert "NOT EXPLAINED" not in made


def test_files_that_are_no_images_are_called_so(found: list[Outcome]) -> None:
    assert {entry.codes for entry in found if entry.label == "not-an-image"} == {("not_an_image",)}


def test_no_file_stalls_the_decoder(found: list[Outcome]) -> None:
    assert [(entry.path, round(entry.cpu_s, 1)) for entry in found if entry.cpu_s > 5.0] == []


def test_all_frames_of_every_file_have_verdicts_too() -> None:
    folder = Path(_DATA or "") / "torture"
    payloads = (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    counts = [sum(1 for _ in decode_frames(payload)) for payload in payloads]
    assert min(counts) == 1
    assert sum(counts) > len(counts) + 300


def test_all_orientations_show_the_same_picture() -> None:
    folder = Path(_DATA or "") / "torture" / "exif-orientation"
    decoded = [decode((folder / f"Landscape_{orientation}.jpg").read_bytes()) for orientation in range(9)]
    shapes = {verdict.image.shape for verdict in decoded if isinstance(verdict, Decoded)}
    assert (len(decoded), shapes) == (9, {(1200, 1800, 3)})
