import json
import re

import numpy as np
import pytest

from datasets.errors import BadInput
from datasets.image_codec import decode_image, encode_image
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, in_use, read_table
from datasets.pixel_packs import PackReader
from tasks.imaging.pixel_operations import ResizeSettings
from tasks.pixel_store import store_folder
from tasks.scan import PACKS_FILE, ScanSettings, packs_are_intact, scan

SETTINGS = ScanSettings(channels=1, resize=ResizeSettings(width_px=16, height_px=16))


def table(workbench):
    return read_table(workbench.outputs["scan"] / MANIFEST_FILE)


def rows(workbench):
    return {row["member"]: row for row in table(workbench).to_pylist()}


def findings(workbench):
    return {
        (row["member"], row["finding"], row["severity"])
        for row in read_table(workbench.outputs["scan"] / FINDINGS_FILE).to_pylist()
    }


def test_prepared_pixels_can_be_read_back_from_the_packs(workbench, write_images):
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    workbench.prepare(write_images({"a/one.png": image}), until="scan")
    row = rows(workbench)["a/one.png"]
    with PackReader(workbench.shared) as packs:
        payload = packs.read(row["pack"], row["offset"], row["length"])
    assert np.array_equal(decode_image(payload), image)
    assert row["channel_sums"] == [int(image.sum(dtype=np.int64))]
    assert row["channel_square_sums"] == [int((image.astype(np.int64) ** 2).sum())]


def test_bad_files_keep_their_rows_and_say_why(workbench, write_images):
    good = encode_image(np.random.default_rng(0).integers(0, 255, (16, 16, 1), dtype=np.uint8), "png")
    folder = write_images({"a/good.png": good, "a/cut.png": good[:-40], "a/empty.png": b"", "a/text.png": b"hello\n"})
    summary = workbench.prepare(folder, until="scan")
    found = rows(workbench)
    assert {member: row["reason"] for member, row in found.items() if row["status"] == "rejected"} == {
        "a/cut.png": "truncated",
        "a/empty.png": "empty_file",
        "a/text.png": "not_an_image",
    }
    assert all(found[member]["detail"] for member in ("a/cut.png", "a/empty.png", "a/text.png"))
    assert (summary["images_in"], summary["images_out"]) == (4, 1)
    assert ("a/cut.png", "truncated", "reject") in findings(workbench)


def test_a_wrong_extension_is_a_note(workbench, write_images):
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 1), dtype=np.uint8)
    workbench.prepare(write_images({"a/one.jpg": encode_image(image, "png")}), until="scan")
    assert rows(workbench)["a/one.jpg"]["status"] == "kept"
    assert findings(workbench) == {("a/one.jpg", "wrong_extension", "note")}


def test_a_note_on_a_name_belongs_to_the_file_not_to_its_bytes(workbench, write_images):
    image = encode_image(np.random.default_rng(0).integers(0, 255, (16, 16, 1), dtype=np.uint8), "png")
    workbench.prepare(write_images({"a/one.jpg": image, "b/two.png": image}), until="scan")
    assert findings(workbench) == {("a/one.jpg", "wrong_extension", "note")}


def test_files_of_the_same_bytes_are_decoded_once_and_both_have_rows(workbench, write_images):
    image = np.random.default_rng(0).integers(0, 255, (16, 16, 1), dtype=np.uint8)
    summary = workbench.prepare(write_images({"a/one.png": image, "b/two.png": image}), until="scan")
    found = rows(workbench)
    assert summary["decoded_now"] == 1
    assert found["a/one.png"]["offset"] == found["b/two.png"]["offset"] is not None


def test_only_new_files_are_decoded(workbench, class_folders, write_images):
    workbench.prepare(class_folders, until="scan")
    write_images({"left/new.png": np.random.default_rng(1).integers(0, 255, (16, 16, 1), dtype=np.uint8)})
    assert workbench.prepare(class_folders, until="scan")["decoded_now"] == 1


def test_no_decodable_image_is_bad_input(workbench, write_images):
    folder = write_images({"a/one.png": b"x", "a/two.png": b""})
    sentence = "none of the 2 files can be decoded as an image (1 empty_file, 1 not_an_image); check the source"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.prepare(folder, until="scan")


def test_a_file_that_changed_after_it_was_listed_is_rejected_this_time_only(workbench, class_folders):
    workbench.prepare(class_folders, until="ingest")
    path = class_folders / "left" / "00.png"
    path.write_bytes(encode_image(np.full((16, 16, 1), 7, np.uint8), "png"))
    workbench.run("scan", scan, SETTINGS, "ingest")
    assert rows(workbench)["left/00.png"]["reason"] == "changed_while_read"
    workbench.prepare(class_folders, until="scan")
    assert rows(workbench)["left/00.png"]["status"] == "kept"


def test_a_file_that_vanished_after_it_was_listed_is_rejected(workbench, class_folders):
    workbench.prepare(class_folders, until="ingest")
    (class_folders / "left" / "00.png").unlink()
    workbench.run("scan", scan, SETTINGS, "ingest")
    assert rows(workbench)["left/00.png"]["reason"] == "vanished"


def test_a_damaged_pack_is_noticed_and_made_again(workbench, class_folders):
    workbench.prepare(class_folders, until="scan")
    folder = workbench.outputs["scan"]
    before = table(workbench)
    place = sorted(json.loads((folder / PACKS_FILE).read_text()))[0]
    pack = workbench.shared / place
    assert packs_are_intact(SETTINGS, workbench.context("scan"), folder) is None
    data = bytearray(pack.read_bytes())
    data[-10] ^= 1
    pack.write_bytes(bytes(data))
    assert packs_are_intact(SETTINGS, workbench.context("scan"), folder) == f"pack {place} was changed"
    summary = workbench.prepare(class_folders, until="scan")
    assert summary["decoded_now"] == 8  # one partition
    assert table(workbench).equals(before)


def test_a_pack_that_is_gone_is_noticed(workbench, class_folders):
    workbench.prepare(class_folders, until="scan")
    folder = workbench.outputs["scan"]
    place = sorted(json.loads((folder / PACKS_FILE).read_text()))[0]
    (workbench.shared / place).unlink()
    assert packs_are_intact(SETTINGS, workbench.context("scan"), folder) == f"pack {place} is gone"


def test_half_of_a_scan_is_kept_when_the_other_half_was_never_done(workbench, class_folders):
    workbench.prepare(class_folders, until="scan")
    store = store_folder(workbench.shared, "0123456789abcdef" * 4)
    victim = sorted(store.glob("pack-*.parquet"))[0]
    victim.unlink()  # as if the process had been killed between the pack and its index
    assert workbench.prepare(class_folders, until="scan")["decoded_now"] == 8


def test_counts_add_up(workbench, class_folders):
    summary = workbench.prepare(class_folders, until="scan")
    assert summary["images_in"] == len(table(workbench)) == 40
    assert summary["images_out"] == len(in_use(table(workbench))) == 40
