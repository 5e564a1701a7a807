"""The user's own network: a `.keras` or an `.onnx` file. Neither may run code of its own."""

import hashlib
from pathlib import Path

import numpy as np

from datasets.errors import BadInput
from gan.extractors.base import NO_RESIZE, identity_of, run_in_batches
from gan.extractors.opened_model import OpenedModel
from gan.extractors.resizing import resized, with_channels
from gan.extractors.settings import FILE, ExtractorSettings, ValueRange

_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)


class ModelFileExtractor:
    """Images are resized where the network has a size, gray ones become RGB where it wants that.

    Their values are scaled to `value_range`. Features are its output, or `layer`; those with places are averaged.
    """

    name = FILE
    standardise = True

    def __init__(self, path: Path, settings: ExtractorSettings) -> None:
        """Raises BadInput where the file is not readable, not safe, or not a network of one image input."""
        self._settings = settings
        self._model = _opened(path, settings.layer)
        if self._model.whole_numbers and settings.value_range != "bytes":
            raise BadInput(f"{path} reads whole numbers of 0 to 255; set extractor.value_range to bytes")
        sized = self._model.height_px is not None and self._model.width_px is not None
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        more = (f"range:{settings.value_range}", f"layer:{settings.layer or 'last'}")
        self.identity = identity_of(self.name, sha256, settings.resize if sized else NO_RESIZE, *more)

    def features(self, images: np.ndarray) -> np.ndarray:
        return run_in_batches(self._run, images, self._model.images_at_once or self._settings.batch_images)

    def probabilities(self, images: np.ndarray) -> None:
        """None: what its outputs mean is not known."""

    def _run(self, images: np.ndarray) -> np.ndarray:
        model = self._model
        given = with_channels(images, model.channels, f"the network in {self._settings.path}")
        height_px, width_px = model.height_px or images.shape[1], model.width_px or images.shape[2]
        values = in_range(resized(given, height_px, width_px, self._settings.resize), self._settings.value_range)
        found = np.asarray(model.run(values), dtype=np.float32)
        if found.ndim == 4:
            found = found.mean(axis=(1, 2))
        if found.ndim != 2 or len(found) != len(images):
            raise BadInput(
                f"the network in {self._settings.path} gives features of shape {found.shape} for {len(images)} images; "
                "name a layer in extractor.layer that gives one vector, or one map of channels, per image"
            )
        return found


def in_range(values: np.ndarray, value_range: ValueRange) -> np.ndarray:
    """float32 in [0, 255] -> what the network expects; `imagenet`: unit, less the mean, over the deviation."""
    if value_range == "bytes":
        return values
    if value_range == "symmetric":
        return values / 127.5 - 1.0
    unit = values / 255.0
    if value_range == "unit":
        return unit
    if values.shape[-1] != len(_MEAN):
        raise BadInput(f"extractor.value_range imagenet is for 3 channels, the network reads {values.shape[-1]}")
    return (unit - _MEAN) / _DEVIATION


def _opened(path: Path, layer: str | None) -> OpenedModel:
    if path.suffix.lower() == ".onnx":
        from gan.extractors.onnx_file import open_onnx

        return open_onnx(path, layer)
    from gan.extractors.keras_file import open_keras

    return open_keras(path, layer)
