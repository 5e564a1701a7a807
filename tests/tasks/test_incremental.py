"""A source that changes between runs: only what is new is read, losses are told, a lost mount publishes nothing."""

import re
import shutil

import pytest

from datasets.errors import BadInput, Refused
from datasets.gate_file import read_gate
from datasets.image_codec import encode_image
from datasets.sources import source_settings
from tasks.augment import augment
from tasks.gate_data import DataGateSettings, gate_data
from tasks.ingest import ingest
from tasks.listing_cache import EXAMPLES
from tasks.publish import PublishSettings, publish_real
from tasks.published_versions import latest, versions
from tasks.shard import ShardSettings, shard_real


@pytest.fixture
def many(write_images, blob_image):
    """100 different images in two classes."""
    members = {f"{'ab'[number % 2]}/{number:03}.png": blob_image(number % 2, number) for number in range(100)}
    return write_images(members, "many")


@pytest.fixture
def run_all(workbench, no_augmentation):
    """run_all(folder) -> what publishing says, after all stages before it."""

    def run(folder):
        workbench.prepare(folder)
        workbench.run("augment", augment, no_augmentation, "split")
        workbench.run("shard", shard_real, ShardSettings(), "split", "augment")
        workbench.run("gate_data", gate_data, DataGateSettings(), "curate", "split", "shard")
        return workbench.run("publish_data", publish_real, PublishSettings(), "shard", "gate_data")

    return run


def test_of_one_percent_more_files_only_that_is_read_and_decoded(workbench, many, reads, blob_image):
    assert workbench.prepare(many, until="scan")["decoded_now"] == 100
    assert len(reads) == 200  # to hash, and to decode
    reads.clear()
    (many / "a" / "500.png").write_bytes(encode_image(blob_image(0, 500), "png"))
    summary = workbench.prepare(many, until="scan")
    assert (summary["images_out"], summary["decoded_now"]) == (101, 1)
    assert reads == ["a/500.png"] * 2


def test_without_a_change_nothing_is_read(workbench, many, reads):
    workbench.prepare(many, until="scan")
    reads.clear()
    assert workbench.prepare(many, until="scan")["decoded_now"] == 0
    assert reads == []


def test_a_file_that_was_moved_is_hashed_but_not_decoded_again(workbench, many, reads):
    workbench.prepare(many, until="scan")
    reads.clear()
    (many / "a" / "000.png").rename(many / "b" / "000.png")
    assert workbench.prepare(many, until="scan")["decoded_now"] == 0
    assert reads == ["b/000.png"]


def test_changed_and_vanished_files_are_told_by_count_and_example(workbench, many):
    workbench.prepare(many, until="ingest")
    for number in range(0, 20, 2):
        path = many / "a" / f"{number:03}.png"
        path.write_bytes(path.read_bytes() + b" ")
    for number in range(1, 60, 2):
        (many / "b" / f"{number:03}.png").unlink()
    summary = workbench.prepare(many, until="ingest")
    assert (summary["new"], summary["changed"], summary["gone"]) == (0, 10, 30)
    assert summary["changed_examples"] == tuple(f"many/a/{number:03}.png" for number in range(0, 2 * EXAMPLES, 2))
    assert summary["gone_examples"] == tuple(f"many/b/{number:03}.png" for number in range(1, 2 * EXAMPLES, 2))


def test_a_source_that_lost_half_of_its_files_is_not_published(workbench, class_folders, run_all, reads):
    run_all(class_folders)
    lost = workbench.base / "lost"
    shutil.move(class_folders / "right", lost)
    sentence = (
        "tiny is not published: its gate refused it (share of images gone since the last version 0.5 > 0.3; "
        "classes without images since the last version 1 > 0 (right))"
    )
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        run_all(class_folders)
    assert read_gate(workbench.outputs["gate_data"]).verdict == "refused"
    assert versions(workbench.published / "tiny") == ["1.0.0"]
    shutil.move(lost, class_folders / "right")
    reads.clear()
    assert run_all(class_folders)["outcome"] == "unchanged"
    assert reads == [f"right/{number:02}.png" for number in range(20)]  # hashed; none is decoded again


def test_a_class_folder_that_cannot_be_listed_counts_as_lost(workbench, class_folders, run_all):
    run_all(class_folders)
    shutil.rmtree(class_folders / "right")
    (class_folders / "right").symlink_to("nowhere")  # what is left of a mount that is gone
    with pytest.raises(Refused, match=r"^tiny is not published: its gate refused it \(share of images gone "):
        run_all(class_folders)
    assert workbench.run("ingest", ingest, source_settings(path=class_folders))["rejected"] == {"broken_link": 1}


def test_an_empty_mount_is_bad_input_and_costs_nothing_when_it_comes_back(workbench, class_folders, run_all, reads):
    run_all(class_folders)
    away = class_folders.with_name("away")
    class_folders.rename(away)
    class_folders.mkdir()
    sentence = f"{class_folders}: no files in it (hidden ones do not count); give what holds images"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        run_all(class_folders)
    assert latest(workbench.published / "tiny").version == "1.0.0"
    class_folders.rmdir()
    away.rename(class_folders)
    reads.clear()
    assert run_all(class_folders)["outcome"] == "unchanged"
    assert reads == []


def test_one_empty_mount_of_several_is_bad_input(workbench, class_folders, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    settings = source_settings(kind="mixed", sources=[{"path": class_folders}, {"path": empty}])
    sentence = f"{empty}: no files in it (hidden ones do not count); give what holds images"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.run("ingest", ingest, settings)
