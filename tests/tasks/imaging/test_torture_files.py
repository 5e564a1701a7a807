"""Agreement with labelled odd, broken and hostile files, where the test data are at hand."""

import csv
import os
import time
from pathlib import Path

import pytest

from tasks.imaging.decode import Decoded, Undecodable, decode

_DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")
pytestmark = pytest.mark.skipif(
    not _DATA or not (Path(_DATA) / "torture" / "INDEX.tsv").is_file(),
    reason="AUGMENT_DATASET_TEST_DATA is unset, or holds no torture/INDEX.tsv",
)

METADATA_ONLY = "only metadata are damaged, the pixels decode strictly"
LENIENT_BMP = "the header contradicts itself in fields that do not matter to the pixels"
LENIENT_RLE = "runs or palette indices beyond the image, which Pillow drops"
FUZZED_TIFF = "a fuzzed TIFF that happens to decode; there is nothing to check it against"

# Labelled corrupt and decoded nevertheless, each with the reason.
KNOWN_TO_PASS = {
    "image-rs/bad/ico/Bad_smile-incorrect-image-length.ico": "the folder's length is wrong, the image in it is whole",
    "pillow/bmp/b/badbitssize.bmp": LENIENT_BMP,
    "pillow/bmp/b/baddens1.bmp": LENIENT_BMP,
    "pillow/bmp/b/baddens2.bmp": LENIENT_BMP,
    "pillow/bmp/b/badfilesize.bmp": LENIENT_BMP,
    "pillow/bmp/b/badplanes.bmp": LENIENT_BMP,
    "pillow/bmp/b/badrle.bmp": LENIENT_RLE,
    "pillow/bmp/b/pal8badindex.bmp": LENIENT_RLE,
    "pillow/bmp/b/rletopdown.bmp": LENIENT_RLE,
    "pillow/hopper_rle8_row_overflow.bmp": LENIENT_RLE,
    "pillow/mmap_error.bmp": "the name is of a Pillow bug, the file is whole",
    "pillow/broken_exif_dpi.jpg": METADATA_ONLY,
    "pillow/photoshop-200dpi-broken.jpg": METADATA_ONLY,
    "pillow/truncated_app14.jpg": METADATA_ONLY,
    "pillow/truncated_exif_dpi.jpg": METADATA_ONLY,
    "pillow/unknown_compression_method.png": METADATA_ONLY,
    "pillow/decompression_bomb_extents.gif": "the bomb is a later frame; the first is small and whole",
    "pillow/hopper_unexpected.ico": "the folder's size is wrong, the image in it is whole",
    "pillow/crash-0da013a13571cc8eb457a39fee8db18f8a3c7127.tif": FUZZED_TIFF,
    "pillow/crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif": FUZZED_TIFF,
}


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[dict[str, str], Decoded | Undecodable, float]]:
    """Index row, verdict and CPU seconds of every file."""
    folder = Path(_DATA or "") / "torture"
    with (folder / "INDEX.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    results = []
    for row in rows:
        payload = (folder / row["path"]).read_bytes()
        start_s = time.process_time()
        results.append((row, decode(payload), time.process_time() - start_s))
    return results


def test_no_valid_jpeg_or_png_is_rejected(verdicts: list) -> None:
    rejected = {
        row["path"]: verdict
        for row, verdict, _ in verdicts
        if row["expected"] == "valid" and row["magic"] in ("jpeg", "png") and isinstance(verdict, Undecodable)
    }
    assert rejected == {}


def test_corrupt_files_that_pass_are_the_known_ones(verdicts: list) -> None:
    passed = {
        row["path"] for row, verdict, _ in verdicts if row["expected"] == "corrupt" and isinstance(verdict, Decoded)
    }
    assert passed == set(KNOWN_TO_PASS)


def test_files_that_are_no_images_are_called_so(verdicts: list) -> None:
    codes = {verdict.code for row, verdict, _ in verdicts if row["expected"] == "not-an-image"}
    assert codes == {"not_an_image"}


def test_no_file_stalls_the_decoder(verdicts: list) -> None:
    assert [(row["path"], round(cpu_s, 1)) for row, _, cpu_s in verdicts if cpu_s > 5.0] == []


def test_all_orientations_show_the_same_picture() -> None:
    folder = Path(_DATA or "") / "torture" / "exif-orientation"
    shapes = {decode((folder / f"Landscape_{orientation}.jpg").read_bytes()).image.shape for orientation in range(9)}
    assert shapes == {(1200, 1800, 3)}
