"""What `kind: auto` takes real data of every format for, and what it leaves to the user to say."""

import hashlib
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.errors import BadInput
from datasets.image_codec import encode_image
from datasets.sources import open_source, source_settings
from datasets.sources.auto import AutoSettings, Unfetched, detected
from datasets.sources.cifar import Cifar
from datasets.sources.files import FlatFolder, FolderPerClass
from datasets.sources.idx import Idx
from datasets.sources.image_table import ImageTable
from datasets.sources.tfds import Tfds
from datasets.sources.webdataset import WebDataset
from datasets.tfds_layout import Index, Normalise, ShardEntry, ShardFeatures, write_index
from datasets.tfrecord import write_tfrecord
from tasks.progress import silent

PNG = encode_image(np.zeros((2, 2, 1), np.uint8), "png")


def opened(path, cache=Path("not-needed"), **values):
    return open_source(source_settings(path=path, **values), cache).inner


def files(root, *members):
    for member in members:
        path = root / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    return root


def idx_folder(root):
    root.mkdir()
    (root / "train-images-idx3-ubyte").write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 2) + bytes(8))
    (root / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 2) + bytes(2))
    return root


def cifar_folder(root):
    root.mkdir()
    (root / "batches.meta").write_bytes(pickle.dumps({"label_names": ["cat", "dog"]}))
    batch = {b"labels": [0, 1], b"data": np.zeros((2, 3072), np.uint8), b"filenames": [b"a.png", b"b.png"]}
    (root / "data_batch_1").write_bytes(pickle.dumps(batch, 2))
    (root / "test_batch").write_bytes(pickle.dumps(batch, 2))
    return root


def cifar_100_folder(root):
    root.mkdir()
    (root / "meta").write_bytes(pickle.dumps({"fine_label_names": ["cat"], "coarse_label_names": ["living"]}))
    batch = {b"fine_labels": [0], b"coarse_labels": [0], b"data": np.zeros((1, 3072), np.uint8)}
    for name in ("train", "test"):
        (root / name).write_bytes(pickle.dumps(batch, 2))
    return root


def tfds_folder(root):
    root.mkdir(parents=True)
    feature = {
        "pythonClassName": "tensorflow_datasets.core.features.image_feature.Image",
        "image": {"dtype": "uint8"},
    }
    (root / "features.json").write_text(json.dumps({"featuresDict": {"features": {"image": feature}}}))
    splits = [{"name": "train", "shardLengths": ["0"]}]
    (root / "dataset_info.json").write_text(json.dumps({"name": "made", "version": "1.0.0", "splits": splits}))
    write_tfrecord(root / "made-train.tfrecord-00000-of-00001", iter([]))
    return root


def tar(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, payload in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(payload)
            archive.addfile(header, io.BytesIO(payload))
    return path


def tar_of_folder(path, folder, name, mode="w"):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, name)
    return path


def zipped(path, *members):
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, PNG)
    return path


