import json
import os
import pickle
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.example_proto import encode_example
from datasets.image_codec import decode_image
from datasets.image_record import ImageRecord, encode_record
from datasets.manifest import MANIFEST_FILE, Kind, table_of, write_table
from datasets.sources.base import SourceItem
from datasets.sources.tfds import TfdsSettings, open_tfds
from datasets.tfrecord import frame, write_tfrecord

FEATURES = "tensorflow_datasets.core.features"


def source_of(path, **values):
    return open_tfds(TfdsSettings(**{"kind": "tfds", "path": str(path), **values}), Path("not-there"))


def image_feature(dtype="uint8"):
    return {"pythonClassName": f"{FEATURES}.image_feature.Image", "image": {"dtype": dtype}}


LABEL = {"pythonClassName": f"{FEATURES}.class_label_feature.ClassLabel", "classLabel": {"numClasses": "2"}}
TEXT = {"pythonClassName": f"{FEATURES}.text_feature.Text", "text": {}}
TENSOR = {"pythonClassName": f"{FEATURES}.tensor_feature.Tensor", "tensor": {"dtype": "uint8"}}


def write_theirs(folder, splits, features=None, info=None, class_names="cat\ndog\n"):
    """A data set as TFDS lays it out: {split: [records per shard]}, a record being a dictionary or raw bytes."""
    folder.mkdir(parents=True)
    described = []
    for split, shards in splits.items():
        for index, records in enumerate(shards):
            path = folder / f"made-{split}.tfrecord-{index:05d}-of-{len(shards):05d}"
            write_tfrecord(path, (r if isinstance(r, bytes) else encode_example(r) for r in records))
        described.append({"name": split, "shardLengths": [str(len(records)) for records in shards]})
    whole = {"featuresDict": {"features": features or {"image": image_feature(), "label": LABEL}}}
    (folder / "features.json").write_text(json.dumps(whole))
    (folder / "dataset_info.json").write_text(json.dumps({"name": "made", "splits": described, **(info or {})}))
    if class_names is not None:
        (folder / "label.labels.txt").write_text(class_names)
    return folder


def record(number, **more):
    return {"image": b"image %d" % number, "label": number % 2, **more}


@pytest.fixture
def theirs(tmp_path):
    """Two shards of train and one of val."""
    return write_theirs(
        tmp_path / "made" / "1.0.0", {"train": [[record(0), record(1)], [record(2)]], "val": [[record(3)]]}
    )


def test_an_item_has_everything_the_record_says(theirs):
    status = (theirs / "made-train.tfrecord-00001-of-00002").stat()
    assert list(source_of(theirs).items())[2] == SourceItem(
        member="train/00000002",
        size_bytes=7,
        version_tag=f"{status.st_size}-{status.st_mtime_ns}",
        label="cat",
        split="train",
        origin="tfrecord:made-train.tfrecord-00001-of-00002#0",
    )


def test_all_splits_are_read_in_order(theirs):
    found = [(item.member, item.label, item.split) for item in source_of(theirs).items()]
    assert found == [
        ("train/00000000", "cat", "train"),
        ("train/00000001", "dog", "train"),
        ("train/00000002", "cat", "train"),
        ("val/00000000", "dog", "validation"),
    ]


def test_read_gives_the_stored_bytes(theirs):
    source = source_of(theirs)
    assert [source.read(item.member) for item in source.items()] == [b"image %d" % number for number in range(4)]


def test_threads_read_together(theirs):
    source = source_of(theirs)
    with ThreadPoolExecutor(4) as pool:
        payloads = list(pool.map(source.read, ["train/00000002", "val/00000000"] * 50))
    assert payloads == [b"image 2", b"image 3"] * 50


def test_splits_can_be_chosen(theirs):
    assert [item.member for item in source_of(theirs, splits=["val"]).items()] == ["val/00000000"]


def test_an_unknown_split_names_those_there_are(theirs):
    sentence = f"{theirs}: got split 'test'; this data set has train, val"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source_of(theirs, splits=["test"])


