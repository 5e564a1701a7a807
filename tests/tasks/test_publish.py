import json
import re
import shutil

import cv2
import pytest

from datasets.errors import Refused
from datasets.image_codec import decode_image
from datasets.manifest import read_table
from datasets.sources import source_settings
from datasets.tfds_layout import Index, Normalise, ShardFeatures
from tasks.gate_data import DataGateSettings, compares_with_latest
from tasks.publish import PublishSettings, is_still_published
from tasks.published_versions import LATEST_FILE, damage, latest, versions
from tasks.publishing.version_choice import choose_version
from tasks.state import read_state
from tests.tasks.publish_runs import add_image, publish

__all__ = ["publish"]


def test_the_first_version_is_1_0_0_and_complete(workbench, class_folders, publish):
    summary = publish(class_folders)
    found = latest(workbench.published / "tiny")
    assert (summary["outcome"], found.version, damage(found)) == ("published", "1.0.0", None)
    assert {path.name for path in found.path.iterdir()} == {
        *("dataset_info.json", "features.json", "label.labels.txt", "index.json", "manifest.parquet", "gate.json"),
        *("README.md", "lineage.json", "samples"),
        *(f"tiny-{split}.tfrecord-00000-of-00001" for split in ("train", "validation", "test")),
    }


def test_publishing_the_same_again_makes_no_version(workbench, class_folders, publish):
    publish(class_folders)
    assert publish(class_folders)["outcome"] == "unchanged"
    assert versions(workbench.published / "tiny") == ["1.0.0"]


def test_more_images_give_a_new_version_and_no_image_moves(workbench, class_folders, publish):
    publish(class_folders)
    before = read_state(workbench.shared).splits
    for number in range(10):
        add_image(class_folders, f"left/new{number}.png", number)
    assert publish(class_folders)["version"] == "1.1.0"
    after = read_state(workbench.shared).splits
    assert len(after) == len(before) + 20  # by bytes and by pixels
    assert {sha256: after[sha256] for sha256 in before} == before


def test_a_new_class_gives_a_new_major_version_and_keeps_old_ids(workbench, class_folders, publish):
    publish(class_folders)
    for number in range(10):
        add_image(class_folders, f"above/{number}.png", number)
    assert publish(class_folders)["version"] == "2.0.0"
    assert read_state(workbench.shared).class_names == ("left", "right", "above")


def test_after_a_step_back_no_id_and_no_number_is_given_again(workbench, class_folders, publish):
    publish(class_folders)
    for number in range(10):
        add_image(class_folders, f"above/{number}.png", number)
    publish(class_folders)
    (workbench.published / "tiny" / LATEST_FILE).write_text("1.0.0\n")
    (class_folders / "above").rename(class_folders / "below")
    publish(class_folders)
    found = latest(workbench.published / "tiny")
    assert (found.version, found.index.features.class_names) == ("3.0.0", ("left", "right", "above", "below"))


def test_a_damaged_version_is_published_again(workbench, class_folders, publish):
    publish(class_folders)
    found = latest(workbench.published / "tiny")
    shard = found.path / "tiny-test.tfrecord-00000-of-00001"
    shard.write_bytes(shard.read_bytes()[:-1])
    folder = workbench.outputs["publish_data"]
    context = workbench.context("publish_data", "shard", "gate_data")
    assert is_still_published(PublishSettings(), context, folder) == f"{shard.name} of 1.0.0 was changed"
    assert publish(class_folders)["version"] == "1.0.1"


@pytest.mark.parametrize("name", ["features.json", "label.labels.txt", "manifest.parquet"])
def test_damage_to_any_file_that_readers_need_is_seen(workbench, class_folders, publish, name):
    publish(class_folders)
    found = latest(workbench.published / "tiny")
    (found.path / name).write_bytes((found.path / name).read_bytes() + b" ")
    context = workbench.context("publish_data", "shard", "gate_data")
    still = is_still_published(PublishSettings(), context, workbench.outputs["publish_data"])
    assert still == f"{name} of 1.0.0 was changed"
    assert publish(class_folders)["version"] == "1.0.1"


def test_a_corrected_licence_is_published(workbench, class_folders, publish):
    publish(class_folders)
    corrected = source_settings(path=class_folders, licence="CC-BY-NC-4.0")
    assert publish(class_folders, source=corrected)["version"] == "1.1.0"
    info = json.loads((workbench.published / "tiny" / "1.1.0" / "dataset_info.json").read_text())
    assert info["redistributionInfo"] == {"license": "CC-BY-NC-4.0"}


def splits_by_pixels(workbench):
    table = read_table(latest(workbench.published / "tiny").path / "manifest.parquet")
    return {row["pixel_sha256"]: row["split"] for row in table.to_pylist() if row["split"]}


