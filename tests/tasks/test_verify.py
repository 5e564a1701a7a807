import json
import re
from dataclasses import replace

import pytest

from datasets.errors import BadInput
from datasets.image_codec import encode_image
from datasets.image_record import encode_record
from datasets.manifest import MANIFEST_FILE, read_table, write_table
from datasets.normalise import Normalise
from datasets.tfds_layout import describe_shard, read_index, write_index
from datasets.tfrecord import read_tfrecord, record_offsets, write_tfrecord
from tasks.parallel import ComputeSettings
from tasks.progress import silent
from tasks.published_versions import content_digest
from tasks.verify import folders_at, verify
from tests.tasks.tiny_versions import picture, tiny

TRAIN = "tiny-train.tfrecord-00000-of-00003"
HERE = ComputeSettings(mode="synchronous")


def verified(folder, limit=10, compute=HERE):
    (verdict,) = verify([folder], compute, silent, limit)
    return verdict


def sentences(folder, **options):
    return [fault.sentence for fault in verified(folder, **options).faults]


@pytest.fixture
def folder(tmp_path):
    return tiny().write(tmp_path / "tiny" / "1.0.0")


def damage(path, at, bits=0x10):
    content = bytearray(path.read_bytes())
    content[at] ^= bits
    path.write_bytes(bytes(content))


NORMALISED = [Normalise((0.5,) * 3, (0.25,) * 3, method) for method in ("symmetric", "standardise", "min_max")]
KINDS = [{"encoding": "png"}, {"encoding": "jpeg"}, {"encoding": "raw"}, {"class_names": None}, {"version": None}]
KINDS += [{"encoding": "raw", "pixels": "float32", "normalise": how} for how in NORMALISED]
KINDS += [{"kind": "synthetic", "splits": {"train": 9}, "name": "tiny_synthetic"}]


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_what_is_intact(tmp_path, changes):
    version = tiny(**changes)
    verdict = verified(version.write(tmp_path / "tiny" / "1.0.0"))
    assert list(verdict.faults) == []
    assert verdict.records == sum(map(len, version.records.values()))
    assert (verdict.name, verdict.version) == (version.name, version.version)


def test_other_processes_find_the_same(folder, monkeypatch):
    monkeypatch.setattr("tasks.verify.PARTITION_BYTES", 1)  # a partition per shard: one alone is read here
    damage(folder / TRAIN, 100)
    (folder / "tiny-test.tfrecord-00000-of-00001").unlink()
    found = sentences(folder, compute=ComputeSettings(mode="processes", workers=2))
    assert found == sentences(folder)
    assert len(found) > 3


def test_a_damaged_record_is_named_and_those_after_it_are_checked(folder):
    offsets, _ = record_offsets(folder / TRAIN)
    damage(folder / TRAIN, offsets[1] + 30)
    damage(folder / TRAIN, offsets[4] + 30)
    changed = f"{TRAIN}: it does not have the sha256 that index.json says"
    crc = "it does not have its checksum (at byte {})"
    lost = "the row of source/{}.png#0 is in use, but no readable record has its id"
    assert sentences(folder) == [
        changed,
        f"shard {TRAIN}, record 1: {crc.format(offsets[1] - 12)}",
        f"shard {TRAIN}, record 4: {crc.format(offsets[4] - 12)}",
        *(f"{MANIFEST_FILE}: {lost.format(number)}" for number in (1, 4)),
    ]


def test_a_damaged_length_costs_one_record(folder):
    offsets, lengths = record_offsets(folder / TRAIN)
    damage(folder / TRAIN, offsets[2] - 11)
    (_, fault, lost) = verified(folder).faults
    gone = 16 + lengths[2]
    detail = f"its length is damaged, so that {gone} bytes up to the next record are lost (at byte {offsets[2] - 12})"
    assert (fault.record, fault.detail) == (2, detail)
    assert lost.detail.startswith("the row of source/2.png#0 is in use")


def test_a_shard_that_is_cut_off(folder):
    path = folder / TRAIN
    path.write_bytes(path.read_bytes()[:-7])
    assert sentences(folder)[:2] == [
        f"{TRAIN}: it has {path.stat().st_size} bytes, index.json says {path.stat().st_size + 7}",
        f"shard {TRAIN}, record 5: it is cut off: 7 of its bytes are missing (at byte {record_begin(folder, 5)})",
    ]


