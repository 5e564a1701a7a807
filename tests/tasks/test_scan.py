import hashlib
import io
import json
import re
import struct
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from datasets.errors import BadInput
from datasets.image_codec import decode_image, encode_image
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, in_use, read_table
from datasets.pixel_packs import PackReader
from tasks.augment import augment
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.decode import DecodeLimits
from tasks.imaging.operations.denoise import DenoiseSettings
from tasks.imaging.operations.resize import ResizeSettings
from tasks.parallel import ComputeSettings
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


ALL_FRAMES = SETTINGS.model_copy(update={"frames": "all"})


def gif(*numbers):
    """An animated GIF of 16x16 px; frames of the same number are alike."""
    frames = [np.random.default_rng(number).integers(0, 256, (16, 16), dtype=np.uint8) for number in numbers]
    images = [Image.fromarray(frame) for frame in frames]
    stream = io.BytesIO()
    images[0].save(stream, "GIF", save_all=True, append_images=images[1:])
    return stream.getvalue()


def broken_tiff():
    """Three pages, of which the second has a strip that lies beyond the file."""
    pages = [Image.fromarray(np.random.default_rng(n).integers(0, 256, (16, 16), dtype=np.uint8)) for n in range(3)]
    stream = io.BytesIO()
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    payload = stream.getvalue()
    with Image.open(io.BytesIO(payload)) as image:
        image.seek(1)
        place = image.tag_v2[273][0]
    return payload.replace(struct.pack("<HHII", 273, 4, 1, place), struct.pack("<HHII", 273, 4, 1, 1 << 30))


def by_frame(workbench):
    return {(row["member"], row["frame"]): row for row in table(workbench).to_pylist()}


def test_every_frame_is_a_row_with_pixels_of_its_own(workbench, write_images):
    image = np.random.default_rng(9).integers(0, 255, (16, 16, 1), dtype=np.uint8)
    folder = write_images({"a/one.gif": gif(1, 2, 3), "a/still.png": image, "b/copy.gif": gif(1, 2, 3)})
    summary = workbench.prepare(folder, until="scan", scan=ALL_FRAMES)
    found = by_frame(workbench)
    assert sorted(found) == [
        *(("a/one.gif", frame) for frame in range(3)),
        ("a/still.png", 0),
        *(("b/copy.gif", frame) for frame in range(3)),
    ]
    frames = [found["a/one.gif", frame] for frame in range(3)]
    assert len({row["sha256"] for row in frames}) == 1
    assert len({row["pixel_sha256"] for row in frames}) == len({row["offset"] for row in frames}) == 3
    assert [row["pixel_sha256"] for row in frames] == [found["b/copy.gif", n]["pixel_sha256"] for n in range(3)]
    assert {row["group"] for row in frames} == {"source/a/one.gif"}
    assert (found["a/still.png", 0]["group"], frames[0]["derived_from"]) == (None, None)
    counts = (summary["images_in"], summary["frames_added"], summary["images_out"], summary["decoded_now"])
    assert counts == (3, 4, 7, 2)


def test_a_frame_that_fails_is_a_rejected_row(workbench, write_images):
    image = np.random.default_rng(9).integers(0, 255, (16, 16, 1), dtype=np.uint8)
    workbench.prepare(write_images({"a/pages.tif": broken_tiff(), "a/b.png": image}), until="scan", scan=ALL_FRAMES)
    found = by_frame(workbench)
    assert [found["a/pages.tif", frame]["status"] for frame in range(3)] == ["kept", "rejected", "kept"]
    assert found["a/pages.tif", 1]["pack"] is None
    assert ("a/pages.tif", found["a/pages.tif", 1]["reason"], "reject") in findings(workbench)


@pytest.fixture
def animations(write_images):
    """Two classes of six GIFs of 20 frames, no two of which are alike."""
    numbers = {f"{name}/{n}.gif": 1000 * n + 100 * index for index, name in enumerate("ab") for n in range(6)}
    return write_images({member: gif(*range(first, first + 20)) for member, first in numbers.items()})


def test_frames_of_a_file_stay_in_one_split(workbench, animations):
    summary = workbench.prepare(animations, until="split", scan=ALL_FRAMES)
    splits = {}
    for row in read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist():
        splits.setdefault(row["member"], set()).add(row["split"])
    assert (summary["images_out"], len(splits)) == (240, 12)
    assert all(len(found) == 1 for found in splits.values())
    assert set.union(*splits.values()) == {"train", "validation", "test"}


