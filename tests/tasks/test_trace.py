"""Traces on small real published versions."""

import json
import re
import shutil

import cv2
import numpy as np
import pytest
import simplejpeg

from datasets.errors import BadInput
from datasets.image_codec import decode_image
from datasets.manifest import MANIFEST_FILE, read_table, with_columns, write_table
from datasets.tfds_layout import Index as DatasetIndex
from datasets.tfds_layout import Normalise, ShardFeatures, write_index
from tasks.augment import augment
from tasks.curate import CurateSettings
from tasks.gate_data import DataGateSettings, gate_data
from tasks.imaging.augmentation import AugmentationSettings
from tasks.publish import PublishSettings, publish_real
from tasks.published_versions import latest
from tasks.shard import ShardSettings, shard_real
from tasks.trace import Learned, trace, wanted_of


@pytest.fixture
def publish(workbench):
    """publish(folder) -> the published version's folder, with two augmented copies per training image."""

    def run(folder, **settings):
        workbench.prepare(folder, **settings)
        workbench.run("augment", augment, AugmentationSettings(preset="light", variants_per_image=2), "split")
        workbench.run("shard", shard_real, ShardSettings(), "split", "augment")
        workbench.run("gate_data", gate_data, DataGateSettings(), "curate", "split", "shard")
        workbench.run("publish_data", publish_real, PublishSettings(), "shard", "gate_data")
        return latest(workbench.published / "tiny").path

    return run


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Where the first test leaves tiny 1.0.0 for the others."""
    return tmp_path_factory.mktemp("once") / "published"


@pytest.fixture
def version(request, once, tmp_path):
    """The folder of tiny 1.0.0, made of `class_folders`; for each test a copy of its own."""
    if not once.exists():
        folder = request.getfixturevalue("class_folders")
        shutil.copytree(request.getfixturevalue("publish")(folder).parent.parent, once)
        shutil.rmtree(tmp_path / "published")
    shutil.copytree(once, tmp_path / "published")
    return tmp_path / "published" / "tiny" / "1.0.0"


def rows_of(version, **wanted):
    rows = read_table(version / MANIFEST_FILE).to_pylist()
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def find(version, what):
    return trace(version.parent.parent, wanted_of(str(what)))


def learn(version, name="tiny_synthetic", **real):
    """A synthetic version that says what it was learned from, with the real one's manifest."""
    digest = json.loads((version / "index.json").read_text())["content_digest"]
    folder = version.parent.parent / name / "1.0.0"
    shutil.copytree(version, folder)
    index = DatasetIndex(
        name=name,
        version="1.0.0",
        content_digest="synthetic",
        features=ShardFeatures(16, 16, 1, "png", None),
        normalise=Normalise((0.5,), (0.5,)),
        splits={},
        lineage={"kind": "synthetic", "real": {"name": "tiny", "content_digest": digest} | real},
    )
    write_index(folder, index)
    manifest = read_table(folder / MANIFEST_FILE)
    write_table(manifest.slice(0, 0), folder / MANIFEST_FILE)
    return folder


def test_an_image_of_the_training_split_with_its_copies(version, class_folders):
    row = rows_of(version, split="train")[0]
    found = find(version, class_folders / row["member"])
    (appearance,) = found.appearances
    assert (appearance.dataset, appearance.version, appearance.by) == ("tiny", "1.0.0", "bytes")
    assert appearance.id == f"source/{row['member']}#0"
    assert (appearance.split, appearance.status, appearance.label) == ("train", "kept", row["label"])
    assert appearance.copies == 2
    assert found.exclusions == (row["sha256"], row["pixel_sha256"])


def test_an_image_of_the_test_split_has_no_copies(version):
    row = rows_of(version, split="test")[0]
    (appearance,) = find(version, row["sha256"]).appearances
    assert (appearance.split, appearance.copies) == ("test", 0)


@pytest.mark.parametrize("name", ["sha256", "pixel_sha256"])
def test_the_first_digits_are_enough(version, name):
    row = rows_of(version, split="validation")[0]
    found = find(version, row[name][:12].upper())
    assert [entry.id for entry in found.appearances] == [f"source/{row['member']}#0"]
    assert found.hashes == (row[name],)


def test_the_same_pixels_in_another_file_are_found(version, class_folders, tmp_path):
    row = rows_of(version, split="train")[0]
    image = decode_image((class_folders / row["member"]).read_bytes())
    cv2.imwrite(str(tmp_path / "again.bmp"), image)
    found = find(version, tmp_path / "again.bmp")
    assert [(entry.sha256, entry.by) for entry in found.appearances] == [(row["sha256"], "pixels")]


def test_a_large_jpeg_is_found_by_the_pixels_it_was_decoded_to(publish, class_folders, tmp_path):
    image = np.kron(np.random.default_rng(1).integers(0, 255, (20, 20)), np.ones((8, 8))).astype(np.uint8)[..., None]
    payload = simplejpeg.encode_jpeg(image, colorspace="GRAY", colorsubsampling="Gray")
    (class_folders / "left" / "large.jpg").write_bytes(payload)
    version = publish(class_folders)
    (tmp_path / "commented.jpg").write_bytes(payload[:2] + b"\xff\xfe\x00\x06note" + payload[2:])
    (appearance,) = find(version, tmp_path / "commented.jpg").appearances
    assert (appearance.id, appearance.by) == ("source/left/large.jpg#0", "pixels")