def table(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": [PNG, PNG], "label": ["cat", "dog"]}), path)
    return path


SAMPLES = {"1.png": PNG, "1.cls": b"0", "2.png": PNG, "2.cls": b"1"}
CLASSES = {"cat/1.png": PNG, "dog/1.png": PNG}

MAKERS = {
    "idx": (lambda root: idx_folder(root / "mnist"), Idx),
    "cifar-10": (lambda root: cifar_folder(root / "cifar"), Cifar),
    "cifar-10 in a tar": (
        lambda root: tar_of_folder(root / "cifar.tar", cifar_folder(root / "cifar"), "cifar-10-batches-py"),
        Cifar,
    ),
    "folder of the unpacked cifar-10": (lambda root: cifar_folder(root / "cifar-10-batches-py").parent, Cifar),
    "cifar-100": (lambda root: cifar_100_folder(root / "cifar"), Cifar),
    "a version of tfds": (lambda root: tfds_folder(root / "made" / "1.0.0"), Tfds),
    "one shard of samples": (lambda root: tar(root / "pets.tar", SAMPLES), WebDataset),
    "folder of shards": (
        lambda root: tar(root / "pets-000.tar", SAMPLES) and tar(root / "pets-001.tar", SAMPLES).parent,
        WebDataset,
    ),
    "tar of class folders": (lambda root: tar(root / "pets.tar", CLASSES), FolderPerClass),
    "tar of images": (lambda root: tar(root / "pets.tar", {"1.png": PNG}), FlatFolder),
    "tar without its ending": (lambda root: tar(root / "pets", CLASSES), FolderPerClass),
    "one table": (lambda root: table(root / "pets.parquet"), ImageTable),
    "a table without its ending": (lambda root: table(root / "pets"), ImageTable),
    "folder of tables": (lambda root: table(root / "pets" / "train-0.parquet").parent, ImageTable),
    "zip of class folders": (lambda root: zipped(root / "pets.zip", "cat/1.png", "dog/2.png"), FolderPerClass),
    "zip of images": (lambda root: zipped(root / "pets.zip", "1.png", "__MACOSX/._1.png"), FlatFolder),
    "folder in a zip": (
        lambda root: zipped(root / "pets.zip", "pets/cat/1.png", "pets/dog/2.png").with_name("pets.zip!") / "pets",
        FolderPerClass,
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_data_are_taken_for_what_they_are(tmp_path, name):
    make, expected = MAKERS[name]
    assert type(opened(make(tmp_path), tmp_path / "cache")) is expected


def test_a_published_version_of_ours_is_read_as_such(tmp_path):
    version = tfds_folder(tmp_path / "pets" / "1.0.0")
    shard = ShardEntry("made-train.tfrecord-00000-of-00001", 0, 0, hashlib.sha256(b"").hexdigest())
    index = Index(
        name="pets",
        version="1.0.0",
        content_digest="0" * 64,
        features=ShardFeatures(2, 2, 1, "png", None),
        normalise=Normalise((0.5,), (0.5,)),
        splits={"train": (shard,)},
    )
    write_index(version, index)
    (tmp_path / "pets" / "latest").write_text("1.0.0")
    source = opened(tmp_path / "pets")
    assert (type(source), source.version.folder) == (Tfds, version)


def test_the_labels_of_a_zip_are_its_folders(tmp_path):
    items = list(opened(zipped(tmp_path / "pets.zip", "cat/1.png", "dog/2.png")).items())
    assert [(item.member, item.label) for item in items] == [("cat/1.png", "cat"), ("dog/2.png", "dog")]


@pytest.mark.parametrize(
    ("members", "expected"),
    [(CLASSES, FolderPerClass), ({"1.png": PNG}, FlatFolder), (SAMPLES, WebDataset)],
    ids=["class folders", "images", "samples"],
)
def test_a_compressed_archive_is_fetched_before_it_is_known(tmp_path, members, expected):
    path, cache = tar(tmp_path / "pets.tar.gz", members, "w:gz"), tmp_path / "cache"
    before = opened(path, cache)
    assert (type(before), before.is_fetched) == (Unfetched, False)
    before.fetch(silent)
    opened(path, cache).fetch(silent)  # shards of samples are fetched in a way of their own
    after = opened(path, cache)
    assert (type(after), after.is_fetched) == (expected, True)
    assert [after.read(item.member) for item in after.items()] == [PNG] * sum(name.endswith("png") for name in members)


def test_a_compressed_cifar_is_fetched_before_it_is_known(tmp_path):
    folder = cifar_folder(tmp_path / "cifar")
    path, cache = tar_of_folder(tmp_path / "c.tar.gz", folder, "cifar-10-batches-py", "w:gz"), tmp_path / "cache"
    opened(path, cache).fetch(silent)
    assert [item.label for item in opened(path, cache).items()] == ["cat", "dog", "cat", "dog"]


def test_what_is_not_fetched_can_be_neither_listed_nor_read(tmp_path):
    source = opened(tar(tmp_path / "pets.tar.gz", CLASSES, "w:gz"), tmp_path / "cache")
    with pytest.raises(RuntimeError, match=r"^pets is listed before it was fetched$"):
        source.items()
    with pytest.raises(OSError, match=r"^cat/1.png: pets is not fetched yet$"):
        source.read("cat/1.png")


def test_opening_fetches_and_writes_nothing(tmp_path):
    path = tar(tmp_path / "pets.tar.gz", CLASSES, "w:gz")
    opened(path, tmp_path / "cache")
    assert [entry.name for entry in tmp_path.iterdir()] == ["pets.tar.gz"]


def test_what_every_source_is_told_is_handed_on(tmp_path):
    told = {"name": "animals", "licence": "MIT", "labels": {"cat": "feline"}, "limit": 3, "weight": 2.0}
    found = detected(AutoSettings(path=files(tmp_path, "cat/1.png"), **told), tmp_path)
    assert {name: getattr(found, name) for name in told} == told


@pytest.mark.parametrize("name", ["idx", "one table", "one shard of samples", "zip of images"])
def test_what_is_detected_is_the_same_when_it_is_written_down(tmp_path, name):
    path = MAKERS[name][0](tmp_path)
    found = detected(AutoSettings(path=path), tmp_path)
    written_down = source_settings(**found.model_dump(exclude_defaults=True))
    assert written_down == found
    assert open_source(written_down, tmp_path).inner == opened(path, tmp_path)


def refusal(path):
    with pytest.raises(BadInput) as caught:
        opened(path)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("name", ["labels.csv", "metadata.jsonl", "train.parquet", "LABELS.TSV"])
def test_images_and_a_table_beside_them_are_left_to_the_user(tmp_path, name):
    assert refusal(files(tmp_path, "1.png", name)) == (
        f"images and a table beside them ({name}); set kind to label_table (table: {name}) or flat_folder (no labels)"
    )


def test_folders_and_a_table_beside_them_are_left_to_the_user(tmp_path):
    assert refusal(files(tmp_path, "images/1.png", "labels.csv")) == (
        "folders (images) and a table beside them (labels.csv); set kind to label_table (table: labels.csv), "
        "folder_per_class (labels images) or flat_folder (no labels)"
    )


@pytest.mark.parametrize("folders", [("test", "train"), ("train", "val"), ("Training",)])
def test_folders_named_like_splits_are_no_labels(tmp_path, folders):
    files(tmp_path, *(f"{folder}/1.png" for folder in folders))
    shown = ", ".join(sorted(folders))
    assert refusal(tmp_path) == (
        f"its folders ({shown}) are named like splits, not like labels; set kind to label_pattern (pattern: "
        f"'{{split}}/**'), folder_per_class (labels {shown}) or flat_folder (no labels)"
    )


def test_the_pattern_for_splits_that_is_given_works(tmp_path):
    files(tmp_path, "train/1.png", "val/deeper/2.png")
    source = opened(tmp_path, kind="label_pattern", pattern="{split}/**")
    assert [(item.split, item.problem) for item in source.items()] == [
        ("train", None),
        ("val", None),
    ]  # Adapted maps it


def test_a_class_that_is_called_train_is_one(tmp_path):
    files(tmp_path, "car/1.png", "plane/1.png", "train/1.png")
    assert [item.label for item in opened(tmp_path).items()] == ["car", "plane", "train"]


def test_of_an_archive_with_one_folder_the_path_to_give_is_named(tmp_path):
    path = zipped(tmp_path / "pets.zip", "pets/cat/1.png", "pets/dog/1.png")
    assert refusal(path) == (
        f"its folders (pets) hold only folders; give one of them as path ({path}!/pets), or set kind to label_pattern "
        "(say where in the path split and label stand), folder_per_class (labels pets) or flat_folder (no labels)"
    )
    assert [item.label for item in opened(f"{path}!/pets").items()] == ["cat", "dog"]


def test_an_archive_without_files(tmp_path):
    path = zipped(tmp_path / "pets.zip")
    assert refusal(path) == "no files in it (hidden ones do not count); give what holds images"


@pytest.mark.skipif("AUGMENT_DATASET_TEST_DATA" not in os.environ, reason="AUGMENT_DATASET_TEST_DATA is not set")
def test_a_real_folder_of_idx_files():
    source = opened(Path(os.environ["AUGMENT_DATASET_TEST_DATA"]) / "fashion-mnist")
    assert (type(source), [part.prefix for part in source.parts]) == (Idx, ["t10k", "train"])