def record_begin(folder, number):
    payloads = [encode_record(record) for record in tiny().records["train"][:number]]
    return sum(len(payload) + 16 for payload in payloads)


def rewritten(folder, change):
    """The first shard of train with a change of its payloads, and an index that agrees with it."""
    payloads = change(list(read_tfrecord(folder / TRAIN)))
    write_tfrecord(folder / TRAIN, payloads)
    index = read_index(folder)
    first, *others = index.splits["train"]
    splits = {**index.splits, "train": (describe_shard(folder / TRAIN, first.records), *others)}
    digest = content_digest(folder, [entry for entries in splits.values() for entry in entries])
    write_index(folder, replace(index, splits=splits, content_digest=digest))
    described = json.loads((folder / "dataset_info.json").read_text())
    for split in described["splits"]:
        split["numBytes"] = str(sum(entry.bytes for entry in splits[split["name"]]))
    (folder / "dataset_info.json").write_text(json.dumps(described))


def with_record(number, **changes):
    record = replace(tiny().records["train"][number], **changes)
    return lambda payloads: [*payloads[:number], encode_record(record), *payloads[number + 1 :]]


WRONG = [
    ({"image": b"no image"}, "a payload of 8 bytes is neither PNG, JPEG nor raw; write it again with encode_image"),
    ({"image": encode_image(picture(0, (4, 4, 3)), "png")}, "its image is [4, 4, 3], index.json says [8, 6, 3]"),
    ({"image": encode_image(picture(0), "jpeg")}, "its image is jpeg, index.json says png"),
    ({"label": None}, "it has no label, but the data set has classes"),
    ({"label": 3}, "its label is 3, allowed are 0 to 2"),
    ({"kind": "augmented", "derived_from": "x"}, "its kind is 'augmented', in split train it has to be 'real'"),
    ({"kind": "drawn"}, "its kind is 'drawn', in split train it has to be 'real'"),
    ({"label": 0}, "its label is not that of its row in manifest.parquet"),
    ({"derived_from": "y"}, "its derived_from is not that of its row in manifest.parquet"),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG, ids=lambda value: "-".join(value) if value is dict else None)
def test_a_record_that_is_whole_but_wrong_is_named_with_its_id(folder, changes, sentence):
    rewritten(folder, with_record(2, **changes))
    assert f"shard {TRAIN}, record 2 (id source/2.png#0): {sentence}" in sentences(folder)


def test_an_image_without_its_sha256_is_named(folder):
    old = tiny().records["train"][0].image

    def change(payloads):
        return [payloads[0].replace(old, old[:-1] + bytes([old[-1] ^ 1])), *payloads[1:]]

    rewritten(folder, change)
    sentence = "record 'source/0.png#0': the image does not have its sha256; write it again"
    assert sentences(folder)[0] == f"shard {TRAIN}, record 0 (id source/0.png#0): {sentence}"


def test_repeated_missing_and_unknown_records(folder):
    unknown = encode_record(replace(tiny().records["train"][5], id="source/new.png#0"))
    rewritten(folder, lambda payloads: [*payloads[:4], payloads[3], unknown])
    assert sentences(folder) == [
        f"shard {TRAIN}, record 4 (id source/3.png#0): another record has the same id",
        f"shard {TRAIN}, record 5 (id source/new.png#0): no used row of manifest.parquet has its id",
        f"{MANIFEST_FILE}: the row of source/4.png#0 is in use, but no readable record has its id",
        f"{MANIFEST_FILE}: the row of source/5.png#0 is in use, but no readable record has its id",
    ]


def test_a_record_in_another_split_than_its_row_says(folder):
    version = tiny()
    version.rows[0]["split"] = "test"
    folder = version.write(folder.parent / "other")
    found = f"shard {TRAIN}, record 0 (id source/0.png#0): its split is not that of its row in manifest.parquet"
    assert sentences(folder) == [found]


def test_records_that_the_index_does_not_count(folder):
    rewritten(folder, lambda payloads: payloads[:-1])
    assert sentences(folder)[0] == f"{TRAIN}: 5 records are found in it, index.json says 6"


def test_at_most_so_many_are_named_and_all_are_counted(folder):
    rewritten(folder, lambda payloads: [payloads[0]] * 6)
    verdict = verified(folder, limit=2)
    assert {kind.value: count for kind, count in verdict.faults.counts.items()} == {
        "repeated_id": 5,
        "not_in_shards": 5,
    }
    assert len(list(verdict.faults)) == 4