def test_the_highest_version_is_read(tmp_path):
    for version in ("1.9.0", "1.10.0"):
        write_theirs(tmp_path / "made" / version, {"train": [[{"image": version.encode()}]]})
    (tmp_path / "made" / "2.0.0.incompleteABC").mkdir()
    source = source_of(tmp_path / "made")
    assert (source.name, source.read("train/00000000")) == ("made", b"1.10.0")


def test_several_configurations_are_named(tmp_path):
    for config in ("large", "small"):
        write_theirs(tmp_path / "made" / config / "1.0.0", {"train": [[record(0)]]})
    path = tmp_path / "made"
    sentence = f"{path}: holds several data sets or configurations; give one of them: large, small"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source_of(path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone", "no such folder; give <name>/<x.y.z>/ of a TFDS data set, or the folder of its versions"),
        ("file", "a file; give <name>/<x.y.z>/ of a TFDS data set, or the folder of its versions"),
        ("", "no TFDS data set (no features.json, no folder of a version); give <name>/<x.y.z>/ or <name>/"),
    ],
)
def test_what_is_no_tfds_folder_is_refused(tmp_path, name, sentence):
    (tmp_path / "file").write_text("x")
    path = tmp_path / name
    with pytest.raises(BadInput, match=f"^{re.escape(f'{path}: {sentence}')}$"):
        source_of(path)


@pytest.mark.parametrize(
    ("label", "text"), [({"label": 1}, "dog"), ({"label": 7}, "7"), ({"label": -1}, None), ({}, None)]
)
def test_labels_are_names_where_names_are_known(tmp_path, label, text):
    write_theirs(tmp_path / "made", {"train": [[{"image": b"x", **label}]]})
    assert [item.label for item in source_of(tmp_path / "made").items()] == [text]


def test_labels_are_numbers_without_names(tmp_path):
    write_theirs(tmp_path / "made", {"train": [[record(1)]]}, class_names=None)
    assert [item.label for item in source_of(tmp_path / "made").items()] == ["1"]


def test_a_text_can_be_the_label(tmp_path):
    features = {"image": image_feature(), "species": TEXT}
    write_theirs(tmp_path / "made", {"train": [[record(0, species="été".encode())]]}, features)
    assert [item.label for item in source_of(tmp_path / "made", label_feature="species").items()] == ["été"]


def test_a_data_set_without_class_label_has_no_labels(tmp_path):
    write_theirs(tmp_path / "made", {"train": [[record(0)]]}, {"image": image_feature(), "species": TEXT})
    assert [item.label for item in source_of(tmp_path / "made").items()] == [None]


def test_nested_features_are_no_choice(tmp_path):
    inner = {"featuresDict": {"features": {"crop": image_feature(), "label": LABEL}}}
    objects = {"pythonClassName": f"{FEATURES}.sequence_feature.Sequence", "sequence": {"feature": inner}}
    write_theirs(tmp_path / "made", {"train": [[record(0)]]}, {"photo": image_feature(), "objects": objects})
    assert source_of(tmp_path / "made").features.image == "photo"


def test_features_in_the_older_form(theirs):
    features = {"image": image_feature(), "label": LABEL}
    old = {name: {"type": value["pythonClassName"], "content": {"dtype": "uint8"}} for name, value in features.items()}
    (theirs / "features.json").write_text(json.dumps({"type": f"{FEATURES}.FeaturesDict", "content": old}))
    assert [item.label for item in source_of(theirs).items()] == ["cat", "dog", "cat", "dog"]


