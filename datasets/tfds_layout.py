"""The folder that TensorFlow Datasets opens without our code: features.json, label.labels.txt, dataset_info.json.

Beside them lies our own `index.json`, because TFDS refuses an unknown key in its files. All are written without
TensorFlow, and the same content gives the same bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from types import UnionType
from typing import Any, Literal, get_args

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError, brief
from datasets.image_codec import Encoding
from datasets.image_record import RANGE_FEATURE
from datasets.normalise import METHODS, PER_IMAGE, Method
from datasets.normalise import Normalise as Normalise

INDEX_VERSION = 2
READABLE_VERSIONS = (1, 2)
"""Version 1 had neither `pixels` nor a method: its images are uint8, and were read as symmetric."""
INDEX_FILE = "index.json"
FEATURES_FILE = "features.json"
LABELS_FILE = "label.labels.txt"
DATASET_INFO_FILE = "dataset_info.json"
LATEST_FILE = "latest"

TEXT_FEATURES = ("id", "kind", "derived_from", "sha256")
"""The features of every record besides `image` and `label`; see image_record.py."""

Pixels = Literal["uint8", "float32"]

_NAME = re.compile(r"[a-zA-Z]\w*", re.ASCII)
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
_FEATURE_CLASSES = "tensorflow_datasets.core.features"


@dataclass(frozen=True, slots=True)
class ShardFeatures:
    """What every record of a data set has in common. `class_names` in order of class id; None: no labels.

    `pixels` float32: records hold normalised values, and the encoding is raw.
    """

    height_px: int
    width_px: int
    channels: int
    encoding: Encoding
    class_names: tuple[str, ...] | None
    pixels: Pixels = "uint8"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height_px, self.width_px, self.channels


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One shard file, with its length in records and bytes and its sha256 in hex."""

    file: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """`index.json`. `version` is None until published; `lineage` is for the writer to fill, with JSON values.

    `files` has the sha256 of everything else that was published with the shards, but for dataset_info.json.
    """

    name: str
    version: str | None
    content_digest: str
    features: ShardFeatures
    normalise: Normalise
    splits: Mapping[str, tuple[ShardEntry, ...]]
    lineage: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def records(self, split: str) -> int:
        """How many records a split has."""
        return sum(shard.records for shard in self.splits[split])


def is_version(text: str) -> bool:
    """Whether the text is a version as TFDS wants it: x.y.z, three numbers."""
    return _VERSION.fullmatch(text) is not None


def shard_filename(name: str, split: str, index: int, count: int) -> str:
    """E.g. `digits-train.tfrecord-00000-of-00004`. Raises BadInput for a name or split that TFDS cannot open."""
    for what, text in (("data set name", name), ("split", split)):
        if not _NAME.fullmatch(text):
            raise BadInput(f"got {what} {text!r}; allowed are letters, digits and _, beginning with a letter")
    if not 0 <= index < count:
        raise BadInput(f"got shard {index} of {count}; shards are counted from 0 to count - 1")
    return f"{name}-{split}.tfrecord-{index:05d}-of-{count:05d}"