def test_a_new_workspace_keeps_class_ids_and_splits(workbench, class_folders, publish):
    publish(class_folders)
    before = splits_by_pixels(workbench)
    shutil.rmtree(workbench.shared)
    workbench.shared.mkdir()
    for number in range(10):
        add_image(class_folders, f"above/{number}.png", number)
    publish(class_folders)
    after = splits_by_pixels(workbench)
    assert latest(workbench.published / "tiny").index.features.class_names == ("left", "right", "above")
    assert {pixels: after[pixels] for pixels in before} == before


def test_a_crash_between_publishing_and_remembering_moves_no_image(workbench, class_folders, publish):
    publish(class_folders)
    before = splits_by_pixels(workbench)
    (workbench.shared / "state.json").unlink()
    for number in range(20):
        add_image(class_folders, f"left/new{number}.png", number)
    publish(class_folders)
    after = splits_by_pixels(workbench)
    assert {pixels: after[pixels] for pixels in before} == before


def test_files_encoded_anew_without_loss_move_no_image(workbench, class_folders, publish):
    publish(class_folders)
    before = splits_by_pixels(workbench)
    for path in class_folders.rglob("*.png"):
        image = decode_image(path.read_bytes())
        path.write_bytes(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes())
    publish(class_folders, gate=DataGateSettings(max_shrink=1.0))
    assert splits_by_pixels(workbench) == before


def test_a_version_without_its_last_file_is_not_visible_and_is_replaced(workbench, class_folders, publish):
    publish(class_folders)
    version = workbench.published / "tiny" / "1.0.0"
    (version / "dataset_info.json").unlink()
    assert latest(workbench.published / "tiny") is None
    assert publish(class_folders)["version"] == "1.0.0"
    assert damage(latest(workbench.published / "tiny")) is None


def test_what_a_refused_gate_says_is_not_published(workbench, class_folders, publish):
    add_image(class_folders, "left/extra.png", 1)
    (class_folders / "left" / "bad.png").write_bytes(b"no image")
    sentence = "tiny is not published: its gate refused it (share of files rejected, copies apart 0.02381 > 0)"
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        publish(class_folders, gate=DataGateSettings(max_reject_rate=0.0))
    assert not (workbench.published / "tiny").exists()


def test_a_source_that_shrank_is_refused(workbench, class_folders, publish):
    publish(class_folders)
    for path in sorted((class_folders / "left").iterdir())[:15]:
        path.unlink()
    with pytest.raises(Refused, match=re.escape("share of images gone since the last version 0.375 > 0.3")):
        publish(class_folders)
    assert latest(workbench.published / "tiny").version == "1.0.0"


def test_a_vanished_class_is_refused(workbench, class_folders, publish):
    publish(class_folders)
    shutil.rmtree(class_folders / "left")
    with pytest.raises(Refused, match=re.escape("classes without images since the last version 1 > 0")):
        publish(class_folders, gate=DataGateSettings(max_shrink=1.0))


def test_a_verdict_holds_until_other_content_is_published(workbench, class_folders, publish):
    publish(class_folders)
    folder = workbench.outputs["gate_data"]
    context = workbench.context("gate_data", "curate", "split", "shard")
    assert compares_with_latest(DataGateSettings(), context, folder) is None
    add_image(class_folders, "left/new.png", 1)
    publish(class_folders)
    assert compares_with_latest(DataGateSettings(), context, folder) == "1.1.0 was published since"


def test_what_is_published_holds_no_absolute_path(workbench, class_folders, publish):
    publish(class_folders)
    version = workbench.published / "tiny" / "1.0.0"
    files = [path for path in version.rglob("*") if path.is_file()]
    assert all(str(workbench.base).encode() not in path.read_bytes() for path in files)
    assert set(read_table(version / "manifest.parquet")["source"].to_pylist()) == {"source"}


def test_lineage_and_licence_are_in_the_version(workbench, class_folders, publish):
    publish(class_folders)
    version = workbench.published / "tiny" / "1.0.0"
    assert json.loads((version / "dataset_info.json").read_text())["redistributionInfo"] == {"license": "CC0-1.0"}
    assert json.loads((version / "index.json").read_text())["lineage"]["kind"] == "real"


@pytest.mark.parametrize(
    ("change", "version"),
    [({}, "1.2.4"), ({"content_digest": "other"}, "1.3.0"), ({"classes": ("a", "b", "c")}, "2.0.0")],
    ids=["nothing", "content", "classes"],
)
def test_the_next_version_says_what_changed(change, version):
    def index(version=None, content_digest="same", classes=("a", "b")):
        return Index(
            name="tiny",
            version=version,
            content_digest=content_digest,
            features=ShardFeatures(16, 16, 1, "png", classes),
            normalise=Normalise((0.5,), (0.5,)),
            splits={},
        )

    assert choose_version(index(**change), index("1.2.3"), []).version == version
    assert choose_version(index(), None, []).version == "1.0.0"
