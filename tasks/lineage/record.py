"""`lineage.json` of a version: every stage behind it by digests, and for synthetic images the model and its seeds."""

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.atomic_file import write_text_atomically
from datasets.errors import FormatError, brief
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.tfds_layout import Index
from tasks.digests import canonical_json, file_sha256
from tasks.lineage.shareable import shareable
from tasks.lineage.stage_facts import StageFacts, facts_of_all
from tasks.published_versions import latest_or_refuse
from tasks.stage_context import StageContext

LINEAGE_VERSION = 1
LINEAGE_FILE = "lineage.json"
GENERATOR_FOLDER = "generator"
GENERATOR_FILES = ("generator.json", "generator.weights.npz")


def write_lineage(context: StageContext, index: Index, folder: Path) -> None:
    """Write the lineage of a version that lies in `folder`, with its generator where that goes with it."""
    stages = facts_of_all(context.inputs)
    record = {
        "format_version": LINEAGE_VERSION,
        "name": index.name,
        "version": index.version,
        "kind": index.lineage.get("kind"),
        "content_digest": index.content_digest,
        "manifest_sha256": index.lineage.get("manifest_sha256"),
        "python": platform.python_version(),
        "stages": {name: _stage(facts) for name, facts in stages.items()},
    }
    if index.lineage.get("kind") == "synthetic":
        record |= {
            "real": _real(context, index),
            "training": _training(context.inputs.get("train"), stages.get("train"), index),
            "sampling": _sampling(index, folder),
            "generator": _generator_files(folder),
        }
    write_text_atomically(folder / LINEAGE_FILE, canonical_json(record, indent=1) + "\n")


def read_lineage(folder: Path) -> dict[str, Any]:
    """The record in a version's folder. Raises FormatError where it is missing, damaged or of another version."""
    path = folder / LINEAGE_FILE
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = record["format_version"]
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); publish again") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(f"{path}: damaged ({brief(repr(error))}); copy the version again or publish again") from error
    if version != LINEAGE_VERSION:
        raise FormatError(f"{path}: lineage version {brief(version)}, this code reads {LINEAGE_VERSION}; publish again")
    return record


def _stage(facts: StageFacts) -> dict[str, Any]:
    parts = facts.parts
    return {
        "fingerprint": facts.fingerprint,
        "inputs": parts["inputs"],
        "settings": shareable(parts["settings"]),
        "code": parts["code"],
        "libraries": parts["libraries"],
        "seed": parts.get("seed"),
        "reads": shareable(parts.get("reads")),
        "outputs": dict(facts.outputs),
        "output": facts.digest,
    }


def _real(context: StageContext, index: Index) -> dict[str, Any]:
    """The version that was learned from: the latest one, which the index names by its digest."""
    real = latest_or_refuse(context.published / context.dataset)
    named: Mapping[str, Any] = index.lineage["real"]
    if real.index.content_digest != named["content_digest"]:
        raise FormatError(
            f"{real.index.name} {real.version} is not what {index.name} was learned from; run synthesize again"
        )
    return {**named, "version": real.version, "manifest_sha256": real.index.lineage.get("manifest_sha256")}


def _training(folder: Path | None, facts: StageFacts | None, index: Index) -> dict[str, Any]:
    """The training run, its last checkpoint if that is still there, and the snapshot that was taken."""
    summary = facts.summary if facts else {}
    checkpoints = sorted((folder / "checkpoints").glob("step-*.npz")) if folder else []
    last = checkpoints[-1] if checkpoints else None
    return {
        "fingerprint": facts.fingerprint if facts else None,
        "seed": facts.parts.get("seed") if facts else None,
        "images_seen": summary.get("images_seen"),
        "snapshot_images_seen": summary.get("best", {}).get("images_seen"),
        "stopped_by": summary.get("stopped_by"),
        "checkpoint": {"file": last.name, "sha256": file_sha256(last)} if last else None,
        "weights_sha256": index.lineage["generator"]["weights_sha256"],
        "weights_file_sha256": facts.outputs.get("generator.weights.npz") if facts else None,
    }


def _sampling(index: Index, folder: Path) -> dict[str, Any]:
    """Seed, how samples were taken and rejected, and how many images of each class there are."""
    labels = read_table(folder / MANIFEST_FILE, ["label"])["label"]
    counts = {entry["values"] or "all": entry["counts"] for entry in labels.value_counts().to_pylist()}
    return {"seed": index.lineage["generator"]["seed"], **index.lineage.get("sampling", {}), "images": counts}


def _generator_files(folder: Path) -> dict[str, str] | None:
    """sha256 of the generator's files, None where it is not published."""
    files = sorted((folder / GENERATOR_FOLDER).glob("*"))
    return {path.name: file_sha256(path) for path in files} or None
