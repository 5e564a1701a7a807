"""Named data sets as keras.datasets and TensorFlow Datasets give them. Runs in a process of its own.

TensorFlow is imported in here, which takes seconds and hundreds of MiB.
"""

import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from datasets.errors import BadInput
from datasets.sources.arrays.raw_pixels import pnm_bytes
from datasets.sources.public.names import KERAS_DATASETS, KERAS_SPLITS, KerasDataset
from datasets.sources.public.store import FetchedImage
from datasets.sources.tfds import Tfds, TfdsSettings, open_tfds
from datasets.tfds_layout import DATASET_INFO_FILE

SILENCE_S = 60.0
_MAX_REASON_LENGTH = 400


def images_of(wanted: Mapping[str, Any], work: Path) -> tuple[int, Iterator[FetchedImage]]:
    """How many images, and the images, split by split. Downloads go to `work`. Raises BadInput."""
    socket.setdefaulttimeout(SILENCE_S)  # Keras sets none, and would wait forever for a silent server
    if wanted["library"] == "keras":
        return _keras_images(wanted["dataset"], KERAS_DATASETS[wanted["dataset"]], work / "keras")
    source = _tfds_source(wanted, work / "tfds")
    return sum(shard.records for shard in source.version.shards), _records_of(source)


def _keras_images(name: str, known: KerasDataset, home: Path) -> tuple[int, Iterator[FetchedImage]]:
    copied = _copy_from_keras_home(known, home)
    os.environ["KERAS_HOME"] = str(home)
    library = import_module("keras").datasets
    try:
        parts = getattr(library, name).load_data()
    except Exception as error:  # for an address that does not answer, Keras raises no more special one
        what = f"keras.datasets.{name} could not be loaded ({_reason(error)})"
        if copied:
            raise BadInput(f"{what}; delete its files from {copied / 'datasets'}, which were used") from error
        raise BadInput(
            f"{what}; allow the download, or download its files elsewhere and read them by a source of "
            f"kind {known.other_kind}"
        ) from error
    images = (image for split, part in zip(KERAS_SPLITS, parts, strict=True) for image in _wrapped(split, part, known))
    return sum(len(labels) for _, labels in parts), images


def _wrapped(split: str, part: Sequence[Any], known: KerasDataset) -> Iterator[FetchedImage]:
    """`part`: images uint8 [N, H, W] or [N, H, W, C], labels integer [N] or [N, 1]."""
    images, labels = part
    for image, label in zip(images, labels.reshape(-1).tolist(), strict=True):
        name = known.class_names[label] if label < len(known.class_names) else str(label)
        yield FetchedImage(split=split, payload=pnm_bytes(image), label=name, licence=known.licence)


def _copy_from_keras_home(known: KerasDataset, home: Path) -> Path | None:
    """Copy what the user's own Keras has downloaded, if that is all files; Keras would write into the original."""
    theirs = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    home.mkdir(parents=True)
    if not all((theirs / "datasets" / file).is_file() for file in known.files):
        return None
    for file in known.files:
        target = home / "datasets" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(theirs / "datasets" / file, target)
    return theirs


def _tfds_source(wanted: Mapping[str, Any], data_dir: Path) -> Tfds:
    """The data set prepared as TFRecord files: where the user has it already, else below `data_dir`."""
    library, name = _tfds(), wanted["dataset"]
    try:
        builder = library.builder(name)
        if not (Path(builder.data_dir) / DATASET_INFO_FILE).is_file():
            builder = library.builder(name, data_dir=data_dir)
            builder.download_and_prepare(file_format="tfrecord")
    except Exception as error:  # whatever a script that downloads and converts may raise
        raise BadInput(_tfds_failure(name, error)) from error
    features = {key: wanted[key] for key in ("image_feature", "label_feature")}
    source = open_tfds(TfdsSettings(kind="tfds", path=str(builder.data_dir), **features), data_dir)
    assert isinstance(source, Tfds)
    return source


def _tfds() -> ModuleType:
    try:
        return import_module("tensorflow_datasets")
    except ImportError as error:
        raise BadInput(
            f"the Python package {error.name} is missing, which `library: tfds` needs; "
            "run `pip install tensorflow-datasets`"
        ) from error


def _tfds_failure(name: str, error: Exception) -> str:
    if type(error).__name__ == "DatasetNotFoundError":
        return f"tfds knows no data set {name!r}; `tfds.list_builders()` in Python lists those it knows"
    if isinstance(error, ModuleNotFoundError):
        return f"tfds needs the Python package {error.name} for {name}; run `pip install {error.name}`"
    return (
        f"tfds could not download and prepare {name} ({_reason(error)}); allow the download, or prepare it elsewhere "
        "and read its folder by a source of kind tfds"
    )


def _records_of(source: Tfds) -> Iterator[FetchedImage]:
    for item in source.items():
        problem, detail, payload = item.problem, item.detail, None
        if problem is None:
            try:
                payload = source.read(item.member)
            except OSError as error:
                problem, detail = "unreadable_file", str(error)
        split = item.member.partition("/")[0]
        yield FetchedImage(
            split=split, payload=payload, label=item.label, licence=item.licence, problem=problem, detail=detail
        )


def _reason(error: Exception) -> str:
    """The first line of what a library says."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:_MAX_REASON_LENGTH]