def describe_shard(path: Path, records: int) -> ShardEntry:
    """A written shard's entry for the index; reads the file once."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ShardEntry(file=path.name, records=records, bytes=path.stat().st_size, sha256=digest)


def write_features(folder: Path, features: ShardFeatures, method: Method = "none") -> None:
    """Write `features.json` and, with labels, `label.labels.txt`: one class name per line, in order of class id.

    `method` is how float32 pixels were normalised. Raises BadInput for class names that the text file cannot hold.
    """
    described: dict[str, Any] = {name: _feature("text_feature.Text", "text", {}) for name in TEXT_FEATURES}
    described["image"] = _image_feature(features)
    if has_ranges(features, method):
        described[RANGE_FEATURE] = _tensor("int64", "none", (2,))
    if features.class_names is not None:
        _check_class_names(features.class_names)
        classes = {"numClasses": str(len(features.class_names))}
        described["label"] = _feature("class_label_feature.ClassLabel", "classLabel", classes)
        write_text_atomically(folder / LABELS_FILE, "".join(f"{name}\n" for name in features.class_names))
    whole = _feature("features_dict.FeaturesDict", "featuresDict", {"features": described})
    write_text_atomically(folder / FEATURES_FILE, _json(whole))


def has_ranges(features: ShardFeatures, method: Method) -> bool:
    """Whether records hold their pixel range: values that were normalised by constants of each image."""
    return features.pixels == "float32" and method in PER_IMAGE


def write_dataset_info(
    folder: Path,
    *,
    name: str,
    version: str,
    description: str,
    splits: Mapping[str, Mapping[str, Any]],
    labelled: bool = True,
    licence: str | None = None,
    homepage: str | None = None,
    citation: str = "",
) -> None:
    """Write `dataset_info.json`, which makes the folder visible to TFDS: call it last.

    `splits` maps a split to {"shard_lengths": records per shard, "bytes": int}; a split without shards is left out,
    because TFDS cannot open it. Raises BadInput for a version that is not x.y.z.
    """
    if not is_version(version):
        raise BadInput(f"got version {version!r}; TFDS opens versions of three numbers, such as 1.0.0")
    info: dict[str, Any] = {
        "name": name,
        "version": version,
        "description": description,
        "citation": citation,
        "fileFormat": "tfrecord",
        "splits": [_split_info(split, entry) for split, entry in splits.items() if entry["shard_lengths"]],
    }
    if labelled:
        info["supervisedKeys"] = {"input": "image", "output": "label"}
    if licence is not None:
        info["redistributionInfo"] = {"license": licence}
    if homepage is not None:
        info["location"] = {"urls": [homepage]}
    write_text_atomically(folder / DATASET_INFO_FILE, _json(info))


def write_index(folder: Path, index: Index) -> None:
    """Write `index.json`."""
    record = {
        "format_version": INDEX_VERSION,
        "name": index.name,
        "version": index.version,
        "content_digest": index.content_digest,
        **asdict(index.features),
        "normalise": asdict(index.normalise),
        "splits": {
            split: {"records": index.records(split), "shards": [asdict(shard) for shard in shards]}
            for split, shards in index.splits.items()
        },
        "lineage": dict(index.lineage),
        "files": dict(index.files),
    }
    write_text_atomically(folder / INDEX_FILE, _json(record))


def read_index(folder: Path) -> Index:
    """Read `index.json`. Raises FormatError when it is missing, damaged or of another version."""
    path = folder / INDEX_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version = record["format_version"]
        if version not in READABLE_VERSIONS:
            readable = " and ".join(map(str, READABLE_VERSIONS))
            raise FormatError(f"{path}: index version {brief(version)}, this code reads {readable}; shard again")
        return _index_of(record)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); give a folder of shards") from error
    except FormatError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path}: damaged ({brief(repr(error))}); copy the data set again or shard again") from error


def _index_of(record: Mapping[str, Any]) -> Index:
    class_names = _of_kind(record, "class_names", list | None)
    features = ShardFeatures(
        height_px=_of_kind(record, "height_px", int),
        width_px=_of_kind(record, "width_px", int),
        channels=_of_kind(record, "channels", int),
        encoding=_of_kind(record, "encoding", str),
        class_names=None if class_names is None else tuple(class_names),
        pixels=_one_of("pixels", record.get("pixels", "uint8"), get_args(Pixels)),
    )
    return Index(
        name=_of_kind(record, "name", str),
        version=_of_kind(record, "version", str | None),
        content_digest=_of_kind(record, "content_digest", str),
        features=features,
        normalise=_normalise_of(record["normalise"]),
        splits={split: _shards_of(split, entry) for split, entry in record["splits"].items()},
        lineage=_of_kind(record, "lineage", dict),
        files=_files_of(record.get("files", {})),
    )


def _of_kind(record: Mapping[str, Any], name: str, kind: type | UnionType) -> Any:
    """What stands at a name. Raises KeyError and ValueError where it is not there, or of another kind."""
    value = record[name]
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {brief(repr(value))}")
    return value


def _files_of(files: Mapping[str, str]) -> dict[str, str]:
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name or name in (INDEX_FILE, DATASET_INFO_FILE):
            raise ValueError(f"file {name} is not a plain name of a file below the folder of {INDEX_FILE}")
    return dict(files)


def _normalise_of(entry: Mapping[str, Any]) -> Normalise:
    _one_of("method", entry.get("method", "symmetric"), METHODS)
    return Normalise(**{**entry, "mean": tuple(entry["mean"]), "std": tuple(entry["std"])})


def _one_of(name: str, value: Any, allowed: Sequence[Any]) -> Any:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, allowed are {', '.join(allowed)}")
    return value


def _shards_of(split: str, entry: Mapping[str, Any]) -> tuple[ShardEntry, ...]:
    if not _NAME.fullmatch(split):
        raise ValueError(f"split {brief(split)} is no name of letters, digits and _, beginning with a letter")
    shards = tuple(ShardEntry(**shard) for shard in entry["shards"])
    for shard in entry["shards"]:
        for name, kind in (("file", str), ("records", int), ("bytes", int), ("sha256", str)):
            _of_kind(shard, name, kind)
    total = sum(shard.records for shard in shards)
    if total != entry["records"]:
        raise ValueError(f"split {split} says {entry['records']} records, its shards have {total}")
    for shard in shards:
        if Path(shard.file).name != shard.file:
            raise ValueError(f"shard {shard.file} is not a plain file name")
    return shards


def _image_feature(features: ShardFeatures) -> dict[str, Any]:
    """An image file where TFDS has a decoder for it, else a tensor of bytes that it reads as they lie in memory."""
    if features.encoding == "raw":
        return _tensor(features.pixels, "bytes", features.shape)
    shape = {"dimensions": [str(length) for length in features.shape]}
    content = {"shape": shape, "dtype": "uint8", "encodingFormat": features.encoding}
    return _feature("image_feature.Image", "image", content)


def _tensor(dtype: str, encoding: str, shape: Sequence[int]) -> dict[str, Any]:
    dimensions = {"dimensions": [str(length) for length in shape]}
    return _feature("tensor_feature.Tensor", "tensor", {"shape": dimensions, "dtype": dtype, "encoding": encoding})


def _feature(python_class: str, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"pythonClassName": f"{_FEATURE_CLASSES}.{python_class}", kind: content}


def _split_info(split: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    # The protocol buffer's JSON form writes 64-bit integers as text.
    lengths = [str(length) for length in entry["shard_lengths"]]
    return {"name": split, "numBytes": str(entry["bytes"]), "shardLengths": lengths}


def _check_class_names(class_names: tuple[str, ...]) -> None:
    for name in class_names:
        if not name or name != name.strip() or not name.isprintable():
            raise BadInput(
                f"got class name {name!r}; TFDS reads one name per line and strips it, so a name has no line breaks, "
                "control characters or spaces around it; rename the class"
            )
    repeated = sorted({name for name in class_names if class_names.count(name) > 1})
    if repeated:
        raise BadInput(f"got class names {', '.join(repeated)} more than once; every class needs its own name")


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
