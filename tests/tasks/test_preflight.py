import re

import pytest

from datasets.errors import BadInput
from datasets.sources import source_settings
from tasks.preflight import (
    check_not_inside,
    check_room,
    check_source_outside,
    check_training_images,
    check_validation_images,
)
from tasks.survey import check_holds_images


def refused(sentence):
    return pytest.raises(BadInput, match=f"^{re.escape(sentence)}$")


def test_an_image_behind_many_other_files_is_found(tmp_path, write_images, blob_image):
    folder = write_images({f"{number:05}.txt": b"" for number in range(999)} | {"z.png": blob_image(0, 0)})
    check_holds_images(source_settings(path=folder), tmp_path)


def test_a_disk_without_room_is_refused(tmp_path):
    with pytest.raises(BadInput) as caught:
        check_room("published", tmp_path / "not" / "yet", needed_bytes=2**70)
    found = str(caught.value).replace(str(tmp_path), "HERE")
    assert found.startswith("the disk of published HERE/not/yet has ")
    expected = " MiB free, about 1125899906842624 MiB are needed; free some, or choose another folder in the settings"
    assert found.endswith(expected)


@pytest.mark.parametrize("inside", ["", "out", "a/../out/deeper"])
def test_a_folder_among_the_images_is_refused(tmp_path, inside):
    folder = tmp_path / "photos" / inside
    source = tmp_path / "photos"
    sentence = (
        f"out {folder} lies in the folder of images {source}, where it would be read as images; "
        "choose a place outside it"
    )
    with refused(sentence):
        check_not_inside("out", folder, source)


def test_a_link_into_the_images_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to("photos")
    with pytest.raises(BadInput, match=r"^out .*/link/out lies in the folder of images"):
        check_not_inside("out", tmp_path / "link" / "out", tmp_path / "photos")


@pytest.mark.parametrize("folder", ["photos-out", "other/photos", "."])
def test_a_folder_beside_or_above_the_images_is_allowed(tmp_path, folder):
    check_not_inside("out", tmp_path / folder, tmp_path / "photos")


def test_images_in_the_workspace_are_refused(tmp_path):
    source, folder = tmp_path / "work" / "photos", tmp_path / "work"
    sentence = (
        f"source.path {source} lies in workspace {folder}, where runs write and remove files; "
        "choose another folder for workspace"
    )
    with refused(sentence):
        check_source_outside(source, "workspace", folder)


def test_too_few_training_images_are_refused():
    check_training_images("it has", 16, "add images")
    with refused("it has 15 training images; at least 16 are needed; add images"):
        check_training_images("it has", 15, "add images")


def test_too_few_images_to_select_by_are_refused():
    check_validation_images("it has", 11, None, "add images")
    with refused(
        "it has 10 validation images, 5 of them to select the snapshot with; at least 6 are needed; add images"
    ):
        check_validation_images("it has", 10, None, "add images")


def test_too_few_images_for_the_gate_are_refused():
    check_validation_images("it has", 60, 30, "add images")
    sentence = (
        "it has 59 validation images, 29 of them for the synthetic gate; synthetic_gate.min_gate_images is 30; "
        "add images"
    )
    with refused(sentence):
        check_validation_images("it has", 59, 30, "add images")
