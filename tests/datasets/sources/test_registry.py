import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from datasets.errors import BadInput
from datasets.sources import open_source, source_settings
from datasets.sources.adapted import Adapted
from datasets.sources.files import FlatFolder, FolderPerClass
from datasets.sources.settings import slug
from datasets.sources.trees.local_folder import LocalFolder

NO_CACHE = Path("no-cache-is-needed")


def folder_of(root: Path, *members: str) -> Path:
    for member in members:
        path = root / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def refusal(path: Path, kind: str = "auto") -> str:
    with pytest.raises(BadInput) as caught:
        open_source(source_settings(path=path, kind=kind), NO_CACHE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (["cat/1.png", "dog/1.png"], FolderPerClass),
        (["cat/1.png"], FolderPerClass),
        (["cat/1.png", "dog/1.png", "README.md", "LICENSE"], FolderPerClass),
        (["cat/1.png", "dog/young/1.png"], FolderPerClass),
        (["1.png", "2.png"], FlatFolder),
        (["1.dat"], FlatFolder),
        (["1.png", ".cache/1.png"], FlatFolder),
    ],
    ids=["classes", "one class", "classes and texts", "one deeper", "images", "other files", "hidden folder"],
)
def test_auto_finds_the_kind(tmp_path, members, expected):
    assert type(open_source(source_settings(path=folder_of(tmp_path, *members)), NO_CACHE).inner) is expected


def test_auto_takes_an_empty_folder_for_nothing(tmp_path):
    folder_of(tmp_path, "1.png")
    (tmp_path / "empty").mkdir()
    assert type(open_source(source_settings(path=tmp_path), NO_CACHE).inner) is FlatFolder


def test_auto_refuses_images_beside_folders(tmp_path):
    folder_of(tmp_path, "cat/1.png", "1.JPG", "2.png", "3.gif", "4.tif", "README")
    assert refusal(tmp_path) == (
        f"{tmp_path}: images directly in the folder (1.JPG, 2.png, 3.gif and 1 more) and folders beside them (cat); "
        "set kind to folder_per_class (folders are labels, loose images have none) or flat_folder (no labels)"
    )


def test_auto_refuses_folders_that_hold_only_folders(tmp_path):
    folder_of(tmp_path, "train/cat/1.png", "test/cat/1.png")
    assert refusal(tmp_path) == (
        f"{tmp_path}: its folders (test, train) hold only folders; give one of them as path, or set kind to "
        "label_pattern (say where in the path split and label stand), folder_per_class (labels test, train) "
        "or flat_folder (no labels)"
    )


@pytest.mark.parametrize(("kind", "label"), [("folder_per_class", "train"), ("flat_folder", None)])
def test_a_kind_that_is_set_decides(tmp_path, kind, label):
    folder_of(tmp_path, "train/cat/1.png")
    (item,) = open_source(source_settings(path=tmp_path, kind=kind), NO_CACHE).items()
    assert item.label == label


def test_no_such_folder(tmp_path):
    path = tmp_path / "gone"
    assert refusal(path) == f"{path}: no such folder or file; give what holds the images"


def test_not_a_folder(tmp_path):
    path = folder_of(tmp_path, "a.zip") / "a.zip"
    assert refusal(path) == (
        f"{path}: a file that is no zip or tar archive; give the folder or archive that holds the images, "
        "or set the kind of the source (`augment-dataset sources` lists them)"
    )


def test_a_path_through_a_file(tmp_path):
    path = folder_of(tmp_path, "a.zip") / "a.zip" / "images"
    assert refusal(path) == f"{path}: cannot be opened (Not a directory); give what holds the images"


@pytest.mark.parametrize("kind", ["auto", "folder_per_class", "flat_folder"])
def test_an_empty_folder(tmp_path, kind):
    folder_of(tmp_path, ".DS_Store")
    (tmp_path / "cat").mkdir()
    sentence = f"{tmp_path}: no files in it (hidden ones do not count); give what holds images"
    assert refusal(tmp_path, kind) == sentence


def test_the_licence_and_the_name_reach_the_source(tmp_path):
    root = folder_of(tmp_path / "My Pets (2024)", "1.png")
    source = open_source(source_settings(path=root, licence="CC0-1.0"), NO_CACHE)
    assert source == Adapted("my_pets_2024", FlatFolder("my_pets_2024", LocalFolder(root)), {}, "CC0-1.0")


def test_a_name_that_is_set_is_kept(tmp_path):
    assert open_source(source_settings(path=folder_of(tmp_path, "1.png"), name="pets"), NO_CACHE).name == "pets"


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(folder_of(tmp_path, "pets/1.png")))
    (item,) = open_source(source_settings(path=Path("~/pets")), NO_CACHE).items()
    assert item.member == "1.png"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Été 2024 (raw)", "ete_2024_raw"),
        ("t-shirt", "t_shirt"),
        ("日本", "source"),
        ("", "source"),
        ("a" * 200, "a" * 100),
    ],
)
def test_slug(text, expected):
    assert slug(text) == expected


@pytest.mark.parametrize("name", ["Pets", "a/b", "", "a b"])
def test_names_that_keys_cannot_hold_are_refused(name):
    with pytest.raises(ValidationError, match="String should match pattern"):
        source_settings(path=Path("x"), name=name)


@pytest.mark.skipif("AUGMENT_DATASET_TEST_DATA" not in os.environ, reason="AUGMENT_DATASET_TEST_DATA is not set")
def test_a_real_folder_of_photographs():
    source = open_source(
        source_settings(path=Path(os.environ["AUGMENT_DATASET_TEST_DATA"]) / "clothing" / "train"), NO_CACHE
    )
    items = list(source.items())
    assert len(items) == len({item.member for item in items}) == 3068
    assert len({item.label for item in items}) == 10
    assert not [item for item in items if item.problem]
