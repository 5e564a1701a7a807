"""What is exported is read back by our own sources: same pixels, labels and splits."""

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from datasets.errors import BadInput, FormatError
from datasets.image_codec import decode_image
from datasets.normalise import Normalise
from datasets.record_pixels import levels_of
from datasets.sources import open_source, source_settings
from datasets.tfds_layout import read_index
from datasets.tfrecord import read_tfrecord, write_tfrecord
from tasks.digests import file_digests, file_sha256
from tasks.export.export import export
from tasks.progress import silent
from tests.tasks.tiny_versions import CLASSES, SPLITS, tiny

MIB = 2**20
ROOT = Path(__file__).resolve().parents[3]
SPLIT_READ_BACK = {"train_augmented": "train"}
SOURCES = {
    "parquet": {"kind": "image_table"},
    "webdataset": {"kind": "webdataset", "class_names": CLASSES},
}


@pytest.fixture
def folder(tmp_path):
    return tiny().write(tmp_path / "tiny" / "1.0.0")


def exported(folder, out, layout, splits=(), part_bytes=MIB):
    export(folder, layout, out, splits, part_bytes, silent)
    return out


def read_back(out, layout, cache, **changes):
    source = open_source(source_settings(path=str(out / "data"), **(SOURCES[layout] | changes)), cache)
    return [(item, decode_image(source.read(item.member))) for item in source.items()]


def expected_images(version, index):
    """Pixels, label and split of every record, as a set."""
    return {
        (levels_of(record, index).tobytes(), None if record.label is None else CLASSES[record.label], split)
        for split, records in version.records.items()
        for record in records
    }


FLOATS = Normalise((0.5,) * 3, (0.25,) * 3, "standardise")
VERSIONS = [
    {"encoding": "png"},
    {"encoding": "jpeg"},
    {"encoding": "raw"},
    {"encoding": "raw", "pixels": "float32", "normalise": FLOATS},
    {"encoding": "png", "channels": 1},
]


@pytest.mark.parametrize("layout", SOURCES)
@pytest.mark.parametrize("changes", VERSIONS, ids=str)
def test_our_sources_read_back_the_same_pixels_labels_and_splits(tmp_path, changes, layout):
    version = tiny(**changes)
    folder = version.write(tmp_path / "tiny" / "1.0.0")
    out = exported(folder, tmp_path / "out", layout, part_bytes=1000)
    found = {(image.tobytes(), item.label, item.split) for item, image in read_back(out, layout, tmp_path / "cache")}
    expected = {
        (pixels, label, SPLIT_READ_BACK.get(split, split))
        for pixels, label, split in expected_images(version, read_index(folder))
    }
    assert found == expected


def test_splits_are_exported_in_the_order_that_all_commands_show(tmp_path):
    names = ["fold_0", "fold_2", "fold_10", "test", "fold_2_augmented"]
    folder = tiny(splits=dict.fromkeys(sorted(names), 1)).write(tmp_path / "tiny" / "1.0.0")
    assert list(export(folder, "parquet", tmp_path / "out", (), MIB, silent)) == names


@pytest.mark.parametrize("layout", SOURCES)
def test_images_without_labels(tmp_path, layout):
    folder = tiny(class_names=None).write(tmp_path / "tiny" / "1.0.0")
    out = exported(folder, tmp_path / "out", layout)
    found = read_back(out, layout, tmp_path / "cache", class_names=None)
    assert len(found) == sum(SPLITS.values())
    assert {item.label for item, _ in found} == {None}


@pytest.mark.parametrize("layout", SOURCES)
def test_encoded_images_are_copied_as_they_are(tmp_path, folder, layout):
    out = exported(folder, tmp_path / "out", layout, ["test"])
    source = open_source(source_settings(path=str(out / "data"), **SOURCES[layout]), tmp_path / "cache")
    assert [source.read(item.member) for item in source.items()] == [r.image for r in tiny().records["test"]]


@pytest.mark.parametrize("layout", SOURCES)
def test_the_same_version_gives_the_same_bytes(tmp_path, folder, layout):
    first, second = (file_digests(exported(folder, tmp_path / name, layout)) for name in ("one", "two"))
    assert first == second


@pytest.mark.parametrize("layout", SOURCES)
def test_export_json_tells_every_file(tmp_path, folder, layout):
    out = exported(folder, tmp_path / "out", layout, part_bytes=1000)
    record = json.loads((out / "export.json").read_text())
    assert record["from"] == {
        "name": "tiny",
        "version": "1.0.0",
        "content_digest": read_index(folder).content_digest,
    }
    files = [file for split in record["splits"].values() for file in split["files"]]
    assert {file["file"]: file["sha256"] for file in files} == {
        f"data/{path.name}": file_sha256(path) for path in (out / "data").iterdir()
    }
    assert {name: sum(file["records"] for file in split["files"]) for name, split in record["splits"].items()} == SPLITS


def test_parts_are_numbered_and_keep_to_their_size(tmp_path, folder):
    out = exported(folder, tmp_path / "out", "webdataset", ["train"], part_bytes=10 * 1024)
    names = sorted(path.name for path in (out / "data").iterdir())
    assert names == [f"train-{number:05d}-of-{len(names):05d}.tar" for number in range(len(names))]
    assert len(names) > 3
    assert max(path.stat().st_size for path in (out / "data").iterdir()) <= 20 * 1024


