"""Which features of a TFDS data set are the image and the label, as features.json says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.errors import BadInput, brief
from datasets.sources.shards.tfds_folder import read_json
from datasets.tfds_layout import FEATURES_FILE

MAX_LABELS_BYTES = 16 << 20
_IMAGE, _LABEL = "Image", "ClassLabel"
_LABEL_TYPES = (_LABEL, "Text", "Scalar", "Tensor")
_DTYPES = ("uint8", "uint16")
"""Others are not what an image file holds: TFDS stores float32 images as PNG files of their raw bytes."""


@dataclass(frozen=True, slots=True)
class Features:
    """The names of the features of image and label; `class_names` in order of class id, None where none are given."""

    image: str
    label: str | None
    class_names: tuple[str, ...] | None

    def label_text(self, record: Mapping[str, list]) -> str | None:
        """The label of a decoded record as text. TFDS marks a record without one by -1."""
        values = record.get(self.label or "", [])
        if len(values) != 1 or values[0] == -1:
            return None
        if isinstance(values[0], bytes):
            return values[0].decode("utf-8", "backslashreplace")
        names = self.class_names or ()
        return names[values[0]] if isinstance(values[0], int) and 0 <= values[0] < len(names) else str(values[0])


def choose_features(folder: Path, image: str | None, label: str | None) -> Features:
    """The only image and the only class label, unless told. Raises BadInput naming those there are."""
    path = folder / FEATURES_FILE
    features = _top_level(path)
    image = image or _only(path, features, _IMAGE, "image_feature")
    if image is None:
        raise BadInput(f"{path}: has no image feature beside {_names(features)}; give a data set of images")
    _check_image(path, features, image)
    label = label or _only(path, features, _LABEL, "label_feature")
    if label is not None and _kind(features.get(label)) not in _LABEL_TYPES:
        raise BadInput(f"{path}: got label_feature {label!r}; this data set has {_names(features, *_LABEL_TYPES)}")
    return Features(image, label, None if label is None else _class_names(folder / f"{label}.labels.txt"))


def _top_level(path: Path) -> dict[str, Any]:
    """Name -> description. Features inside of others (boxes, sequences) belong to no whole image."""
    record = read_json(path)
    nested = record.get("featuresDict")
    features = nested.get("features") if isinstance(nested, dict) else record.get("content")
    if not isinstance(features, dict):
        raise BadInput(f"{path}: does not describe features as TFDS does; prepare the data set again")
    return features


def _kind(feature: Any) -> str:
    """E.g. `Image`. Older versions of TFDS wrote `type` instead of `pythonClassName`."""
    if not isinstance(feature, dict):
        return ""
    return str(feature.get("pythonClassName") or feature.get("type") or "").rpartition(".")[2]


def _only(path: Path, features: Mapping[str, Any], kind: str, setting: str) -> str | None:
    names = [name for name in sorted(features) if _kind(features[name]) == kind]
    if len(names) > 1:
        raise BadInput(f"{path}: has several features of type {kind}; set {setting} to one of {', '.join(names)}")
    return names[0] if names else None


def _check_image(path: Path, features: Mapping[str, Any], name: str) -> None:
    feature = features.get(name, {})
    if _kind(feature) != _IMAGE:
        what = f"of type {_kind(feature)}" if feature else "not there"
        raise BadInput(
            f"{path}: the image feature {name!r} is {what}; only encoded images (type {_IMAGE}) are read, here "
            f"{_names(features, _IMAGE)}"
        )
    content = feature.get("image", feature.get("content"))
    dtype = str((content.get("dtype") if isinstance(content, dict) else None) or _DTYPES[0]).removeprefix("tf.")
    if dtype not in _DTYPES:
        raise BadInput(f"{path}: the image feature {name!r} is {dtype}; images of {' or '.join(_DTYPES)} are read")


def _names(features: Mapping[str, Any], *kinds: str) -> str:
    shown = (name for name in sorted(features) if not kinds or _kind(features[name]) in kinds)
    names = [f"{name} ({_kind(features[name])})" for name in shown]
    return brief(", ".join(names) or "none")


def _class_names(path: Path) -> tuple[str, ...] | None:
    """One name per line, as TFDS reads them: without spaces around them and without empty lines."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            text = file.read(MAX_LABELS_BYTES + 1)
        if len(text) > MAX_LABELS_BYTES:
            raise BadInput(f"{path}: more than {MAX_LABELS_BYTES >> 20} MiB, which are no class names")
        return tuple(name for line in text.decode("utf-8").split("\n") if (name := line.strip()))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); copy the data set again") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text ({error}); copy the data set again") from error
