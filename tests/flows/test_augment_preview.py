"""`augment-preview`: a picture of what the settings do, and what is refused."""

import re

import pytest

from datasets.errors import BadInput
from datasets.image_codec import decode_image
from flows.augment_preview import preview_augmentation

SETTINGS = "dataset: tiny\nsource: {path: blobs}\nscan: {channels: 1, resize: {width_px: 16, height_px: 16}}\n"


@pytest.fixture
def settings_file(tmp_path):
    def write(augment="{preset: digits}"):
        (tmp_path / "tiny.yaml").write_text(f"{SETTINGS}augment: {augment}\n")
        return tmp_path / "tiny.yaml"

    return write


def test_a_folder_gives_a_row_per_augmenter_of_three_images(blobs, settings_file, tmp_path):
    preview_augmentation(blobs, settings_file("{augmenters: [{kind: rotate}, {kind: blur}]}"), tmp_path / "p.png")
    rows_px, columns_px, _ = decode_image((tmp_path / "p.png").read_bytes()).shape
    assert (rows_px, columns_px) == (3 * 3 * 132, 170 + 6 * 132)


def test_one_image_gives_the_same_picture_each_time(blobs, settings_file, tmp_path):
    image = next(blobs.rglob("*.png"))
    for name in ("a.png", "b.png"):
        preview_augmentation(image, settings_file(), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_bad_input_is_refused(blobs, settings_file, tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("no image")
    there = tmp_path / "there.png"
    there.write_bytes(b"mine")
    settings = settings_file()
    cases = [
        (blobs, tmp_path / "p.jpg", f"--out {tmp_path}/p.jpg is no PNG; give it a name that ends in .png"),
        (blobs, there, f"{there} exists already; remove it, or name another file with --out"),
        (
            tmp_path / "text",
            tmp_path / "p.png",
            f"nothing in {tmp_path}/text can be decoded as an image; give a sound image or a folder of them",
        ),
        (
            tmp_path / "none",
            tmp_path / "p.png",
            f"{tmp_path}/none does not exist; give an image or a folder of images",
        ),
    ]
    for location, out, sentence in cases:
        with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
            preview_augmentation(location, settings, out)


def test_settings_that_make_no_copies_are_refused(blobs, settings_file, tmp_path):
    sentence = f"{settings_file('{preset: none}')} makes no copies; set augment.preset or augment.augmenters"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        preview_augmentation(blobs, tmp_path / "tiny.yaml", tmp_path / "p.png")
