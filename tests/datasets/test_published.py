import re
import shutil

import pytest

from datasets.errors import BadInput, FormatError
from datasets.published import open_split, resolve_version


@pytest.fixture
def version(build_dataset, make_images):
    images = make_images(6, (8, 8, 1))
    return build_dataset("digits", {"train": images, "train_augmented": images[:5], "test": images[:2]})


def refusal(error, function, *arguments) -> str:
    with pytest.raises(error) as caught:
        function(*arguments)
    return str(caught.value)


def test_a_version_is_itself(version):
    assert resolve_version(version) == version


def test_a_data_set_is_its_latest_version(version):
    shutil.copytree(version, version.parent / "1.1.0")
    (version.parent / "latest").write_text("1.1.0\n")
    assert resolve_version(str(version.parent)) == version.parent / "1.1.0"


def test_unpublished_shards_can_be_read(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(2, (8, 8, 1))}, version=None)
    assert resolve_version(folder) == folder


def test_no_such_folder(tmp_path):
    path = tmp_path / "gone"
    sentence = f"{path}: no such folder; give <name>/ or <name>/<x.y.z>/ of a published data set"
    assert refusal(BadInput, resolve_version, path) == sentence


def test_a_folder_that_is_no_data_set(tmp_path):
    sentence = f"{tmp_path}: not a data set (no index.json, no `latest`); give <name>/ or <name>/<x.y.z>/"
    assert refusal(BadInput, resolve_version, tmp_path) == sentence


def test_a_data_set_without_latest_names_its_versions(version):
    shutil.copytree(version, version.parent / "1.10.0")
    shutil.copytree(version, version.parent / "1.9.0")
    (version.parent / "latest").unlink()
    sentence = f"{version.parent}: no `latest` file; give the folder of a version: 1.0.0, 1.9.0, 1.10.0"
    assert refusal(BadInput, resolve_version, version.parent) == sentence


@pytest.mark.parametrize("text", ["2.0.0", "../other", ""])
def test_a_latest_that_leads_nowhere(version, text):
    (version.parent / "latest").write_text(text)
    latest = version.parent / "latest"
    sentence = f"{latest}: names version {text!r}; versions here: 1.0.0; write one of them into it"
    assert refusal(FormatError, resolve_version, version.parent) == sentence


def test_a_version_that_was_not_published_to_the_end(version):
    (version / "dataset_info.json").unlink()
    sentence = (
        f"{version}: dataset_info.json is missing, so that this version was not published to the end; "
        "give another version or publish again"
    )
    assert refusal(FormatError, resolve_version, version) == sentence


def test_an_unknown_format_version_is_refused_by_name(version):
    path = version / "index.json"
    path.write_text(path.read_text().replace('"format_version": 2', '"format_version": 9'))
    sentence = f"{path}: index version 9, this code reads 1 and 2; shard again"
    assert refusal(FormatError, resolve_version, version.parent) == sentence


def test_the_shards_of_a_split_in_order(version):
    opened = open_split(version, "train")
    assert [shard.file for shard in opened.shards] == [
        "digits-train.tfrecord-00000-of-00002",
        "digits-train.tfrecord-00001-of-00002",
    ]
    assert opened.records == 6


def test_splits_are_joined_in_the_order_given(version):
    opened = open_split(version, "test+train")
    assert [shard.records for shard in opened.shards] == [2, 4, 2]


def test_an_unknown_split_names_those_there_are(version):
    sentence = f"{version}: got split 'val'; this data set has test, train, train_augmented; join several with +"
    assert refusal(BadInput, open_split, version, "train+val") == sentence


def test_a_split_named_twice_is_refused(version):
    sentence = f"{version}: got split 'train+train', which names train twice; name each split once"
    assert refusal(BadInput, open_split, version, "train+train") == sentence


def test_the_size_is_that_of_the_files(version):
    opened = open_split(version, "train")
    assert opened.size_bytes == sum(re_path.stat().st_size for re_path in opened.files)
    assert all(re.search(r"digits-train\.", file.name) for file in opened.files)
