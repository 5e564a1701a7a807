"""`init`: settings that fit what was seen, and a file that does not end up among the images."""

import re
from pathlib import Path

import pytest

from datasets.errors import BadInput
from datasets.sources import source_settings
from flows.initial_settings import dataset_name, propose, write_initial_settings
from flows.settings import load_settings
from tasks.impression import Impression

FOLDER = source_settings(path=Path("/images"))


def seen(**changes):
    record = {"images": 9, "labelled": True, "typical_side_px": 100, "grey": False, "photographs": True}
    return Impression(**(record | changes))


@pytest.mark.parametrize(("side_px", "expected"), [(5, 16), (16, 16), (22, 16), (28, 32), (32, 32), (4000, 64)])
def test_the_size_is_the_nearest_that_a_cpu_trains(side_px, expected):
    resize = propose("tiny", FOLDER, seen(typical_side_px=side_px)).scan.resize
    assert (resize.width_px, resize.height_px) == (expected, expected)


def test_small_images_are_not_proposed_to_be_rejected():
    assert propose("tiny", FOLDER, seen(typical_side_px=5)).curate.min_side_px == 5


@pytest.mark.parametrize(("photographs", "encoding"), [(True, "jpeg"), (False, "png")])
def test_the_encoding_is_that_of_most_images(photographs, encoding):
    assert propose("tiny", FOLDER, seen(photographs=photographs)).scan.encoding == encoding


@pytest.mark.parametrize(
    ("changes", "preset"),
    [
        ({"photographs": True, "grey": False}, "photographs"),
        ({"photographs": True, "grey": True}, "light"),
        ({"photographs": False, "grey": False}, "light"),
        ({"photographs": True, "characters": True}, "digits"),
    ],
)
def test_the_preset_of_augmentation_fits_what_was_seen(changes, preset):
    assert propose("tiny", FOLDER, seen(**changes)).augment.preset == preset


@pytest.mark.parametrize(("grey", "channels"), [(True, 1), (False, 3)])
def test_grey_images_stay_grey(grey, channels):
    assert propose("tiny", FOLDER, seen(grey=grey)).scan.channels == channels


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My Photos (1)", "my_photos_1"), ("2024", "dataset_2024"), ("---", "source"), ("ab" * 50, "ab" * 30)],
)
def test_any_folder_gives_a_valid_name(folder, name):
    assert dataset_name(source_settings(path=Path("/") / folder)) == name
    assert propose(name, FOLDER, seen()).dataset == name


def test_the_file_goes_into_the_current_folder(blobs, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert write_initial_settings("blobs", "auto", None) == Path("blobs.yaml")
    settings = load_settings(tmp_path / "blobs.yaml")
    assert (settings.workspace, settings.published) == (tmp_path / "workspace", tmp_path / "published")


@pytest.mark.parametrize("inside", [".", "a"])
def test_from_among_the_images_all_goes_beside_them(blobs, monkeypatch, tmp_path, inside):
    monkeypatch.chdir(blobs / inside)
    path = write_initial_settings(str(blobs), "auto", None)
    assert path == tmp_path / "blobs.yaml"
    settings = load_settings(path)
    assert (settings.workspace, settings.published) == (tmp_path / "workspace", tmp_path / "published")


def test_a_file_among_the_images_is_refused(blobs):
    out = blobs / "a" / "settings.yaml"
    sentence = (
        f"settings file {out} lies in the folder of images {blobs}, where it would be read as images; "
        "choose a place outside it"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        write_initial_settings(str(blobs), "auto", out)
    assert not out.exists()