@pytest.mark.parametrize(
    ("features", "chosen", "sentence"),
    [
        (
            {"left": image_feature(), "right": image_feature()},
            {},
            "has several features of type Image; set image_feature to one of left, right",
        ),
        (
            {"image": image_feature(), "fine": LABEL, "coarse": LABEL},
            {},
            "has several features of type ClassLabel; set label_feature to one of coarse, fine",
        ),
        ({"text": TEXT}, {}, "has no image feature beside text (Text); give a data set of images"),
        (
            {"image": image_feature(), "raw": TENSOR},
            {"image_feature": "raw"},
            "the image feature 'raw' is of type Tensor; only encoded images (type Image) are read, here image (Image)",
        ),
        (
            {"image": image_feature()},
            {"image_feature": "photo"},
            "the image feature 'photo' is not there; only encoded images (type Image) are read, here image (Image)",
        ),
        (
            {"depth": image_feature("float32")},
            {},
            "the image feature 'depth' is float32; images of uint8 or uint16 are read",
        ),
        (
            {"image": image_feature(), "species": TEXT},
            {"label_feature": "kind"},
            "got label_feature 'kind'; this data set has species (Text)",
        ),
    ],
)
def test_features_that_cannot_be_read_are_refused(tmp_path, features, chosen, sentence):
    folder = write_theirs(tmp_path / "made", {"train": [[record(0)]]}, features)
    with pytest.raises(BadInput, match=f"^{re.escape(f'{folder}/features.json: {sentence}')}$"):
        source_of(folder, **chosen)


def test_features_can_be_chosen(tmp_path):
    features = {"left": image_feature(), "right": image_feature(), "fine": LABEL, "coarse": LABEL}
    folder = write_theirs(
        tmp_path / "made", {"train": [[{"left": b"l", "right": b"r", "fine": 5, "coarse": 1}]]}, features
    )
    source = source_of(folder, image_feature="right", label_feature="fine")
    assert [(item.label, source.read(item.member)) for item in source.items()] == [("5", b"r")]


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        (
            {"fileFormat": "array_record"},
            "its file format is array_record, only tfrecord is read; prepare it again with file_format='tfrecord'",
        ),
        (
            {"splits": [{"name": "train", "shardLengths": ["1"], "filepathTemplate": "../{SPLIT}"}]},
            "names the shard '../train', which leads out of the folder; prepare it again",
        ),
        (
            {"splits": [{"shardLengths": ["1"]}]},
            "does not describe its splits as TFDS does (KeyError('name')); prepare it again",
        ),
        (
            {"splits": [{"name": "train", "shardLengths": ["n"]}]},
            "does not describe its splits as TFDS does (ValueError(\"invalid literal for int() with base 10: 'n'\")); "
            "prepare it again",
        ),
    ],
)
def test_descriptions_that_cannot_be_used_are_refused(tmp_path, info, sentence):
    folder = write_theirs(tmp_path / "made", {"train": [[record(0)]]}, info=info)
    with pytest.raises(BadInput, match=f"^{re.escape(f'{folder}/dataset_info.json: {sentence}')}$"):
        source_of(folder)


def test_names_of_shards_in_another_form(tmp_path):
    split = {"name": "train", "shard_lengths": [1], "filepath_template": "{SPLIT}-{SHARD_INDEX}.{FILEFORMAT}"}
    folder = write_theirs(tmp_path / "made", {}, info={"file_format": "tfrecord", "splits": [split]})
    write_tfrecord(folder / "train-00000.tfrecord", [encode_example(record(0))])
    assert source_of(folder).read("train/00000000") == b"image 0"


def test_a_missing_shard_is_named(theirs):
    path = theirs / "made-val.tfrecord-00000-of-00001"
    path.unlink()
    sentence = f"{path}: a shard that cannot be opened (No such file or directory); copy the data set again"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source_of(theirs)


def test_a_pipe_is_no_shard(theirs):
    path = theirs / "made-val.tfrecord-00000-of-00001"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(
        BadInput, match=re.escape(f"{path}: a shard that is not a regular file; copy the data set again")
    ):
        source_of(theirs)


def test_a_folder_that_was_not_finished_is_refused(theirs):
    (theirs / "dataset_info.json").unlink()
    sentence = f"{theirs}: dataset_info.json is missing, so that it was not written to the end; prepare it again"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source_of(theirs)


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_a_damaged_record_costs_itself_only(theirs):
    flip(theirs / "made-train.tfrecord-00000-of-00002", 20)
    source = source_of(theirs)
    items = list(source.items())
    assert [(item.member, item.problem) for item in items[:2]] == [
        ("train/00000000", "unreadable_file"),
        ("train/00000001", None),
    ]
    sentence = (
        "made-train.tfrecord-00000-of-00002: the record at byte 12 does not have its checksum; copy the file again "
        "or write the shards again"
    )
    assert items[0].detail == sentence
    with pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        source.read("train/00000000")