def test_huggingface_finds_features_in_the_schema(tmp_path, folder):
    out = exported(folder, tmp_path / "out", "parquet", ["test"])
    (path,) = (out / "data").iterdir()
    schema = pq.read_schema(path)
    assert json.loads(schema.metadata[b"huggingface"]) == {
        "info": {
            "features": {
                "image": {"_type": "Image"},
                "label": {"names": list(CLASSES), "_type": "ClassLabel"},
                "id": {"dtype": "string", "_type": "Value"},
                "kind": {"dtype": "string", "_type": "Value"},
                "derived_from": {"dtype": "string", "_type": "Value"},
            }
        }
    }
    row = pq.read_table(path).to_pylist()[0]
    assert row["image"]["path"] == "test-00000000.png"
    assert (row["label"], row["kind"], row["derived_from"]) == (18 % 3, "real", "")


def test_the_card_names_the_files_of_every_split(tmp_path, folder):
    out = exported(folder, tmp_path / "out", "parquet")
    head = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
    (config,) = head["configs"]
    for entry in config["data_files"]:
        files = list(out.glob(entry["path"]))
        assert sum(pq.read_metadata(file).num_rows for file in files) == SPLITS[entry["split"]]
    assert [entry["split"] for entry in config["data_files"]] == ["train", "validation", "test", "train_augmented"]


def test_a_sample_is_three_files_in_a_row(tmp_path, folder):
    out = exported(folder, tmp_path / "out", "webdataset", ["train_augmented"])
    with tarfile.open(next((out / "data").iterdir())) as archive:
        members = archive.getmembers()
        facts = json.loads(archive.extractfile(members[1]).read())
    assert [member.name for member in members[:3]] == [
        f"train_augmented-00000000.{ending}" for ending in ("cls", "json", "png")
    ]
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
    assert facts == {
        "id": "source/21.png@augmented#0",
        "kind": "augmented",
        "derived_from": "source/0.png#0",
        "label": CLASSES[0],
    }


def refused(sentence, folder, out, layout="parquet", splits=()):
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        export(folder, layout, out, splits, MIB, silent)


def test_what_is_there_already_is_not_touched(tmp_path, folder):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    refused(f"{out}: is not an empty folder; give one that is empty or does not exist", folder, out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path, folder):
    (tmp_path / "out").mkdir()
    assert (exported(folder, tmp_path / "out", "parquet") / "export.json").is_file()


def test_an_unknown_format_is_refused(tmp_path, folder):
    sentence = "got format 'csv'; allowed are parquet and webdataset"
    refused(sentence, folder, tmp_path / "out", layout="csv")


def test_an_unknown_split_is_refused(tmp_path, folder):
    there = ", ".join(read_index(folder).splits)
    sentence = f"{folder}: got split 'dev'; this data set has {there}; join several with +"
    refused(sentence, folder, tmp_path / "out", splits=["dev"])


def test_joined_splits_are_exported_one_by_one(tmp_path, folder):
    out = tmp_path / "out"
    counts = export(folder, "parquet", out, ["train+validation", "validation", "test"], MIB, silent)
    assert counts == {name: SPLITS[name] for name in ("train", "validation", "test")}
    names = sorted(path.name for path in (out / "data").iterdir())
    assert names == [f"{name}-00000-of-00001.parquet" for name in ("test", "train", "validation")]


def test_damage_is_named_and_nothing_is_left(tmp_path, folder):
    shard = folder / "tiny-train.tfrecord-00001-of-00003"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(bytes(content))
    with pytest.raises(FormatError, match=re.escape(f"{shard}: record 0 does not have its checksum")):
        export(folder, "parquet", tmp_path / "out", (), MIB, silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]


def test_a_shard_that_was_cut_between_records_is_named_and_nothing_is_left(tmp_path, folder):
    shard = folder / "tiny-train.tfrecord-00001-of-00003"
    records = list(read_tfrecord(shard))
    write_tfrecord(shard, records[:-1])
    sentence = f"{shard}: has {len(records) - 1} records, index.json says {len(records)}; copy it again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        export(folder, "webdataset", tmp_path / "out", (), MIB, silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]


KILLED = """
import os, signal, sys
from pathlib import Path
from tasks.export import export as module

module.at_most_every = lambda interval_s, progress: progress
def progress(done, total):
    if done == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
module.export(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), (), 1000, progress)
"""


@pytest.mark.parametrize("layout", SOURCES)
def test_a_killed_export_is_not_there_and_can_be_made_again(tmp_path, folder, layout):
    out = tmp_path / "out"
    arguments = [sys.executable, "-c", KILLED, str(folder), layout, str(out), "17"]
    assert subprocess.run(arguments, cwd=ROOT).returncode == -9
    assert not out.exists()
    assert any((tmp_path / ".out.partial" / "data").iterdir())
    again = file_digests(exported(folder, out, layout, part_bytes=1000))
    assert again == file_digests(exported(folder, tmp_path / "afresh", layout, part_bytes=1000))
    assert not (tmp_path / ".out.partial").exists()


def test_two_exports_into_one_folder(tmp_path, folder):
    out = tmp_path / "out"
    sentence = f"{out}: another export writes there; wait for it, or give another folder"

    def progress(done, total):
        if done == total:
            refused(sentence, folder, out)

    export(folder, "parquet", out, (), MIB, progress)
    assert np.sum([pq.read_metadata(path).num_rows for path in (out / "data").iterdir()]) == sum(SPLITS.values())