@pytest.mark.parametrize("name", ["features.json", "label.labels.txt", "manifest.parquet", "gate.json", TRAIN])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert f"{name}: it is missing; copy it again or publish again" in sentences(folder)


def test_a_version_that_lost_its_last_file(folder):
    (folder / "dataset_info.json").unlink()
    sentence = "it is missing: the version was not published to its end, or lost it since; no reader opens it"
    assert sentences(folder) == [f"dataset_info.json: {sentence}"]


def test_a_version_in_the_folder_of_another(folder):
    moved = folder.rename(folder.with_name("1.1.0"))
    assert sentences(moved) == ["index.json: it is of version 1.0.0, but the folder is 1.1.0"]


def test_an_unexpected_file_is_named(folder):
    (folder / "tiny-train.tfrecord.tmp").write_bytes(b"x")
    found = ["tiny-train.tfrecord.tmp: index.json knows nothing of it; it is not part of the data"]
    assert sentences(folder) == found


def test_changed_features(folder):
    path = folder / "features.json"
    path.write_text(path.read_text().replace('"8"', '"9"'))
    digest = "its content_digest is not that of its shards with features.json and label.labels.txt: one was changed"
    described = "it describes images [9, 6, 3] of uint8, index.json says [8, 6, 3] of uint8"
    assert sentences(folder) == [f"index.json: {digest}", f"features.json: {described}"]


def test_changed_class_names(folder):
    (folder / "label.labels.txt").write_text("cat\ncow\neel\n")
    assert "label.labels.txt: its class names are not those of index.json" in sentences(folder)


def test_a_changed_description_for_tfds(folder):
    path = folder / "dataset_info.json"
    path.write_text(path.read_text().replace('"4"', '"5"'))
    assert sentences(folder) == ["dataset_info.json: split validation is described otherwise than in index.json"]


def test_a_changed_manifest(folder):
    table = read_table(folder / MANIFEST_FILE)
    write_table(table.slice(1), folder / MANIFEST_FILE)
    assert sentences(folder) == [
        f"{MANIFEST_FILE}: it does not have the sha256 that index.json says",
        f"shard {TRAIN}, record 0 (id source/0.png#0): no used row of manifest.parquet has its id",
    ]


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json", "gate.json", "manifest.parquet", "index.json"])
def test_a_file_that_cannot_be_read_is_named(folder, name):
    (folder / name).write_bytes(b"\xff{")
    assert [fault.file for fault in verified(folder).faults if fault.kind == "unreadable_file"] == [name]


def test_without_an_index_nothing_else_can_be_verified(folder):
    (folder / "index.json").unlink()
    sentence = "so that nothing else could be verified: "
    (found,) = sentences(folder)
    assert found.startswith(f"index.json: {sentence}")


def test_a_refused_version_should_not_be_there(folder):
    path = folder / "gate.json"
    metric = '{"name": "x", "title": "x", "value": 1.0, "outcome": "refused", "interval": null}'
    path.write_text(path.read_text().replace('"metrics": []', f'"metrics": [{metric}]'))
    assert sentences(folder) == ["gate.json: its verdict is refused: this version should not have been published"]


def test_all_versions_of_a_data_set_or_the_latest(tmp_path):
    for version in ("1.2.0", "1.10.0"):
        tiny(version=version).write(tmp_path / "tiny" / version)
    assert [path.name for path in folders_at(tmp_path / "tiny")[0]] == ["1.2.0", "1.10.0"]
    assert [path.name for path in folders_at(tmp_path / "tiny" / "latest")[0]] == ["1.10.0"]
    assert [path.name for path in folders_at(tmp_path / "tiny" / "1.2.0")[0]] == ["1.2.0"]


def test_a_version_that_is_no_longer_there_is_damage(folder):
    (folder.parent / "latest").write_text("2.0.0\n")
    folders, faults = folders_at(folder.parent)
    assert folders == [folder]
    assert [fault.sentence for fault in faults] == ["latest: it names '2.0.0', but there are versions 1.0.0"]


def test_bad_paths(tmp_path):
    gone, empty = tmp_path / "gone", tmp_path / "empty"
    empty.mkdir()
    sentence = f"{gone}: no such folder; give <name>/ or <name>/<x.y.z>/ of a published data set"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        folders_at(gone)
    sentence = (
        f"{empty}: not a data set (no index.json, no versions, no `latest`); give <name>/, <name>/<x.y.z>/ or a "
        "folder of shards"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        folders_at(empty)