def test_a_damaged_length_stops_the_listing(theirs):
    flip(theirs / "made-train.tfrecord-00001-of-00002", 0)
    source = source_of(theirs)
    sentence = (
        f"{theirs}/made-train.tfrecord-00001-of-00002: record 0 (at byte 0) has a damaged length, so that no record "
        "after it can be found; copy the file again or write the shards again"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        list(source.items())


def test_a_shard_with_too_few_records_stops_the_listing(theirs):
    path = theirs / "made-train.tfrecord-00000-of-00002"
    path.write_bytes(frame(encode_example(record(0))))
    sentence = f"{path}: has 1 records, its description says 2; copy the data set again"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        list(source_of(theirs).items())


def test_what_is_no_example_has_a_problem(tmp_path):
    folder = write_theirs(tmp_path / "made", {"train": [[b"\x0a\x05nope", record(1)]]})
    items = list(source_of(folder).items())
    assert [item.problem for item in items] == ["unreadable_file", None]
    assert items[0].detail == (
        "made-train.tfrecord-00000-of-00001: the record at byte 12 is not a tf.train.Example (cut off); "
        "copy the file again or write the shards again"
    )


@pytest.mark.parametrize("image", [{}, {"image": b""}, {"image": [b"a", b"b"]}, {"image": 7}])
def test_a_record_without_one_image_has_a_problem(tmp_path, image):
    folder = write_theirs(tmp_path / "made", {"train": [[{"label": 1, **image}]]})
    source = source_of(folder)
    assert [(item.problem, item.label) for item in source.items()] == [("no_image", "dog")]
    with pytest.raises(
        OSError, match=re.escape("made: no record 'train/00000000' with an image; list the source again")
    ):
        source.read("train/00000000")


@pytest.mark.parametrize(
    "member", ["train/00000003", "test/00000000", "train", "", "train/-1", "train/x", f"train/{'9' * 30}", "../train/0"]
)
def test_an_unknown_member_is_an_error_of_the_system(theirs, member):
    with pytest.raises(OSError, match=re.escape(f"no record {member!r} with an image; list the source again")):
        source_of(theirs).read(member)


def test_the_licence_of_the_data_set(tmp_path):
    folder = write_theirs(tmp_path / "a", {"train": [[record(0)]]}, info={"redistributionInfo": {"license": "CC0-1.0"}})
    assert [item.licence for item in source_of(folder).items()] == ["CC0-1.0"]
    long = {"redistributionInfo": {"license": "All rights\nreserved"}}
    folder = write_theirs(tmp_path / "b", {"train": [[record(0)]]}, info=long)
    assert [item.licence for item in source_of(folder).items()] == [None]


def test_the_identity_changes_with_files_and_settings(theirs):
    first = source_of(theirs).identity()
    assert source_of(theirs).identity() == first
    assert source_of(theirs, splits=["val"]).identity() != first
    (theirs / "label.labels.txt").write_text("cat\nwolf\n")
    second = source_of(theirs).identity()
    assert second != first
    flip(theirs / "made-train.tfrecord-00001-of-00002", 15)
    assert source_of(theirs).identity() != second


def test_a_source_can_be_sent_to_a_worker(theirs):
    copy = pickle.loads(pickle.dumps(source_of(theirs)))
    assert copy.read("train/00000001") == b"image 1"


KEYS = st.sampled_from(["name", "splits", "shardLengths", "featuresDict", "features", "image", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.text(max_size=8) | st.sampled_from(["Image", "train"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "splits", "shardLengths", "featuresDict", "features", "image", "x"]), inner
        )
    ),
    max_leaves=8,
)


