"""The chain from source rows to synthetic shards, whole and with each link broken."""

import json
import re
import shutil

import pytest

from datasets.errors import FormatError
from datasets.tfds_layout import read_index
from tasks.digests import file_sha256
from tasks.lineage.chain import broken_links
from tasks.lineage.record import read_lineage
from tasks.lineage.shareable import LEFT_OUT, shareable
from tasks.parallel import ComputeSettings
from tasks.progress import silent
from tasks.verify import verify
from tests.tasks.published_pair import PREPARED, SEED, published_pair


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return published_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def versions(once, tmp_path):
    """Folders of the real and of the synthetic version, a copy of its own for each test."""
    shutil.copytree(once.published, tmp_path / "published")
    return {name: tmp_path / "published" / name / "1.0.0" for name in ("tiny", "tiny_synthetic")}


def broken(folder):
    return list(broken_links(folder, read_index(folder)))


def changed(folder, change):
    """Change lineage.json, and its digest in index.json with it, so that only the link is wrong."""
    record = json.loads((folder / "lineage.json").read_text())
    change(record)
    (folder / "lineage.json").write_text(json.dumps(record))
    index = json.loads((folder / "index.json").read_text())
    index["files"]["lineage.json"] = file_sha256(folder / "lineage.json")
    (folder / "index.json").write_text(json.dumps(index))


def test_both_chains_are_whole_and_verify_says_so(versions):
    for folder in versions.values():
        assert broken(folder) == []
        (verdict,) = verify([folder], ComputeSettings(mode="synchronous"), silent)
        assert list(verdict.faults) == []


def test_the_chain_leads_from_the_source_to_the_synthetic_shards(versions, once):
    real, made = (read_lineage(folder) for folder in versions.values())
    assert tuple(real["stages"]) == tuple(sorted(PREPARED))
    for name, stage in real["stages"].items():
        for before, digest in stage["inputs"].items():
            assert real["stages"][before]["output"] == digest, name
    index = read_index(versions["tiny"])
    shards = {shard.file: shard.sha256 for shards in index.splits.values() for shard in shards}
    assert shards.items() <= real["stages"]["shard"]["outputs"].items()
    assert made["real"] == {
        "name": "tiny",
        "version": "1.0.0",
        "content_digest": index.content_digest,
        "manifest_sha256": file_sha256(versions["tiny"] / "manifest.parquet"),
    }
    assert made["stages"]["train"]["reads"] == {"content_digest": index.content_digest}
    assert made["training"]["fingerprint"] == made["stages"]["train"]["fingerprint"]
    checkpoint = once.outputs["train"] / "checkpoints" / "step-000000009.npz"
    assert made["training"]["checkpoint"] == {"file": checkpoint.name, "sha256": file_sha256(checkpoint)}
    assert made["sampling"] == {"seed": SEED, "truncation": 1.0, "images": {"left": 8, "right": 8}}
    assert made["generator"].keys() == {"generator.json", "generator.keras", "generator.weights.npz"}


def test_settings_are_told_without_places(versions, once):
    record = read_lineage(versions["tiny"])
    assert record["stages"]["ingest"]["settings"]["path"] == LEFT_OUT
    assert record["stages"]["scan"]["settings"]["channels"] == 1
    assert str(once.base) not in (versions["tiny"] / "lineage.json").read_text()


BREAKS = {
    "another version": (
        "tiny_synthetic",
        lambda record: record.update(version="9.0.0"),
        "its version is 9.0.0, that of index.json is 1.0.0",
    ),
    "another output": (
        "tiny",
        lambda record: record["stages"]["scan"]["inputs"].update(ingest="0" * 64),
        "stage scan read another output of stage ingest than the one that is named",
    ),
    "other files": (
        "tiny",
        lambda record: record["stages"]["curate"]["outputs"].popitem(),
        "the files that stage curate wrote do not have the digest of its output",
    ),
    "another real version": (
        "tiny_synthetic",
        lambda record: record["stages"]["train"].update(reads={"content_digest": "0" * 64}),
        "stage train read another real version than tiny 1.0.0",
    ),
    "another training run": (
        "tiny_synthetic",
        lambda record: record["training"].update(fingerprint="0" * 64),
        "the training run is not that of stage train",
    ),
    "another seed": (
        "tiny_synthetic",
        lambda record: record["sampling"].update(seed=SEED + 1),
        "the seed of sampling is not that of index.json",
    ),
    "other weights": (
        "tiny_synthetic",
        lambda record: record["training"].update(weights_file_sha256="0" * 64),
        "the weights are not those that stage train wrote",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_link_is_named(versions, name):
    dataset, change, sentence = BREAKS[name]
    changed(versions[dataset], change)
    assert sentence in broken(versions[dataset])


def test_verify_reports_a_broken_chain(versions):
    changed(versions["tiny_synthetic"], lambda record: record["sampling"].update(seed=99))
    (verdict,) = verify([versions["tiny_synthetic"]], ComputeSettings(mode="synchronous"), silent)
    assert [fault.sentence for fault in verdict.faults] == [
        "lineage.json: the seed of sampling is not that of index.json"
    ]


def test_a_real_version_that_became_another_one_breaks_the_chain(versions):
    index = json.loads((versions["tiny"] / "index.json").read_text())
    index["content_digest"] = "0" * 64
    (versions["tiny"] / "index.json").write_text(json.dumps(index))
    assert broken(versions["tiny_synthetic"]) == ["tiny 1.0.0 is not what it was when the generator learned from it"]


def test_without_the_real_version_that_link_is_not_judged(versions):
    shutil.rmtree(versions["tiny"].parent)
    assert broken(versions["tiny_synthetic"]) == []


def test_a_changed_generator_breaks_the_chain(versions):
    path = versions["tiny_synthetic"] / "generator" / "generator.weights.npz"
    path.write_bytes(path.read_bytes()[:-1])
    assert broken(versions["tiny_synthetic"]) == ["generator/generator.weights.npz was changed"]


def test_a_synthetic_image_of_other_weights_breaks_the_chain(versions):
    changed(versions["tiny_synthetic"], lambda record: record["training"].update(weights_sha256="0" * 64))
    assert "images in manifest.parquet are derived from other weights than those of the training run" in broken(
        versions["tiny_synthetic"]
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "damaged (JSONDecodeError"),
        ('{"format_version": 9}', "lineage version 9, this code reads 1; publish again"),
        ('{"format_version": 1, "kind": "real"}', "damaged (KeyError('name'))"),
    ],
)
def test_a_lineage_that_cannot_be_followed_is_refused(versions, text, sentence):
    (versions["tiny"] / "lineage.json").write_text(text)
    with pytest.raises(FormatError, match=re.escape(sentence)):
        broken(versions["tiny"])


@pytest.mark.parametrize(
    "place",
    [
        "/data/x",
        "~/x",
        "..",
        "../x",
        "C:\\x",
        "\\\\host\\x",
        "s3://bucket/x",
        "https://user:pw@host/x",
        "me@host",
        "a\nb",
    ],
)
def test_places_and_what_opens_them_are_left_out(place):
    assert shareable({"a": [place], "b": "kept/as it is", "c": 3}) == {"a": [LEFT_OUT], "b": "kept/as it is", "c": 3}


def test_credentials_are_left_out_whatever_they_look_like():
    assert shareable({"storage_options": {"key": "abc"}, "token": "t"}) == {
        "storage_options": LEFT_OUT,
        "token": LEFT_OUT,
    }
    assert shareable({"storage_options": None}) == {"storage_options": None}
