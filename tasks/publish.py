"""Publish: copy, verify, and make a version visible by its last file.

Without `dataset_info.json` TFDS cannot open a folder, so it goes last; then `latest`. A version never changes.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from datasets.atomic_file import write_text_atomically
from datasets.errors import FormatError, Refused
from datasets.gate_file import GATE_FILE, describe_refusals, read_gate
from datasets.manifest import MANIFEST_FILE, in_use, read_table
from datasets.tfds_layout import LATEST_FILE, Index, read_index, write_dataset_info, write_index
from tasks.digests import canonical_json, file_digests
from tasks.published_versions import Published, damage, latest, version_numbers, versions
from tasks.stage import StageContext, Summary
from tasks.state import State, read_state, write_state

PUBLISHED_FILE = "published.json"
FIRST_VERSION = "1.0.0"


class PublishSettings(BaseModel):
    """What a published version says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field("", description="one or two sentences for the data set's page; empty = a plain default")
    homepage: str | None = Field(None, description="address of a page about the data, if any")


def publish_real(settings: PublishSettings, context: StageContext) -> Summary:
    """Publish prepared real images, and remember their splits and class ids."""
    published, outcome = _publish(settings, context, context.dataset, "shard", "gate_data")
    _remember(context, published)
    return _record(context, published, outcome)


def publish_synthetic(settings: PublishSettings, context: StageContext) -> Summary:
    """Publish synthetic images that passed their gate."""
    name = synthetic_name(context.dataset)
    published, outcome = _publish(settings, context, name, "shard_synthetic", "gate_synthetic")
    state = read_state(context.shared)
    versions_now = {**state.published, name: published.version}
    write_state(context.shared, replace(state, published=versions_now))
    return _record(context, published, outcome)


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
    return damage(found)


def next_version(index: Index, last: Index | None) -> str:
    """X = class set or shape changed, y = data or settings changed, z = same content published again."""
    if last is None or last.version is None:
        return FIRST_VERSION
    major, minor, patch = version_numbers(last.version)
    if index.features != last.features:
        return f"{major + 1}.0.0"
    if index.content_digest != last.content_digest:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def _publish(
    settings: PublishSettings, context: StageContext, name: str, shards_input: str, gate_input: str
) -> tuple[Published, str]:
    gate = read_gate(context.inputs[gate_input])
    if gate.verdict != "passed":
        raise Refused(f"{name} is not published: its gate refused it ({describe_refusals(gate.refusals)})")
    folder = context.published / name
    index = read_index(context.inputs[shards_input])
    last = latest(folder)
    if last and last.index.content_digest == index.content_digest and damage(last) is None:
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
    names = [path.name for path in sorted(source.iterdir()) if path.name != "DONE"]
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


def _remember(context: StageContext, published: Published) -> None:
    """Add what was published to the ledger of splits and to the class ids."""
    state = read_state(context.shared)
    used = in_use(read_table(published.path / MANIFEST_FILE, ["sha256", "split", "kind", "status"]))
    columns = (used[name].to_pylist() for name in ("sha256", "split", "kind"))
    real = {sha256: split for sha256, split, kind in zip(*columns, strict=True) if kind == "real"}
    write_state(
        context.shared,
        State(
            class_names=published.index.features.class_names or state.class_names,
            splits={**state.splits, **real},
            published={**state.published, context.dataset: published.version},
        ),
    )


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