def test_a_rejected_copy_leads_to_the_one_that_is_used(publish, class_folders):
    first = class_folders / "left" / "00.png"
    image = decode_image(first.read_bytes())
    payload = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    (class_folders / "left" / "copy.png").write_bytes(payload)
    version = publish(class_folders)
    (row,) = rows_of(version, member="left/copy.png")
    found = find(version, row["sha256"])
    assert [(entry.id, entry.is_used, entry.by) for entry in found.appearances] == [
        ("source/left/00.png#0", True, "pixels"),
        ("source/left/copy.png#0", False, "bytes"),
    ]
    assert found.appearances[1].detail == "same pixels as source/left/00.png#0"


def test_an_image_that_is_nowhere(version, tmp_path, blob_image):
    cv2.imwrite(str(tmp_path / "other.png"), blob_image(3, 99))
    found = find(version, tmp_path / "other.png")
    assert (found.appearances, found.learned, found.versions) == ((), (), 1)
    assert found.exclusions == found.hashes
    assert len(found.hashes) == 2


def test_a_file_that_is_no_image_has_only_bytes(version, tmp_path):
    (tmp_path / "note.txt").write_text("no image")
    assert len(find(version, tmp_path / "note.txt").hashes) == 1


def test_an_excluded_image_is_in_the_old_version_only(publish, class_folders, tmp_path):
    row = rows_of(publish(class_folders), split="train")[0]
    (tmp_path / "out.txt").write_text(row["sha256"])
    version = publish(class_folders, curate=CurateSettings(exclusions=tmp_path / "out.txt"))
    found = find(version, row["sha256"])
    assert [(entry.version, entry.is_used, entry.reason) for entry in found.appearances] == [
        ("1.0.0", True, None),
        ("1.1.0", False, "excluded"),
    ]


def test_an_augmented_copy_names_its_parent_and_is_not_for_the_list(version):
    row = rows_of(version, kind="augmented")[0]
    found = find(version, row["sha256"])
    assert [(entry.kind, entry.derived_from) for entry in found.appearances] == [("augmented", row["derived_from"])]
    assert found.exclusions == ()


def test_a_generator_that_learned_from_it_is_named(version):
    learn(version)
    found = find(version, rows_of(version, split="train")[0]["sha256"])
    assert found.learned == (
        Learned(dataset="tiny_synthetic", version="1.0.0", real_dataset="tiny", real_version="1.0.0"),
    )
    assert (found.versions, found.orphans) == (2, ())


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_generator_has_not_learned_from_held_out_images(version, split):
    learn(version)
    assert find(version, rows_of(version, split=split)[0]["sha256"]).learned == ()


def test_a_generator_of_another_version_has_not_learned_from_it(publish, class_folders):
    row = rows_of(publish(class_folders), split="train")[0]
    (class_folders / row["member"]).unlink()
    later = publish(class_folders)
    learn(later)
    found = find(later, row["sha256"])
    assert [entry.version for entry in found.appearances] == ["1.0.0"]
    assert found.learned == ()


def test_a_generator_of_a_version_that_is_gone_is_said_to_be_unknown(version):
    learn(version, content_digest="gone")
    found = find(version, rows_of(version, split="train")[0]["sha256"])
    assert (found.learned, found.orphans) == ((), ("tiny_synthetic 1.0.0",))


@pytest.mark.parametrize("name", ["index.json", "manifest.parquet", "dataset_info.json"])
def test_a_damaged_version_is_named_and_the_others_are_looked_into(version, name):
    row = rows_of(version, split="train")[0]
    broken = version.with_name("1.1.0")
    shutil.copytree(version, broken)
    if name == "dataset_info.json":
        (broken / name).unlink()
    else:
        (broken / name).write_bytes(b"{")
    found = find(version, row["sha256"])
    assert [entry.version for entry in found.appearances] == ["1.0.0"]
    assert list(found.skipped) == ["tiny/1.1.0"]
    assert str(broken) in found.skipped["tiny/1.1.0"]


def test_versions_come_in_their_order(version):
    for name in ("1.10.0", "1.2.0"):
        shutil.copytree(version, version.with_name(name))
    found = find(version, rows_of(version, split="train")[0]["sha256"])
    assert [entry.version for entry in found.appearances] == ["1.0.0", "1.2.0", "1.10.0"]


def test_digits_that_fit_several_images_are_refused(version):
    table = read_table(version / MANIFEST_FILE)
    alike = [f"{'ab' * 6}{number:052x}" for number in range(len(table))]
    write_table(with_columns(table, sha256=alike), version / MANIFEST_FILE)
    shown = ", ".join(alike[:10])
    sentence = (
        f"{'ab' * 6} is the beginning of {len(table)} hashes: {shown} and {len(table) - 10} more; give more digits"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        find(version, "ab" * 6)


@pytest.mark.parametrize(
    ("text", "what"),
    [("0123456789a", "no such file, and no hash"), ("cat.png", "no such file, and no hash"), (".", "a folder")],
)
def test_what_is_neither_a_file_nor_a_hash_is_refused(text, what):
    sentence = (
        f"{text}: {what}; give the file of one image, or the sha256 of its bytes or pixels, of a record or of a shard, "
        "of which the first 12 hex digits are enough"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_of(text)


def test_a_folder_without_data_sets_is_refused(tmp_path):
    sentence = f"{tmp_path} holds no published data set; name the folder with --published"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        trace(tmp_path, wanted_of("a" * 64))


def test_the_folder_of_one_data_set_is_refused(version):
    sentence = f"{version.parent} is one data set; give the folder above it, in which all data sets are"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        trace(version.parent, wanted_of("a" * 64))
