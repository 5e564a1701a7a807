"""What lies in a TFDS folder: its version, its shards, and which of its features are the image and the label."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from datasets.errors import BadInput, brief
from datasets.manifest import MANIFEST_FILE
from datasets.published import resolve_version
from datasets.tfds_layout import DATASET_INFO_FILE, FEATURES_FILE, INDEX_FILE, LATEST_FILE, is_version, read_index

MAX_JSON_BYTES = 64 << 20
MAX_LICENCE_LENGTH = 200
_DEFAULT_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
_MIN_SHARD_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Shard:
    """One TFRecord file: its path below the folder, the number of its first record in the split, and how many."""

    split: str
    file: str
    first: int
    records: int
    size_bytes: int = 0
    mtime_ns: int = 0

    @property
    def version_tag(self) -> str:
        """Changes whenever the file may have."""
        return f"{self.size_bytes}-{self.mtime_ns}"


@dataclass(frozen=True, slots=True)
class TfdsVersion:
    """One version's folder; `fingerprint` changes whenever any file of it may have. `is_ours`: it has an index.json."""

    folder: Path
    fingerprint: str
    is_ours: bool
    licence: str | None = field(compare=False)
    shards: tuple[Shard, ...] = field(compare=False, repr=False)


def find_version(path: Path) -> Path:
    """`.../name/1.0.0` as it is; for `.../name` what `latest` names, else the highest version. Raises BadInput."""
    if not path.is_dir():
        what = "a file" if path.exists() else "no such folder"
        raise BadInput(f"{path}: {what}; give <name>/<x.y.z>/ of a TFDS data set, or the folder of its versions")
    if (path / INDEX_FILE).is_file() or (path / LATEST_FILE).is_file():
        return resolve_version(path)
    if (path / FEATURES_FILE).is_file():
        return path
    if versions := _versions(path):
        return path / max(versions, key=lambda version: tuple(map(int, version.split("."))))
    configs = [inner.name for inner in sorted(path.iterdir()) if inner.is_dir() and _versions(inner)]
    if configs:
        raise BadInput(f"{path}: holds several data sets or configurations; give one of them: {', '.join(configs)}")
    raise BadInput(
        f"{path}: no TFDS data set (no {FEATURES_FILE}, no folder of a version); give <name>/<x.y.z>/ or <name>/"
    )


def open_version(folder: Path, splits: Sequence[str] | None) -> TfdsVersion:
    """The shards of the wanted splits, all by default. Raises BadInput: unknown split, format or missing shard."""
    is_ours = (folder / INDEX_FILE).is_file()
    info = _read_info(folder, is_ours)
    shards = list(_our_shards(folder) if is_ours else _their_shards(folder, info))
    there = list(dict.fromkeys(shard.split for shard in shards))
    for split in splits or ():
        if split not in there:
            raise BadInput(f"{folder}: got split {split!r}; this data set has {', '.join(there) or 'none'}")
    chosen = tuple(_stamped(folder, shard) for shard in shards if splits is None or shard.split in splits)
    return TfdsVersion(folder, _fingerprint(folder, chosen), is_ours, _licence(info), chosen)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of somebody else. Raises BadInput: missing, too large, damaged."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_JSON_BYTES + 1)
        record = json.loads(text) if len(text) <= MAX_JSON_BYTES else None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); copy the data set again") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error}); copy the data set again") from error
    if record is None:
        raise BadInput(f"{path}: null, or more than {MAX_JSON_BYTES >> 20} MiB; copy the data set again")
    if not isinstance(record, dict):
        raise BadInput(f"{path}: a JSON {type(record).__name__}, not an object; copy the data set again")
    return record


def _versions(path: Path) -> list[str]:
    return [inner.name for inner in path.iterdir() if is_version(inner.name) and (inner / FEATURES_FILE).is_file()]