@given(JSON, JSON)
@settings(max_examples=60)
def test_any_description_is_read_or_refused(info, features):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "dataset_info.json").write_text(json.dumps(info))
        (folder / "features.json").write_text(json.dumps(features))
        try:
            source_of(folder)
        except BadInput:
            return


@given(st.lists(st.binary(max_size=40), max_size=5))
@settings(max_examples=40)
def test_any_records_are_listed_once_each(payloads):
    with tempfile.TemporaryDirectory() as folder:
        source = source_of(write_theirs(Path(folder) / "made", {"train": [payloads]}))
        assert [item.member for item in source.items()] == [f"train/{row:08d}" for row in range(len(payloads))]


# What this project published.


@pytest.fixture
def ours(build_dataset, make_images):
    images = make_images(9, (8, 8, 1))
    return build_dataset("digits", {"train": images[:6], "test": images[6:]})


def test_members_of_our_own_versions_are_ids(ours):
    items = list(source_of(ours).items())
    assert [item.member for item in items] == [
        *(f"test/test/ü{number}.png#0" for number in range(3)),
        *(f"train/train/ü{number}.png#0" for number in range(6)),
    ]
    assert {item.problem for item in items} == {None}
    assert [(item.label, item.split, item.licence) for item in items[4:6]] == [
        ("été", "train", "CC0-1.0"),
        ("t-shirt", "train", "CC0-1.0"),
    ]


def test_images_of_our_own_versions_are_read_by_id(ours, make_images):
    source = source_of(ours)
    images = [decode_image(source.read(item.member)) for item in source.items()]
    assert [int(image[0, 0, 0]) for image in images] == [6, 7, 8, 0, 1, 2, 3, 4, 5]


def test_latest_is_followed(ours):
    newer = ours.parent / "1.1.0"
    shutil.copytree(ours, newer)
    assert source_of(ours.parent).version.folder == ours
    (ours.parent / "latest").write_text("1.1.0\n")
    assert source_of(ours.parent).version.folder == newer


def test_shards_that_are_not_published_yet_are_read(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(2, (8, 8, 1))}, version=None)
    assert len(list(source_of(folder).items())) == 2


@pytest.mark.parametrize("kind", [Kind.AUGMENTED, Kind.SYNTHETIC])
def test_augmented_and_synthetic_images_are_not_wanted(build_dataset, make_images, kind):
    folder = build_dataset("digits", {"train": make_images(2, (8, 8, 1))}, kind=kind)
    assert [item.problem for item in source_of(folder).items()] == ["not_real", "not_real"]


def rewrite_train(ours, ids):
    """Replace the only train shard by records of these ids."""
    path = ours / "digits-train.tfrecord-00000-of-00001"
    records = [ImageRecord(image=b"image %d" % row, id=text, kind=Kind.REAL, label=0) for row, text in enumerate(ids)]
    write_tfrecord(path, map(encode_record, records))


@pytest.fixture
def three(build_dataset, make_images):
    return build_dataset("digits", {"train": make_images(3, (8, 8, 1))})


def test_a_repeated_id_is_a_duplicate(three):
    rewrite_train(three, ["a/1.png#0", "a/2.png#0", "a/1.png#0"])
    source = source_of(three)
    assert [(item.member, item.problem) for item in source.items()] == [
        ("train/a/1.png#0", None),
        ("train/a/2.png#0", None),
        ("train/a/1.png#0~2", "duplicate_name"),
    ]
    assert source.read("train/a/1.png#0") == b"image 0"


def test_an_id_that_is_no_key_is_not_used(three):
    ids = ["../../etc/passwd#0", "a\nb#0", "/a#0"]
    rewrite_train(three, ids)
    source = source_of(three)
    assert [item.member for item in source.items()] == [f"train/{row:08d}" for row in range(3)]
    assert source.read("train/00000002") == b"image 2"


def test_an_id_longer_than_a_head_is_found(three):
    long = f"{'x' * 2000}#0"
    rewrite_train(three, ["a#0", long, "b#0"])
    assert source_of(three).read(f"train/{long}") == b"image 1"


