"""Publish: stage a version where nobody sees it, verify it, and make it visible by its last file.

Without `dataset_info.json` TFDS cannot open a folder, so it goes last; then `latest`. A version never changes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from datasets.errors import Refused
from datasets.sources.storage_options import without_secrets
from datasets.tfds_layout import LATEST_FILE, Index, read_index
from tasks.digests import canonical_json, file_digests
from tasks.done_file import DONE_FILE
from tasks.gate_data import DataGateSettings, compares_with_latest
from tasks.published_generator import GeneratorFiles
from tasks.published_versions import Published, damage, is_complete, latest, version_numbers
from tasks.publishing.checks import check_class_ids, check_gate, check_licences
from tasks.publishing.commit import check_latest, commit, move_latest
from tasks.publishing.local_target import LocalTarget
from tasks.publishing.mirror import Mirror, publisher_id
from tasks.publishing.opening import open_target
from tasks.publishing.remote_target import RemoteTarget
from tasks.publishing.staging import info_of, stage_version
from tasks.publishing.target import Target, versions_at
from tasks.publishing.upload import upload
from tasks.publishing.version_choice import Choice, choose_version, publication_digest
from tasks.stage_context import StageContext, Summary
from tasks.state import known_state, remembered, write_state

PUBLISHED_FILE = "published.json"


class PublishSettings(BaseModel):
    """What a published version says of itself, and what has to be so before it is published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field("", description="one or two sentences for the data set's page; empty = a plain default")
    homepage: str | None = Field(None, description="address of a page about the data, if any")
    generator: GeneratorFiles = Field(
        "keras", description="beside synthetic images: none; weights; keras, a .keras file too (up to 20 MiB)"
    )
    require_licence: bool = Field(False, description="publish only images of which a licence is known")
    storage_options: Mapping[str, Any] | None = Field(
        None, description="how fsspec opens a URL in `published`; credentials come from the environment"
    )

    @field_validator("storage_options")
    @classmethod
    def _hold_no_secret(cls, options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        return without_secrets(options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What publishing would do now: a new version or none, its number and why, images, and files that are copied."""

    is_new: bool
    choice: Choice
    images: int
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What would be published, and from which outputs of stages."""

    index: Index
    shards: Path
    gate: Path

    @property
    def name(self) -> str:
        return self.index.name


def publish_real(settings: PublishSettings, context: StageContext) -> Summary:
    """Publish prepared real images, and remember their splits and class ids."""
    candidate = real_candidate(settings, context)
    state = known_state(context.shared, context.published, context.dataset)
    summary, published = _publish(settings, context, candidate, gate_is_new=False)
    write_state(context.shared, remembered(state, published))
    return summary


def publish_synthetic(settings: PublishSettings, context: StageContext) -> Summary:
    """Publish synthetic images that passed their gate."""
    candidate = synthetic_candidate(settings, context)
    summary, published = _publish(settings, context, candidate, gate_is_new=True)
    state = known_state(context.shared, context.published, context.dataset)
    write_state(context.shared, replace(state, published={**state.published, candidate.name: published.version}))
    return summary


def real_candidate(settings: PublishSettings, context: StageContext) -> Candidate:
    """The prepared real images, if they may be published. Raises Refused."""
    candidate = _candidate(settings, context, "shard", "gate_data")
    check_gate(candidate.name, candidate.gate)
    check_class_ids(candidate.index, latest(context.published / context.dataset))
    if settings.require_licence:
        check_licences(candidate.name, candidate.shards)
    return candidate


def synthetic_candidate(settings: PublishSettings, context: StageContext) -> Candidate:
    """The synthetic images, if they may be published. Raises Refused."""
    candidate = _candidate(settings, context, "shard_synthetic", "gate_synthetic")
    check_gate(candidate.name, candidate.gate)
    return candidate


def planned_publication(settings: PublishSettings, context: StageContext) -> Planned:
    """What publishing would do, without doing it; not counted is what describes the version. Raises Refused."""
    is_real = "gate_data" in context.inputs
    candidate = real_candidate(settings, context) if is_real else synthetic_candidate(settings, context)
    index, last = candidate.index, latest(context.published / candidate.name)
    if _is_published(candidate, last):
        assert last is not None
        choice, is_new = Choice(last.version, ("it is what was published last",)), False
    else:
        target = open_target(context.remote or context.published, settings.storage_options)
        taken = versions_at(target, candidate.name)
        choice, is_new = choose_version(index, last.index if last else None, taken), True
    copied = [path for path in candidate.shards.iterdir() if path.name != DONE_FILE and path.is_file()]
    return Planned(
        is_new=is_new,
        choice=choice,
        images=sum(index.records(split) for split in index.splits),
        files=len(copied),
        size_bytes=sum(path.stat().st_size for path in copied),
    )


def _is_published(candidate: Candidate, last: Published | None) -> bool:
    """Whether the latest version says all the same, and is intact."""
    if last is None or publication_digest(last.index) != publication_digest(candidate.index):
        return False
    return damage(last) is None


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


def _candidate(settings: PublishSettings, context: StageContext, shards: str, gate: str) -> Candidate:
    index = read_index(context.inputs[shards])
    words = {"description": settings.description, "homepage": settings.homepage}
    index = replace(index, lineage={**index.lineage, **words})
    return Candidate(index=index, shards=context.inputs[shards], gate=context.inputs[gate])


def _publish(
    settings: PublishSettings, context: StageContext, candidate: Candidate, gate_is_new: bool
) -> tuple[Summary, Published]:
    """`context.published` is the target, or the copy that this run keeps of it, as it was when the run began."""
    target = open_target(context.remote or context.published, settings.storage_options)
    folder, name = context.published / candidate.name, candidate.name
    with target.claim(name, publisher_id(context.shared)):
        last = latest(folder)
        before = _latest_text(folder)
        check_latest(target, name, before)
        if not gate_is_new:
            _check_gate_compared(name, context)
        if last and _is_published(candidate, last):
            return _recorded(context, last, "unchanged"), last
        published = _finished_before(target, context, candidate, last)
        if published is None:
            published = _published_anew(settings, context, candidate, target, last, before)
        else:
            for place in _places(target, context):
                move_latest(place, name, published.version)
    return _recorded(context, published, "published"), published


def _published_anew(
    settings: PublishSettings,
    context: StageContext,
    candidate: Candidate,
    target: Target,
    last: Published | None,
    before: str | None,
) -> Published:
    from tasks.description import describe  # what a card tells of takes most of the project to say

    name = candidate.name
    choice = choose_version(candidate.index, last.index if last else None, versions_at(target, name))
    index = replace(candidate.index, version=choice.version)
    folder = context.published / name / choice.version
    published = stage_version(candidate.shards, candidate.gate, folder, index, context, partial(describe, settings))
    info = info_of(published, settings.description, settings.homepage)
    if isinstance(target, RemoteTarget):
        upload(published, target, context.progress)
    for place in _places(target, context):
        commit(place, name, choice.version, info, before)
    if isinstance(target, RemoteTarget):
        Mirror(target, context.published).note(f"{name}/{choice.version}")
    return published


def _places(target: Target, context: StageContext) -> list[Target]:
    """Where a version has to become visible, in this order."""
    return [target, LocalTarget(context.published)] if context.remote else [target]


def _finished_before(
    target: Target, context: StageContext, candidate: Candidate, last: Published | None
) -> Published | None:
    """A version with the same content, whole but for `latest`: a run that ended in between left it."""
    for version in reversed(versions_at(target, candidate.name)):
        if last and version_numbers(version) <= version_numbers(last.version):
            return None
        folder = context.published / candidate.name / version
        if isinstance(target, RemoteTarget):
            Mirror(target, context.published).fetch(f"{candidate.name}/{version}")
        if is_complete(folder):
            found = Published(folder, read_index(folder))
            if publication_digest(found.index) == publication_digest(candidate.index) and damage(found) is None:
                return found
    return None


def _check_gate_compared(name: str, context: StageContext) -> None:
    """Raises Refused where the gate compared with a version that is not the latest any more."""
    stale = compares_with_latest(DataGateSettings(), context, context.inputs["gate_data"])
    if stale:
        raise Refused(f"{name} is not published: {stale}, after its gate compared with the latest version; run again")


def _latest_text(folder: Path) -> str | None:
    path = folder / LATEST_FILE
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else None


def _recorded(context: StageContext, published: Published, outcome: str) -> Summary:
    index = published.index
    record: dict[str, Any] = {
        "name": index.name,
        "version": published.version,
        "content_digest": index.content_digest,
        "files": file_digests(published.path),
    }
    (context.out / PUBLISHED_FILE).write_text(canonical_json(record, indent=1), encoding="utf-8")
    images = sum(index.records(split) for split in index.splits)
    shown = f"{context.remote}/{index.name}/{published.version}" if context.remote else str(published.path)
    return {
        "images_in": images,
        "images_out": images,
        "rejected": {},
        "outcome": outcome,
        "name": index.name,
        "version": published.version,
        "path": shown,
        "folder": str(published.path),
    }