def test_copies_of_frames_get_packs_and_seeds_of_their_own(workbench, animations):
    workbench.prepare(animations, until="split", scan=ALL_FRAMES)
    workbench.run("augment", augment, AugmentationSettings(preset="light", variants_per_image=1), "split")
    copies = read_table(workbench.outputs["augment"] / MANIFEST_FILE).to_pylist()
    with PackReader(workbench.shared) as packs:
        payloads = {packs.read(row["pack"], row["offset"], row["length"]) for row in copies}
    assert len(payloads) == len(copies) > 100
    assert {hashlib.sha256(payload).hexdigest() for payload in payloads} == {row["sha256"] for row in copies}


def test_a_file_over_the_byte_limit_is_not_read(workbench, write_images, reads):
    small = encode_image(np.random.default_rng(9).integers(0, 255, (16, 16, 1), dtype=np.uint8), "png")
    folder = write_images({"a/small.png": small, "a/large.png": small + bytes(5000)})
    workbench.prepare(folder, until="ingest")
    reads.clear()
    limits = DecodeLimits(max_bytes=len(small))
    workbench.run("scan", scan, SETTINGS.model_copy(update={"limits": limits}), "ingest")
    large = rows(workbench)["a/large.png"]
    assert (large["reason"], large["detail"]) == ("too_large", f"{len(small) + 5000} bytes; max_bytes is {len(small)}")
    assert "a/large.png" not in reads


def test_a_refused_repair_rejects_the_image(workbench, write_images):
    deep = io.BytesIO()
    Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16) * 256).save(deep, "PNG")
    plain = np.random.default_rng(9).integers(0, 255, (16, 16, 1), dtype=np.uint8)
    settings = SETTINGS.model_copy(update={"refused_repairs": ("bit_depth",)})
    workbench.prepare(write_images({"a/deep.png": deep.getvalue(), "a/plain.png": plain}), until="scan", scan=settings)
    found = rows(workbench)["a/deep.png"]
    assert (found["status"], found["reason"]) == ("rejected", "bit_depth")
    assert found["detail"] == "refused_repairs names it: grey levels 0..65535 scaled to 0..255"


def test_salvage_is_a_recorded_repair(workbench, write_images):
    whole = encode_image(np.random.default_rng(9).integers(0, 255, (64, 64, 1), dtype=np.uint8), "png")
    settings = SETTINGS.model_copy(update={"limits": DecodeLimits(salvage_min_fraction=0.3)})
    workbench.prepare(write_images({"a/cut.png": whole[: len(whole) * 2 // 3]}), until="scan", scan=settings)
    found = rows(workbench)["a/cut.png"]
    assert (found["status"], found["reason"], found["height_px"]) == ("repaired", "salvaged", 64)
    assert ("a/cut.png", "salvaged", "repair") in findings(workbench)


def test_a_file_that_takes_too_long_costs_itself_only(workbench, write_images):
    rng = np.random.default_rng(9)
    slow = rng.integers(0, 255, (3200, 3200, 1), dtype=np.uint8)  # eight seconds of denoising, or more
    quick = {f"a/{n}.png": rng.integers(0, 255, (16, 16, 1), dtype=np.uint8) for n in range(3)}
    workbench.prepare(write_images({**quick, "a/slow.png": slow, "b/last.png": slow[:16, :16]}), until="ingest")
    settings = SETTINGS.model_copy(
        update={"before_resize": (DenoiseSettings(method="nlm"),), "limits": DecodeLimits(decode_timeout_s=2.0)}
    )
    context = replace(workbench.context("scan", "ingest"), compute=ComputeSettings(workers=1, partition_size=2))
    summary = scan(settings, context)
    found = {row["member"]: row["reason"] for row in read_table(context.out / MANIFEST_FILE).to_pylist()}
    assert found == {
        "a/0.png": None,
        "a/1.png": None,
        "a/2.png": None,
        "a/slow.png": "decoder_died",
        "b/last.png": None,
    }
    assert (summary["images_in"], summary["images_out"]) == (5, 4)


def test_counts_add_up(workbench, class_folders):
    summary = workbench.prepare(class_folders, until="scan")
    assert summary["images_in"] == len(table(workbench)) == 40
    assert summary["images_out"] == len(in_use(table(workbench))) == 40
