import re
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, Status, in_use, read_table
from tasks.augment import augment
from tasks.curate import CurateSettings
from tasks.curation import exclusions
from tasks.curation.exclusions import check_exclusions, exclusions_digest, find_excluded, read_exclusions
from tasks.differences import differences
from tasks.gate_data import DataGateSettings, gate_data
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.duplicates import DuplicateSettings, near_pairs
from tasks.imaging.measures import measure
from tasks.parallel import ComputeSettings
from tasks.publish import PublishSettings, publish_real
from tasks.published_versions import latest
from tasks.shard import ShardSettings, shard_real
from tasks.stage import Place, StageResult, decide
from tasks.stages import PREPARE

ONE, TWO = "0123456789abcdef" * 4, "f" * 64


@pytest.fixture
def listing(tmp_path):
    """listing(*lines) -> a list of exclusions."""

    def write(*lines):
        path = tmp_path / "exclusions.txt"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


def test_entries_have_a_reason_if_they_like(listing):
    path = listing("# withdrawn", "", f"{ONE}  asked by its author # ticket 12", f"  {TWO.upper()}\r", TWO)
    assert read_exclusions(path) == {ONE: "asked by its author", TWO: ""}


def test_a_list_that_an_editor_marked_as_utf_8_is_read(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbf" + ONE.encode())
    assert read_exclusions(tmp_path / "list.txt") == {ONE: ""}


@pytest.mark.parametrize("line", [ONE[:-1], f"{ONE}0", "cat.png", f"{ONE}withdrawn", "z" * 64])
def test_a_bad_line_is_refused_with_its_number(listing, line):
    path = listing(f"{TWO} fine", line)
    sentence = (
        f"{path}, line 2: got {line!r}; a line is a sha256 of 64 hex digits, and a reason if you like; "
        "# begins a comment"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_exclusions(path)


def test_a_missing_list_is_refused(tmp_path):
    path = tmp_path / "none.txt"
    sentence = (
        f"curate.exclusions {path} cannot be read (No such file or directory); correct the path, or leave the "
        "setting out"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_exclusions(path)


def test_a_list_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe1")
    with pytest.raises(BadInput, match=r"^curate\.exclusions .*list\.txt is not UTF-8 \(.*\); save it as plain text$"):
        read_exclusions(tmp_path / "list.txt")


def test_no_list_is_no_fault():
    check_exclusions(None)


def test_comments_and_layout_are_not_part_of_the_digest_but_entries_and_reasons_are(listing):
    first = exclusions_digest(listing(ONE, TWO))
    assert exclusions_digest(listing("# later", f"  {TWO}", ONE.upper())) == first
    assert exclusions_digest(listing(ONE)) != first
    assert exclusions_digest(listing(f"{ONE} withdrawn", TWO)) != first
    assert exclusions_digest(None) == {"exclusions": None}


def picture(seed, side_px=16):
    """Smooth random uint8 [side, side, 1], unlike any other seed's."""
    coarse = np.random.default_rng(seed).integers(0, 255, (4, 4)).astype(np.float64)
    return np.kron(coarse, np.ones((side_px // 4, side_px // 4))).astype(np.uint8)[..., None]


def rows_of(images):
    """Rows and thumbnails of images as `find_excluded` takes them; `sha256` is the number of the image."""
    rows = []
    for number, image in enumerate(images):
        key = {"source": "s", "member": str(number), "frame": 0, "sha256": str(number)}
        rows.append(key | measure(image))
    thumbnails = np.stack([np.frombuffer(row["thumbnail"], np.uint8) for row in rows])
    return rows, thumbnails


def test_near_copies_of_a_listed_image_are_found_mirrored_ones_too():
    rows, thumbnails = rows_of([picture(1, 64), picture(2), picture(1, 32), picture(1, 64)[:, ::-1], picture(3)])
    found = find_excluded(rows, thumbnails, {"0": "withdrawn"}, DuplicateSettings())
    assert found == {
        0: "it is listed for exclusion: withdrawn",
        2: "it is nearly the same as s/0#0, which is listed for exclusion",
        3: "it is nearly the same as s/0#0, which is listed for exclusion",
    }


def test_pixels_can_be_listed_instead_of_bytes():
    rows, thumbnails = rows_of([picture(1), picture(2), picture(1)])
    found = find_excluded(rows, thumbnails, {rows[2]["pixel_sha256"]: ""}, DuplicateSettings())
    assert found == dict.fromkeys((0, 2), "it is listed for exclusion")


def test_the_same_pixels_in_another_file_are_found_also_where_near_copies_cannot_be():
    flat = np.full((16, 16, 1), 90, np.uint8)
    rows, thumbnails = rows_of([flat, flat, np.full((32, 32, 1), 90, np.uint8)])
    found = find_excluded(rows, thumbnails, {"1": ""}, DuplicateSettings())
    assert found == {
        1: "it is listed for exclusion",
        0: "it has the same pixels as s/1#0, which is listed for exclusion",
    }


def test_what_could_not_be_decoded_is_found_by_its_bytes_alone():
    rows, thumbnails = rows_of([picture(1), picture(2)])
    for row in rows:
        row.update(pixel_sha256=None, phash=None, phash_mirror=None)
    assert find_excluded(rows, thumbnails, {"0": ""}, DuplicateSettings()) == {0: "it is listed for exclusion"}


def noisy(seed, noise):
    """One of four pictures with a little noise, so that some are near copies and some are not."""
    rng = np.random.default_rng([seed, noise])
    return (picture(seed, 32) + rng.normal(0, 2 * noise, (32, 32, 1))).clip(0, 255).astype(np.uint8)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=14),
    st.sets(st.integers(0, 13), min_size=1, max_size=3),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_exactly_the_confirmed_near_copies_are_found(picks, chosen, one_by_one):
    """Compared with the search among two images at a time, in which nothing is left out."""
    rows, thumbnails = rows_of([noisy(*pick) for pick in picks])
    listed = [number for number in sorted(chosen) if number < len(rows)]
    codes = [np.array([row[name] for row in rows], np.uint64) for name in ("phash", "phash_mirror")]

    def alike(one, other):
        pair = [one, other]
        return rows[one]["pixel_sha256"] == rows[other]["pixel_sha256"] or len(
            near_pairs(codes[0][pair], codes[1][pair], thumbnails[pair])
        )

    expected = {other for one in listed for other in range(len(rows)) if one == other or alike(one, other)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exclusions, "_MAX_LISTED_ONE_BY_ONE", 20_000 if one_by_one else 0)
        found = find_excluded(rows, thumbnails, {str(number): "" for number in listed}, DuplicateSettings())
    assert set(found) == expected


@pytest.fixture
def publish(workbench, no_augmentation):
    """publish(folder, list of exclusions) -> the real images in use in the version that is then the latest."""

    def run(folder, path=None, augmented=no_augmentation, **curate):
        workbench.prepare(folder, curate=CurateSettings(exclusions=path, **curate))
        workbench.run("augment", augment, augmented, "split")
        workbench.run("shard", shard_real, ShardSettings(), "split", "augment")
        workbench.run("gate_data", gate_data, DataGateSettings(), "curate", "split", "shard")
        workbench.run("publish_data", publish_real, PublishSettings(), "shard", "gate_data")
        return read_table(latest(workbench.published / "tiny").path / MANIFEST_FILE)

    return run


def test_a_new_version_lacks_the_image_and_what_shows_it(workbench, class_folders, publish, listing):
    before = publish(class_folders).to_pylist()[3]
    table = publish(class_folders, listing(f"{before['sha256']} withdrawn"))
    version = latest(workbench.published / "tiny")
    assert version.version == "1.1.0"
    after = table.to_pylist()[3]
    assert before["sha256"] not in in_use(table)["sha256"].to_pylist()
    expected = {"status": Status.REJECTED, "reason": "excluded", "detail": "it is listed for exclusion: withdrawn"}
    expected |= {"sha256": before["sha256"], "pixel_sha256": before["pixel_sha256"], "thumbnail": None, "split": None}
    assert {name: after[name] for name in expected} == expected
    assert sum(version.index.records(split) for split in version.index.splits) == 39


def test_only_the_excluded_image_can_no_longer_be_seen(workbench, class_folders, listing):
    workbench.prepare(class_folders, "curate")
    first = read_table(workbench.outputs["curate"] / MANIFEST_FILE)["sha256"][0].as_py()
    workbench.prepare(class_folders, "curate", curate=CurateSettings(exclusions=listing(first)))
    table = read_table(workbench.outputs["curate"] / MANIFEST_FILE)
    for name in ("thumbnail", "pack", "offset", "length"):
        assert [number for number, value in enumerate(table[name].to_pylist()) if value is None] == [0]


def test_an_exclusion_decodes_nothing_again(workbench, class_folders, publish, listing):
    first = publish(class_folders)["sha256"][0].as_py()
    summary = workbench.prepare(class_folders, "scan", curate=CurateSettings(exclusions=listing(first)))
    assert summary["decoded_now"] == 0


def decided(workbench):
    rows = read_table(workbench.outputs["curate"] / MANIFEST_FILE).to_pylist()
    return {row["member"]: row["reason"] for row in rows}


@pytest.mark.parametrize("policy", ["keep_best", "keep_all", "ignore"])
def test_copies_go_too_whatever_the_policy_for_them(workbench, write_images, policy, listing):
    png = cv2.imencode(".png", picture(1, 32), [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    folder = write_images(
        {"a/1.png": picture(1, 32), "a/2.png": png, "a/3.png": picture(1, 64), "b/1.png": picture(1, 32)}
        | {"b/2.png": picture(2)}
    )
    workbench.prepare(folder, "curate")
    by_member = {row["member"]: row for row in read_table(workbench.outputs["curate"] / MANIFEST_FILE).to_pylist()}
    assert by_member["a/1.png"]["sha256"] != by_member["a/2.png"]["sha256"]
    path = listing(by_member["a/2.png"]["sha256"], TWO)
    curate = CurateSettings(exclusions=path, near_duplicates=policy, exact_duplicates="keep_all")
    summary = workbench.prepare(folder, "curate", curate=curate)
    assert decided(workbench) == dict.fromkeys(("a/1.png", "a/2.png", "a/3.png", "b/1.png"), "excluded") | {
        "b/2.png": None
    }
    assert summary["exclusions"] == {"entries": 2, "found": 1}
    assert summary["notes"] == [
        "1 of 2 hashes in curate.exclusions are of no image here; a hash of bytes always holds, one of pixels may "
        "change with scan.resize"
    ]


def test_a_copy_of_what_is_unfit_otherwise_goes_too(workbench, write_images, listing):
    folder = write_images({"a/1.png": picture(1, 32), "a/2.png": picture(1, 64), "a/3.png": picture(3, 64)})
    workbench.prepare(folder, "curate", curate=CurateSettings(min_side_px=48))
    table = read_table(workbench.outputs["curate"] / MANIFEST_FILE)
    assert decided(workbench) == {"a/1.png": "too_small", "a/2.png": None, "a/3.png": None}
    path = listing(table["sha256"][0].as_py())
    workbench.prepare(folder, "curate", curate=CurateSettings(min_side_px=48, exclusions=path))
    assert decided(workbench) == {"a/1.png": "excluded", "a/2.png": "excluded", "a/3.png": None}


def test_augmented_copies_of_it_are_not_made(class_folders, publish, listing):
    varied = AugmentationSettings(preset="light", variants_per_image=2)
    table = publish(class_folders, augmented=varied)
    parents = Counter(row["derived_from"] for row in table.to_pylist() if row["kind"] == "augmented")
    parent = next(row for row in table.to_pylist() if row["split"] == "train")
    assert parents["source/" + parent["member"] + "#0"] == 2
    again = publish(class_folders, listing(parent["sha256"]), augmented=varied)
    assert "source/" + parent["member"] + "#0" not in again["derived_from"].to_pylist()


def test_the_list_is_part_of_what_the_stage_is_made_of(tmp_path, listing):
    stage = next(stage for stage in PREPARE if stage.name == "curate")
    place = Place(
        dataset="tiny", seed=0, workspace=tmp_path, published=tmp_path / "published", compute=ComputeSettings()
    )
    scanned = {"scan": StageResult(stage="scan", outcome="ran", why="", path=tmp_path, digest="d")}

    def parts(*lines):
        return decide(stage, CurateSettings(exclusions=listing(*lines)), place, scanned).parts

    assert parts(ONE) == parts("# again", ONE)
    assert differences(parts(ONE), parts(TWO)) == ["list of exclusions changed"]
