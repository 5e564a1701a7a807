import hashlib
import json
import re
from dataclasses import replace

import pytest

from datasets.errors import BadInput, FormatError
from datasets.tfds_layout import (
    Index,
    Normalise,
    ShardEntry,
    ShardFeatures,
    describe_shard,
    is_version,
    read_index,
    shard_filename,
    write_dataset_info,
    write_features,
    write_index,
)

FEATURES = ShardFeatures(height_px=28, width_px=32, channels=1, encoding="png", class_names=("bag", "été"))
SHARDS = (
    ShardEntry("digits-train.tfrecord-00000-of-00002", records=7, bytes=900, sha256="aa" * 32),
    ShardEntry("digits-train.tfrecord-00001-of-00002", records=6, bytes=800, sha256="bb" * 32),
)
INDEX = Index(
    name="digits",
    version="1.2.3",
    content_digest="cc" * 32,
    features=FEATURES,
    normalise=Normalise(mean=(0.25,), std=(0.1,)),
    splits={"train": SHARDS, "test": ()},
    lineage={"manifest": "dd" * 32, "settings": {"seed": 1}},
)


def change(folder, **values):
    path = folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "index",
    [
        INDEX,
        replace(INDEX, version=None),
        replace(INDEX, features=replace(FEATURES, class_names=None, channels=3, encoding="jpeg")),
        replace(INDEX, splits={}, lineage={}),
        replace(INDEX, features=replace(FEATURES, encoding="raw")),
        replace(
            INDEX,
            features=replace(FEATURES, encoding="raw", pixels="float32"),
            normalise=Normalise((0.25,), (0.1,), "percentile_clip", 2.0, 97.5),
        ),
    ],
    ids=["published", "unpublished", "unlabelled", "empty", "raw", "float32"],
)
def test_the_index_comes_back_as_it_was_written(tmp_path, index):
    write_index(tmp_path, index)
    assert read_index(tmp_path) == index


def test_the_index_has_the_documented_keys(tmp_path):
    write_index(tmp_path, INDEX)
    record = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert sorted(record) == [
        *("channels", "class_names", "content_digest", "encoding", "files", "format_version", "height_px"),
        *("lineage", "name", "normalise", "pixels", "splits", "version", "width_px"),
    ]
    assert record["splits"]["train"]["records"] == 13
    assert record["splits"]["train"]["shards"][1]["file"] == "digits-train.tfrecord-00001-of-00002"


def test_the_records_of_a_split_are_those_of_its_shards():
    assert (INDEX.records("train"), INDEX.records("test")) == (13, 0)


def test_an_unknown_version_of_the_index_is_refused_by_name(tmp_path):
    write_index(tmp_path, INDEX)
    change(tmp_path, format_version=3)
    sentence = f"{tmp_path / 'index.json'}: index version 3, this code reads 1 and 2; shard again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        read_index(tmp_path)


def test_an_index_of_version_1_is_read_as_it_was_meant(tmp_path):
    write_index(tmp_path, INDEX)
    record = json.loads((tmp_path / "index.json").read_text()) | {"format_version": 1}
    del record["pixels"]
    record["normalise"] = {"mean": [0.25], "std": [0.1]}
    (tmp_path / "index.json").write_text(json.dumps(record))
    assert read_index(tmp_path) == INDEX
    assert (INDEX.features.pixels, INDEX.normalise.method) == ("uint8", "symmetric")


