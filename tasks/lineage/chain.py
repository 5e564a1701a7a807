"""Whether every link from the source to the shards holds: digests that name one another are compared."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets.errors import FormatError
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.tfds_layout import INDEX_FILE, Index, read_index
from tasks.digests import digest_of, file_sha256
from tasks.lineage.record import GENERATOR_FOLDER, LINEAGE_FILE, read_lineage

Record = Mapping[str, Any]


def broken_links(folder: Path, index: Index) -> Iterator[str]:
    """A sentence for every link of a published version's lineage that does not hold; none without `lineage.json`.

    The real version of a synthetic one is looked for beside it; where it is not there, that link is not judged.
    Raises FormatError where `lineage.json` cannot be read.
    """
    if not (folder / LINEAGE_FILE).exists():
        return
    record = read_lineage(folder)
    links: list[Callable[[Path, Index, Record], Iterator[str]]] = [_is_of_this_version, _stages_fit, _shards_fit]
    if record.get("kind") == "synthetic":
        links += [_weights_fit, _generator_fits, _real_fits]
    try:
        for link in links:
            yield from link(folder, index, record)
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{folder / LINEAGE_FILE}: damaged ({error!r}); copy the version again") from error


def _is_of_this_version(folder: Path, index: Index, record: Record) -> Iterator[str]:
    ours = {
        "name": index.name,
        "version": index.version,
        "content_digest": index.content_digest,
        "manifest_sha256": index.lineage.get("manifest_sha256"),
    }
    for name, value in ours.items():
        if record[name] != value:
            yield f"its {name} is {record[name]}, that of index.json is {value}"


def _stages_fit(folder: Path, index: Index, record: Record) -> Iterator[str]:
    """What a stage read is what the stage before it wrote."""
    stages = record["stages"]
    for name, stage in stages.items():
        if digest_of(stage["outputs"]) != stage["output"]:
            yield f"the files that stage {name} wrote do not have the digest of its output"
        for before, digest in stage["inputs"].items():
            if before in stages and stages[before]["output"] != digest:
                yield f"stage {name} read another output of stage {before} than the one that is named"


def _shards_fit(folder: Path, index: Index, record: Record) -> Iterator[str]:
    """The files that were published are those that the last stage wrote."""
    stage = record["stages"].get("shard_synthetic" if record["kind"] == "synthetic" else "shard")
    if stage is None:
        return
    files = {shard.file: shard.sha256 for shards in index.splits.values() for shard in shards}
    files[MANIFEST_FILE] = index.lineage.get("manifest_sha256") or ""
    for name, digest in files.items():
        if stage["outputs"].get(name) != digest:
            yield f"{name} is not what the stage that made the shards wrote"


def _weights_fit(folder: Path, index: Index, record: Record) -> Iterator[str]:
    """Every record names the weights of the training run."""
    weights = record["training"]["weights_sha256"]
    named = set(read_table(folder / MANIFEST_FILE, ["derived_from"])["derived_from"].unique().to_pylist())
    if named - {weights}:
        yield "images in manifest.parquet are derived from other weights than those of the training run"
    stage = record["stages"].get("train")
    if stage and stage["outputs"].get("generator.weights.npz") != record["training"]["weights_file_sha256"]:
        yield "the weights are not those that stage train wrote"
    if stage and stage["fingerprint"] != record["training"]["fingerprint"]:
        yield "the training run is not that of stage train"
    if record["sampling"]["seed"] != index.lineage["generator"]["seed"]:
        yield "the seed of sampling is not that of index.json"


def _generator_fits(folder: Path, index: Index, record: Record) -> Iterator[str]:
    """The published generator is the one that was trained."""
    files = record["generator"]
    if files is None:
        return
    for name, digest in files.items():
        path = folder / GENERATOR_FOLDER / name
        if not path.is_file():
            yield f"{GENERATOR_FOLDER}/{name} is missing"
        elif file_sha256(path) != digest:
            yield f"{GENERATOR_FOLDER}/{name} was changed"
    trained = record["training"]
    if trained["weights_file_sha256"] not in (None, files["generator.weights.npz"]):
        yield "the published weights are not those of the training run"
    spec = folder / GENERATOR_FOLDER / "generator.json"
    if spec.is_file() and json.loads(spec.read_text(encoding="utf-8"))["weights_sha256"] != trained["weights_sha256"]:
        yield "the published generator has other weights than the images are derived from"


def _real_fits(folder: Path, index: Index, record: Record) -> Iterator[str]:
    """The version that was learned from is still what it was, where it is at hand."""
    real, stage = record["real"], record["stages"].get("train")
    if real["content_digest"] != index.lineage["real"]["content_digest"]:
        yield "the real version is not the one that index.json names"
    if stage and (stage["reads"] or {}).get("content_digest") != real["content_digest"]:
        yield f"stage train read another real version than {real['name']} {real['version']}"
    there = folder.resolve().parent.parent / real["name"] / real["version"]
    if not (there / INDEX_FILE).is_file():
        return
    now = read_index(there)
    if (now.content_digest, now.lineage.get("manifest_sha256")) != (real["content_digest"], real["manifest_sha256"]):
        yield f"{real['name']} {real['version']} is not what it was when the generator learned from it"
