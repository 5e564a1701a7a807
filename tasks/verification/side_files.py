"""The files of a version besides its shards: which there have to be, and whether they agree with index.json."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets.errors import FormatError
from datasets.gate_file import GATE_FILE, read_gate
from datasets.manifest import MANIFEST_FILE
from datasets.tfds_layout import DATASET_INFO_FILE, FEATURES_FILE, INDEX_FILE, LABELS_FILE, Index, is_version
from tasks.digests import file_sha256
from tasks.done_file import DONE_FILE
from tasks.lineage.chain import broken_links
from tasks.lineage.record import LINEAGE_FILE
from tasks.published_versions import content_digest
from tasks.verification.faults import Fault, FaultKind, Faults


def check_side_files(folder: Path, index: Index, faults: Faults) -> None:
    """Add what is wrong with anything but the content of shards and manifest."""
    _check_names(folder, index, faults)
    checks: dict[str, Callable[[Path, Index], str | None]] = {
        INDEX_FILE: _wrong_index,
        FEATURES_FILE: _wrong_features,
        LABELS_FILE: _wrong_labels,
        MANIFEST_FILE: _wrong_manifest_digest,
        DATASET_INFO_FILE: _wrong_dataset_info,
        GATE_FILE: _wrong_gate,
    }
    for name in (*checks, *sorted(index.files.keys() - checks.keys())):
        if not (folder / name).is_file():
            continue  # said above, where it has to be there
        try:
            wrong = (checks[name](folder, index) if name in checks else None) or _wrong_digest(folder, index, name)
        except OSError as error:
            wrong = f"it cannot be read ({error.strerror})"
        except (FormatError, ValueError, KeyError, TypeError, AttributeError) as error:
            faults.add(Fault(FaultKind.UNREADABLE_FILE, name, f"it cannot be read ({error})"))
            continue
        if wrong:
            faults.add(Fault(FaultKind.CHANGED_FILE, name, wrong))
    _check_lineage(folder, index, faults)


def _check_lineage(folder: Path, index: Index, faults: Faults) -> None:
    try:
        for sentence in broken_links(folder, index):
            faults.add(Fault(FaultKind.BROKEN_LINEAGE, LINEAGE_FILE, sentence))
    except (OSError, FormatError) as error:
        faults.add(Fault(FaultKind.UNREADABLE_FILE, LINEAGE_FILE, f"it cannot be followed ({error})"))


def needed_files(index: Index) -> set[str]:
    """Names of all files of a version, shards too."""
    names = {INDEX_FILE, FEATURES_FILE, MANIFEST_FILE}
    names |= {shard.file for shards in index.splits.values() for shard in shards}
    names |= set(index.files)
    if index.features.class_names is not None:
        names.add(LABELS_FILE)
    if index.version is not None:
        names |= {DATASET_INFO_FILE, GATE_FILE}
    return names


def _check_names(folder: Path, index: Index, faults: Faults) -> None:
    needed = needed_files(index)
    shards = {shard.file for shards in index.splits.values() for shard in shards}
    allowed = needed if index.version is not None else needed | {DONE_FILE}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted(needed - there - shards):  # a missing shard is said by who reads it
        faults.add(Fault(FaultKind.MISSING_FILE, name, f"it is missing{_what_that_means(name)}"))
    for name in sorted(there - allowed):
        faults.add(Fault(FaultKind.UNEXPECTED_FILE, name, "index.json knows nothing of it; it is not part of the data"))


def _what_that_means(name: str) -> str:
    if name == DATASET_INFO_FILE:
        return ": the version was not published to its end, or lost it since; no reader opens it"
    return "; copy it again or publish again"


def _wrong_index(folder: Path, index: Index) -> str | None:
    if index.version is not None and is_version(folder.name) and folder.name != index.version:
        return f"it is of version {index.version}, but the folder is {folder.name}"
    shards = [shard for shards in index.splits.values() for shard in shards]
    if content_digest(folder, shards) == index.content_digest:
        return None
    return "its content_digest is not that of its shards with features.json and label.labels.txt: one was changed"


def _wrong_features(folder: Path, index: Index) -> str | None:
    described = _json(folder / FEATURES_FILE)["featuresDict"]["features"]
    wanted = index.features
    image = described["image"]["tensor" if wanted.encoding == "raw" else "image"]
    said = ([*map(int, image["shape"]["dimensions"])], image["dtype"])
    ours = ([*wanted.shape], wanted.pixels)
    if said != ours:
        return f"it describes images {said[0]} of {said[1]}, index.json says {ours[0]} of {ours[1]}"
    classes = int(described["label"]["classLabel"]["numClasses"]) if "label" in described else None
    known = None if wanted.class_names is None else len(wanted.class_names)
    return None if classes == known else f"it describes {classes} classes, index.json says {known}"


def _wrong_labels(folder: Path, index: Index) -> str | None:
    names = tuple((folder / LABELS_FILE).read_text(encoding="utf-8").splitlines())
    return None if names == index.features.class_names else "its class names are not those of index.json"


def _wrong_digest(folder: Path, index: Index, name: str) -> str | None:
    if name not in index.files or file_sha256(folder / name) == index.files[name]:
        return None
    return "it does not have the sha256 that index.json says"


def _wrong_manifest_digest(folder: Path, index: Index) -> str | None:
    said = index.lineage.get("manifest_sha256")
    if said is None or file_sha256(folder / MANIFEST_FILE) == said:
        return None
    return "it does not have the sha256 that index.json says"


def _wrong_dataset_info(folder: Path, index: Index) -> str | None:
    info = _json(folder / DATASET_INFO_FILE)
    if (info["name"], info["version"]) != (index.name, index.version):
        return f"it is of {info['name']} {info['version']}, index.json of {index.name} {index.version}"
    said = {
        split["name"]: (int(split["numBytes"]), [*map(int, split["shardLengths"])]) for split in info.get("splits", [])
    }
    ours = {
        split: (sum(shard.bytes for shard in shards), [shard.records for shard in shards])
        for split, shards in index.splits.items()
        if shards
    }
    different = sorted(split for split in said.keys() | ours.keys() if said.get(split) != ours.get(split))
    return f"split {different[0]} is described otherwise than in index.json" if different else None


def _wrong_gate(folder: Path, index: Index) -> str | None:
    verdict = read_gate(folder).verdict
    return None if verdict == "passed" else f"its verdict is {verdict}: this version should not have been published"


def _json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None
    if not isinstance(record, dict):
        raise ValueError(f"a JSON {type(record).__name__}, not an object")
    return record
