"""What is known of the sources before any work: counts, and sentences for those that cannot work."""

import re
import tarfile

import pytest

from datasets.errors import BadInput
from datasets.sources import open_source, source_settings
from tasks.progress import silent
from tasks.survey import Survey, check_holds_images, survey


@pytest.fixture
def packed(tmp_path, class_folders):
    """The class folders as a compressed archive, which has to be fetched."""
    path = tmp_path / "packed.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("left", "right"):
            archive.add(class_folders / name, name)
    return path


def mixed(*sources):
    return source_settings(kind="mixed", sources=list(sources))


def refused(sentence):
    return pytest.raises(BadInput, match=f"^{re.escape(sentence)}$")


def test_images_are_counted_by_label_and_problems_by_code(tmp_path, class_folders):
    (class_folders / "left" / "gone.png").symlink_to("nowhere")
    (class_folders / ".hidden").write_bytes(b"")
    (class_folders / "LICENSE").write_text("of the images")
    found = survey(source_settings(path=class_folders), tmp_path)
    assert found == Survey(
        members=43,
        images={"left": {None: 20}, "right": {None: 20}, None: {None: 1}},
        problems={"broken_link": 1, "hidden_file": 1},
    )
    assert found.labels == {"left", "right"}


def test_splits_that_a_source_gives_are_counted(tmp_path, write_images, blob_image):
    folder = write_images({f"{split}/left/{split}.png": blob_image(0, 0) for split in ("train", "val", "test")})
    found = survey(source_settings(kind="label_pattern", path=folder, pattern="{split}/{label}/*"), tmp_path)
    assert found.images == {"left": {"train": 1, "validation": 1, "test": 1}}


def test_what_the_settings_leave_out_is_no_image(tmp_path, class_folders):
    settings = source_settings(path=class_folders, labels={"left": None, "right": "east"}, limit=5)
    found = survey(settings, tmp_path)
    assert (found.images, found.problems) == ({"east": {None: 5}}, {"label_left_out": 20, "over_limit": 15})


def test_a_source_that_is_to_be_fetched_is_named_and_the_others_are_counted(tmp_path, class_folders, packed):
    settings = mixed({"path": packed}, {"path": class_folders})
    found = survey(settings, tmp_path / "cache")
    assert (found.unfetched, found.members) == (("packed",), 40)


def test_a_share_of_what_is_unknown_is_not_counted(tmp_path, class_folders, packed):
    settings = mixed({"path": packed, "weight": 1}, {"path": class_folders, "weight": 1})
    found = survey(settings, tmp_path / "cache")
    assert (found.unfetched, found.members) == (("packed",), 0)


def test_what_was_fetched_is_counted(tmp_path, packed):
    settings = source_settings(path=packed)
    open_source(settings, tmp_path / "packed").fetch(silent)
    found = survey(settings, tmp_path)
    assert (found.unfetched, found.images) == ((), {"left": {None: 20}, "right": {None: 20}})


def test_a_source_that_is_to_be_fetched_is_not_looked_into(tmp_path, packed):
    check_holds_images(source_settings(path=packed), tmp_path / "cache")


def test_a_source_without_images_is_refused_by_its_own_place(tmp_path, class_folders, write_images):
    texts = write_images({"a/1.txt": b"one", "a/2.txt": b"two"}, "texts")
    sentence = (
        f"none of the 2 files in {texts} looks like an image; "
        "jpeg, png, gif, bmp, webp, tiff, jp2, avif, pnm, ico are read; check source.path"
    )
    with refused(sentence):
        check_holds_images(mixed({"path": class_folders}, {"path": texts}), tmp_path)


def test_a_source_of_which_nothing_can_be_used_is_refused(tmp_path, write_images, blob_image):
    folder = write_images({"a/1.png": blob_image(0, 0), "b/2.png": blob_image(1, 0)})
    settings = source_settings(path=folder, labels={"a": None, "b": None})
    sentence = (
        f"none of the 2 files in {folder} can be used "
        "(2 label_left_out; the first: label a is left out by source.labels); check the source"
    )
    with refused(sentence):
        check_holds_images(settings, tmp_path)