def test_a_missing_index_is_refused(tmp_path):
    sentence = f"{tmp_path / 'index.json'}: cannot be read (No such file or directory); give a folder of shards"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        read_index(tmp_path)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"splits": {"train": {"records": 3, "shards": []}}}, "split train says 3 records, its shards have 0"),
        ({"normalise": None}, "'NoneType' object has no attribute 'get'"),
        (
            {"normalise": {"method": "log", "mean": [0], "std": [1]}},
            "method is 'log', allowed are none, unit, symmetric",
        ),
        ({"pixels": "float16"}, "pixels is 'float16', allowed are uint8, float32"),
        (
            {"splits": {"train": {"records": 1, "shards": [{"file": "../a", "records": 1, "bytes": 1, "sha256": ""}]}}},
            "shard ../a is not a plain file name",
        ),
        ({"splits": []}, "'list' object has no attribute 'items'"),
        (
            {"splits": {"te/st": {"records": 0, "shards": []}}},
            "split te/st is no name of letters, digits and _, beginning with a letter",
        ),
    ],
    ids=["counts", "normalise", "method", "pixels", "path", "splits", "split"],
)
def test_an_index_that_cannot_be_is_refused(tmp_path, values, why):
    write_index(tmp_path, INDEX)
    change(tmp_path, **values)
    with pytest.raises(FormatError, match=rf"{re.escape(why)}.*; copy the data set again or shard again$"):
        read_index(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "\x00"])
def test_an_index_that_is_not_one_is_refused(tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(FormatError, match=r"index\.json: damaged \(.+\); copy the data set again or shard again$"):
        read_index(tmp_path)


def test_the_same_content_gives_the_same_files(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        write_index(folder, INDEX)
        write_features(folder, FEATURES)
        info = {"train": {"shard_lengths": [7, 6], "bytes": 1700}}
        write_dataset_info(folder, name="digits", version="1.2.3", description="Digits.", splits=info)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert files[0] == files[1]
    assert sorted(files[0]) == ["dataset_info.json", "features.json", "index.json", "label.labels.txt"]


def test_class_names_are_one_per_line_in_order_of_id(tmp_path):
    write_features(tmp_path, FEATURES)
    assert (tmp_path / "label.labels.txt").read_text(encoding="utf-8") == "bag\nété\n"


def test_without_classes_there_is_no_label(tmp_path):
    write_features(tmp_path, replace(FEATURES, class_names=None))
    features = json.loads((tmp_path / "features.json").read_text())["featuresDict"]["features"]
    assert sorted(features) == ["derived_from", "id", "image", "kind", "sha256"]
    assert not (tmp_path / "label.labels.txt").exists()


@pytest.mark.parametrize("name", ["", " bag", "bag ", "a\nb", "a\rb", "a\tb"])
def test_class_names_that_a_line_cannot_hold_are_refused(tmp_path, name):
    sentence = (
        f"got class name {name!r}; TFDS reads one name per line and strips it, so a name has no line breaks, "
        "control characters or spaces around it; rename the class"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        write_features(tmp_path, replace(FEATURES, class_names=("shirt", name)))


def test_class_names_that_repeat_are_refused(tmp_path):
    sentence = "got class names bag more than once; every class needs its own name"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        write_features(tmp_path, replace(FEATURES, class_names=("bag", "shirt", "bag")))


def test_shard_filename():
    assert shard_filename("digits", "train_augmented", 3, 12) == "digits-train_augmented.tfrecord-00003-of-00012"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("fashion-mnist", "train", 0, 1),
            "got data set name 'fashion-mnist'; allowed are letters, digits and _, beginning with a letter",
        ),
        (("digits", "", 0, 1), "got split ''; allowed are letters, digits and _, beginning with a letter"),
        (("digits", "train", 4, 4), "got shard 4 of 4; shards are counted from 0 to count - 1"),
    ],
    ids=["name", "split", "number"],
)
def test_shard_filenames_that_tfds_cannot_open_are_refused(arguments, sentence):
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        shard_filename(*arguments)


def test_describe_shard_says_what_lies_there(tmp_path):
    path = tmp_path / "a.tfrecord"
    path.write_bytes(b"content")
    assert describe_shard(path, 3) == ShardEntry("a.tfrecord", 3, 7, hashlib.sha256(b"content").hexdigest())


@pytest.mark.parametrize(("text", "expected"), [("1.0.0", True), ("10.2.33", True), ("1.0", False), ("v1.0.0", False)])
def test_is_version(text, expected):
    assert is_version(text) is expected


def test_a_version_that_tfds_cannot_open_is_refused(tmp_path):
    sentence = "got version '1.0'; TFDS opens versions of three numbers, such as 1.0.0"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        write_dataset_info(tmp_path, name="digits", version="1.0", description="", splits={})