def test_a_damaged_record_of_ours_costs_itself_only(three):
    rewrite_train(three, ["a#0", "b#0", "c#0"])
    flip(three / "digits-train.tfrecord-00000-of-00001", 20)
    source = source_of(three)
    found = [(item.member, item.problem) for item in source.items()]
    assert found == [("train/00000000", "unreadable_file"), ("train/b#0", None), ("train/c#0", None)]
    assert source.read("train/c#0") == b"image 2"


def test_the_manifest_beside_the_shards_says_more(three):
    rewrite_train(three, ["pets/a/1.png#0", "pets/2.png#0", "other#0"])
    row = {"source": "pets", "frame": 0, "kind": "real", "status": "kept"}
    rows = [
        {
            **row,
            "member": "2.png",
            "group": "anna",
            "licence": "CC-BY-4.0",
            "origin": "zip:p.zip!/2.png",
            "caption": "c",
        },
        {**row, "member": "a/1.png"},
    ]
    write_table(table_of(rows), three / MANIFEST_FILE)
    found = [(item.group, item.licence, item.origin, item.caption) for item in source_of(three).items()]
    place = "tfrecord:digits-train.tfrecord-00000-of-00001"
    assert found == [
        (None, "CC0-1.0", f"{place}#0", None),
        ("anna", "CC-BY-4.0", "zip:p.zip!/2.png", "c"),
        (None, "CC0-1.0", f"{place}#2", None),
    ]


# What TFDS itself writes.

WRITER = """
import os, sys
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
from pathlib import Path
import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import dataset_info, example_serializer, naming, splits, writer

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
features = tfds.features.FeaturesDict({
    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="png"),
    "label": tfds.features.ClassLabel(names=["cat", "été"]),
    "objects": tfds.features.Sequence(
        {"label": tfds.features.ClassLabel(num_classes=4), "crop": tfds.features.Image()}
    ),
    "weight": np.float32,
})
identity = dataset_info.DatasetIdentity(
    name="made", version=tfds.core.Version("2.10.0"), data_dir=str(folder), module_name="made"
)
info = tfds.core.DatasetInfo(builder=identity, features=features, license="CC0-1.0")
found = []
for split, count in (("train", 5), ("val", 2)):
    template = naming.ShardedFileTemplate(
        dataset_name="made", data_dir=folder, split=split, filetype_suffix="tfrecord"
    )
    serializer = example_serializer.ExampleSerializer(features.get_serialized_info())
    shards = writer.Writer(
        example_writer=writer.ExampleWriter(file_format=tfds.core.FileFormat.TFRECORD), serializer=serializer,
        filename_template=template, hash_salt=split, disable_shuffling=True,
    )
    for number in range(count):
        image = np.full((4 + number, 5, 3), 10 * number, np.uint8)
        crop = {"label": 1, "crop": image}
        example = {"image": image, "label": number % 3 - 1, "objects": [crop, crop], "weight": 0.5}
        shards.write(number, features.encode_example(example))
    lengths, size = shards.finalize()
    found.append(splits.SplitInfo(name=split, shard_lengths=lengths, num_bytes=size, filename_template=template))
info.set_splits(splits.SplitDict(found))
info.write_to_directory(folder)
"""


def test_what_tfds_writes_is_read(tmp_path, bare_python):
    folder = tmp_path / "made" / "2.10.0"
    done = subprocess.run([str(bare_python), "-I", "-c", WRITER, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    source = source_of(tmp_path / "made")
    items = list(source.items())
    assert [(item.split, item.label, item.licence, item.problem) for item in items] == [
        *(("train", label, "CC0-1.0", None) for label in (None, "cat", "été", None, "cat")),
        *(("validation", label, "CC0-1.0", None) for label in (None, "cat")),
    ]
    images = [decode_image(source.read(item.member)) for item in items]
    assert [(image.shape, int(image.max())) for image in images] == [
        ((4 + number, 5, 3), 10 * number) for number in (*range(5), *range(2))
    ]
