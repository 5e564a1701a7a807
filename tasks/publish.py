"""Publish: copy, verify, and make a version visible by its last file.

Without `dataset_info.json` TFDS cannot open a folder, so it goes last; then `latest`. A version never changes.
"""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from datasets.atomic_file import write_text_atomically
from datasets.errors import FormatError, Refused
from datasets.gate_file import GATE_FILE, describe_refusals, read_gate
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.tfds_layout import LATEST_FILE, Index, read_index, write_dataset_info, write_index
from tasks.digests import canonical_json, digest_of, file_digests
from tasks.published_versions import Published, damage, latest, version_numbers, versions
from tasks.stage_context import StageContext, Summary
from tasks.state import known_state, remembered, write_state

PUBLISHED_FILE = "published.json"
FIRST_VERSION = "1.0.0"


class PublishSettings(BaseModel):
    """What a published version says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field("", description="one or two sentences for the data set's page; empty = a plain default")
    homepage: str | None = Field(None, description="address of a page about the data, if any")


def publish_real(settings: PublishSettings, context: StageContext) -> Summary:
    """Publish prepared real images, and remember their splits and class ids."""
    _check_class_ids(context)
    state = known_state(context.shared, context.published, context.dataset)
    published, outcome = _publish(settings, context, context.dataset, "shard", "gate_data")
    write_state(context.shared, remembered(state, published))
    return _record(context, published, outcome)


def publish_synthetic(settings: PublishSettings, context: StageContext) -> Summary:
    """Publish synthetic images that passed their gate."""
    name = synthetic_name(context.dataset)
    published, outcome = _publish(settings, context, name, "shard_synthetic", "gate_synthetic")
    state = known_state(context.shared, context.published, context.dataset)
    write_state(context.shared, replace(state, published={**state.published, name: published.version}))
    return _record(context, published, outcome)


def _check_class_ids(context: StageContext) -> None:
    """A published class never gets another id, whatever became of the workspace. Raises Refused."""
    last = latest(context.published / context.dataset)
    if last is None:
        return
    before = last.index.features.class_names or ()
    now = read_index(context.inputs["shard"]).features.class_names or ()
    if now[: len(before)] != before:
        raise Refused(
            f"{context.dataset} is not published: its classes were {', '.join(before)} in {last.version} and would be "
            f"{', '.join(now) or 'none'}; ids of published classes do not change: choose another dataset name"
        )


def synthetic_name(dataset: str) -> str:
    """Name of the synthetic data set that belongs to a real one."""
    return f"{dataset}_synthetic"


def is_still_published(settings: PublishSettings, context: StageContext, folder: Path) -> str | None:
    """What is wrong with the version that an old output names, None if it is the latest and intact."""
    record = json.loads((folder / PUBLISHED_FILE).read_text(encoding="utf-8"))
    found = latest(context.published / record["name"])
    if found is None:
        return f"{record['name']} {record['version']} is no longer published"
    if found.version != record["version"]:
        return f"{found.version} was published since"
    now = file_digests(found.path)
    changed = sorted(name for name, digest in record["files"].items() if now.get(name) != digest)
    return f"{changed[0]} of {found.version} was changed" if changed else None


def next_version(index: Index, last: Index | None) -> str:
    """X = class set or shape changed, y = data or settings changed, z = same content published again."""
    if last is None or last.version is None:
        return FIRST_VERSION
    major, minor, patch = version_numbers(last.version)
    if index.features != last.features:
        return f"{major + 1}.0.0"
    if publication_digest(index) != publication_digest(last):
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def publication_digest(index: Index) -> str:
    """Digest of all that a version says: content, how to normalise it, manifest with licences and rejects, lineage."""
    return digest_of([index.content_digest, asdict(index.normalise), dict(index.lineage)])


def _publish(
    settings: PublishSettings, context: StageContext, name: str, shards_input: str, gate_input: str
) -> tuple[Published, str]:
    gate = read_gate(context.inputs[gate_input])
    if gate.verdict != "passed":
        raise Refused(f"{name} is not published: its gate refused it ({describe_refusals(gate.refusals)})")
    folder = context.published / name
    index = read_index(context.inputs[shards_input])
    words = {"description": settings.description, "homepage": settings.homepage}
    index = replace(index, lineage={**index.lineage, **words})
    last = latest(folder)
    if last and publication_digest(last.index) == publication_digest(index) and damage(last) is None:
        return last, "unchanged"
    version = _free_version(next_version(index, last.index if last else None), versions(folder))
    index = replace(index, version=version)
    target = folder / version
    _copy(context.inputs[shards_input], target, context)
    shutil.copyfile(context.inputs[gate_input] / GATE_FILE, target / GATE_FILE)
    write_index(target, index)
    published = Published(target, index)
    wrong = damage(published)
    if wrong:
        raise FormatError(f"{target} was not copied whole: {wrong}; check the disk and run again")
    _make_visible(settings, published)
    return published, "published"


def _free_version(wanted: str, taken: list[str]) -> str:
    """A version that was never used, also when `latest` was set back to an older one."""
    major, minor, patch = version_numbers(wanted)
    while f"{major}.{minor}.{patch}" in taken:
        minor, patch = minor + 1, 0
    return f"{major}.{minor}.{patch}"


def _copy(source: Path, target: Path, context: StageContext) -> None:
    """Copy all files but DONE into a folder that nobody can open yet; leftovers of a dead run are replaced."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    names = [path.name for path in sorted(source.iterdir()) if path.name != "DONE" and not path.name.startswith(".")]
    for done, name in enumerate(names, start=1):
        shutil.copyfile(source / name, target / name)
        context.progress(done, len(names))


def _make_visible(settings: PublishSettings, published: Published) -> None:
    index = published.index
    splits = {
        split: {
            "shard_lengths": [shard.records for shard in shards],
            "bytes": sum(shard.bytes for shard in shards),
        }
        for split, shards in index.splits.items()
    }
    licences = sorted(set(read_table(published.path / MANIFEST_FILE, ["licence"])["licence"].to_pylist()) - {None})
    write_dataset_info(
        published.path,
        name=index.name,
        version=published.version,
        description=settings.description or f"{index.name}, prepared and verified by augment-dataset.",
        splits=splits,
        labelled=index.features.class_names is not None,
        licence=", ".join(licences) or None,
        homepage=settings.homepage,
    )
    write_text_atomically(published.path.parent / LATEST_FILE, published.version + "\n")


def _record(context: StageContext, published: Published, outcome: str) -> Summary:
    index = published.index
    record: dict[str, Any] = {
        "name": index.name,
        "version": published.version,
        "content_digest": index.content_digest,
        "files": file_digests(published.path),
    }
    (context.out / PUBLISHED_FILE).write_text(canonical_json(record, indent=1), encoding="utf-8")
    images = sum(index.records(split) for split in index.splits)
    return {
        "images_in": images,
        "images_out": images,
        "rejected": {},
        "outcome": outcome,
        "name": index.name,
        "version": published.version,
        "path": str(published.path),
    }
