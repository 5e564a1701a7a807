"""Traces of hashes of records and of shard files, real, augmented and synthetic."""

import hashlib
import re
import shutil
from dataclasses import replace

import pytest

from datasets.errors import BadInput
from datasets.image_record import decode_record
from datasets.manifest import MANIFEST_FILE, read_table, with_columns, write_table
from datasets.tfds_layout import read_index, write_index
from datasets.tfrecord import read_tfrecord
from flows.trace import sentences
from tasks.digests import file_sha256
from tasks.lineage.record import read_lineage
from tasks.trace import trace, wanted_of
from tests.tasks.published_pair import SEED, published_pair


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return published_pair(tmp_path_factory.mktemp("pair")).published


def records_of(published, name, split):
    folder = published / name / "1.0.0"
    (shard,) = read_index(folder).splits[split]
    return shard.file, [decode_record(payload) for payload in read_tfrecord(folder / shard.file)]


def sha256_of(record):
    return hashlib.sha256(record.image).hexdigest()


def find(published, text):
    found = trace(published, wanted_of(text))
    return found, list(sentences(found, published))


def row_of(published, name, key):
    rows = read_table(published / name / "1.0.0" / MANIFEST_FILE).to_pylist()
    return next(row for row in rows if f"{row['source']}/{row['member']}#{row['frame']}" == key)


def test_a_prepared_image_leads_from_its_record_to_its_file(published, tmp_path):
    # Prepared images that are the files themselves are found by those; so this file is encoded otherwise.
    folder = shutil.copytree(published, tmp_path / "published") / "tiny" / "1.0.0"
    file, records = records_of(published, "tiny", "train")
    table = read_table(folder / MANIFEST_FILE)
    hashes = [f"{number:064x}" if row["sha256"] else None for number, row in enumerate(table.to_pylist(), start=1)]
    write_table(with_columns(table, sha256=hashes), folder / MANIFEST_FILE)
    found, told = find(folder.parent.parent, sha256_of(records[4])[:14])
    (record,) = found.records
    assert (record.file, record.record, record.id, record.kind) == (file, 4, records[4].id, "real")
    assert [(row.id, row.split) for row in found.appearances] == [(records[4].id, "train")]
    assert found.exclusions[0] == found.appearances[0].sha256
    assert f"it is the image of record 4 in {file} of tiny 1.0.0, made from {records[4].id}" in told
    assert found.learned[0].dataset == "tiny_synthetic"


def test_an_augmented_record_leads_to_the_file_that_it_was_varied_from(published):
    _, records = records_of(published, "tiny", "train_augmented")
    found, told = find(published, sha256_of(records[0]))
    parent = row_of(published, "tiny", records[0].derived_from)
    (origin,) = found.origins
    assert (origin.kind, origin.parent, origin.parent_sha256) == (
        "augmented",
        records[0].derived_from,
        parent["sha256"],
    )
    assert (
        f"{records[0].id} of tiny 1.0.0 is augmented, made from {records[0].derived_from} (sha256 {parent['sha256']})"
        in told
    )


def test_a_synthetic_record_leads_to_its_generator_and_what_that_learned_from(published):
    _, records = records_of(published, "tiny_synthetic", "train")
    found, told = find(published, sha256_of(records[0])[:16])
    lineage = read_lineage(published / "tiny_synthetic" / "1.0.0")
    (origin,) = found.origins
    assert (origin.weights_sha256, origin.seed, origin.real_dataset, origin.real_version, origin.training) == (
        *(records[0].derived_from, SEED, "tiny", "1.0.0", lineage["training"]["fingerprint"]),
    )
    assert (
        f"{records[0].id} of tiny_synthetic 1.0.0 is synthetic, made by the generator with weights "
        f"{records[0].derived_from} and seed 3, which learned from tiny 1.0.0 in training run {origin.training[:16]}"
    ) in told
    assert found.exclusions == ()


@pytest.mark.parametrize(("name", "kinds"), [("tiny", []), ("tiny_synthetic", ["synthetic"])])
def test_a_shard_file_is_known_by_its_hash(published, name, kinds):
    (shard,) = read_index(published / name / "1.0.0").splits["train"]
    found, told = find(published, file_sha256(published / name / "1.0.0" / shard.file)[:12])
    assert [(entry.dataset, entry.file, entry.split) for entry in found.shards] == [(name, shard.file, "train")]
    assert [origin.kind for origin in found.origins] == kinds
    assert f"it is {shard.file} of {name} 1.0.0: {shard.records} records of the split train" in told
    assert "is a shard file of the versions in" in told[0]
    assert (found.appearances, found.exclusions) == ((), ())


def test_a_hash_of_nothing_is_looked_for_in_every_shard(published):
    found, told = find(published, "d4" * 32)
    assert (found.records, found.shards, found.appearances) == ((), (), ())
    assert "is in none of the versions in" in told[0]


def test_digits_of_a_shard_and_of_an_image_are_refused(published, tmp_path):
    folder = shutil.copytree(published, tmp_path / "published") / "tiny" / "1.0.0"
    index = read_index(folder)
    (shard,) = index.splits["train"]
    sha256 = read_table(folder / MANIFEST_FILE).to_pylist()[0]["sha256"]
    alike = sha256[:20] + shard.sha256[20:]
    write_index(folder, replace(index, splits={**index.splits, "train": (replace(shard, sha256=alike),)}))
    with pytest.raises(BadInput, match=re.escape(f"{sha256[:12]} is the beginning of 2 hashes: ")):
        find(folder.parent.parent, sha256[:12])


def test_a_damaged_shard_is_named_and_the_others_are_read(published, tmp_path):
    folder = shutil.copytree(published, tmp_path / "published") / "tiny" / "1.0.0"
    (shard,) = read_index(folder).splits["train"]
    (folder / shard.file).unlink()
    found, _ = find(folder.parent.parent, "d4" * 32)
    assert found.skipped == {
        "tiny/1.0.0": f"{folder / shard.file}: cannot be read (No such file or directory); run augment-dataset verify"
    }


def test_digits_inside_a_hash_are_not_its_beginning(published):
    _, records = records_of(published, "tiny", "test")
    found, _ = find(published, sha256_of(records[0])[20:40])
    assert (found.records, found.shards) == ((), ())