def _read_info(folder: Path, is_ours: bool) -> dict[str, Any]:
    path = folder / DATASET_INFO_FILE
    if path.is_file():
        return read_json(path)
    if is_ours:  # shards that were not published yet
        return {}
    raise BadInput(f"{folder}: {DATASET_INFO_FILE} is missing, so that it was not written to the end; prepare it again")


def _our_shards(folder: Path) -> Iterator[Shard]:
    for split, entries in read_index(folder).splits.items():
        first = 0
        for entry in entries:
            yield Shard(split, entry.file, first, entry.records)
            first += entry.records


def _their_shards(folder: Path, info: Mapping[str, Any]) -> Iterator[Shard]:
    """From dataset_info.json, whose keys are in either of the two styles of protocol buffers."""
    path = folder / DATASET_INFO_FILE
    try:
        for entry in info.get("splits", ()):
            yield from _shards_of_split(path, info, entry)
    except BadInput:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"{path}: does not describe its splits as TFDS does ({brief(repr(error))}); prepare it again"
        ) from error


def _shards_of_split(path: Path, info: Mapping[str, Any], entry: Mapping[str, Any]) -> Iterator[Shard]:
    file_format = _either(info, "fileFormat", "file_format") or "tfrecord"
    if file_format != "tfrecord":
        raise BadInput(
            f"{path}: its file format is {brief(file_format)}, only tfrecord is read; prepare it again with "
            "file_format='tfrecord'"
        )
    template = _either(entry, "filepathTemplate", "filepath_template") or _DEFAULT_TEMPLATE
    lengths = [int(length) for length in _either(entry, "shardLengths", "shard_lengths") or ()]
    values = {"DATASET": str(info["name"]), "SPLIT": str(entry["name"]), "FILEFORMAT": file_format}
    first = 0
    for index, records in enumerate(lengths):
        yield Shard(values["SPLIT"], _shard_file(path, str(template), values, index, len(lengths)), first, records)
        first += records


def _shard_file(path: Path, template: str, values: Mapping[str, str], index: int, count: int) -> str:
    digits = max(_MIN_SHARD_DIGITS, len(str(count)))
    x, y = f"{index:0{digits}d}", f"{count:0{digits}d}"
    known = {**values, "SHARD_INDEX": x, "NUM_SHARDS": y, "SHARD_X_OF_Y": f"{x}-of-{y}"}
    file = re.sub(r"\{(\w+)\}", lambda match: known.get(match[1], match[0]), template)
    if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts or "\0" in file:
        raise BadInput(f"{path}: names the shard {brief(repr(file))}, which leads out of the folder; prepare it again")
    return file


def _either(record: Mapping[str, Any], camel: str, snake: str) -> Any:
    return record.get(camel, record.get(snake))


def _stamped(folder: Path, shard: Shard) -> Shard:
    path = folder / shard.file
    try:
        status = path.stat()
    except OSError as error:
        why = f"a shard that cannot be opened ({error.strerror})"
        raise BadInput(f"{folder / brief(shard.file)}: {why}; copy the data set again") from error
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{path}: a shard that is not a regular file; copy the data set again")
    return Shard(shard.split, shard.file, shard.first, shard.records, status.st_size, status.st_mtime_ns)


def _fingerprint(folder: Path, shards: Sequence[Shard]) -> str:
    digest = hashlib.sha256()
    with os.scandir(folder) as entries:  # features, class names, manifest: whatever is not a shard
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_file() and entry.name.endswith((".json", ".txt", MANIFEST_FILE)):
                digest.update(repr((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)).encode())
    for shard in shards:
        digest.update(repr((shard.file, shard.records, shard.version_tag)).encode())
    return digest.hexdigest()


def _licence(info: Mapping[str, Any]) -> str | None:
    """A short name of a licence. Many data sets give its whole text, or an apology, in that place."""
    redistribution = _either(info, "redistributionInfo", "redistribution_info")
    licence = redistribution.get("license") if isinstance(redistribution, dict) else None
    if not isinstance(licence, str) or not licence.isprintable() or len(licence) > MAX_LICENCE_LENGTH:
        return None
    return licence.strip() or None
