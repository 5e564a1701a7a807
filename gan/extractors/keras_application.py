"""Any network of `keras.applications`. Keras' Inception has other weights than FID's: the two are never comparable."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from datasets.errors import BadInput
from gan.classifier import weights_digest
from gan.extractors.applications import APPLICATIONS
from gan.extractors.base import identity_of, run_in_batches
from gan.extractors.resizing import RGB, resized, with_channels
from gan.extractors.settings import ExtractorSettings


class KerasApplicationExtractor:
    """Images of any size, gray or RGB, scaled as the network's own `preprocess_input` does.

    Features are the mean over places of the last convolutional layer.
    """

    standardise = True

    def __init__(self, settings: ExtractorSettings, path: Path | None) -> None:
        """Weights from a file without the top layer (`..._notop.h5`), or by Keras' own download.

        Raises BadInput where the file is of another network, or the download fails.
        """
        assert settings.application is not None
        module, self._side_px = APPLICATIONS[settings.application]
        self._prepared = getattr(keras.applications, module).preprocess_input
        self._settings = settings
        self._network = application_network(settings.application, path)
        self.name = settings.kind
        self.identity = identity_of(self.name, weights_digest(self._network.get_weights()), settings.resize)

    def features(self, images: np.ndarray) -> np.ndarray:
        return run_in_batches(self._run, images, self._settings.batch_images)

    def probabilities(self, images: np.ndarray) -> None:
        """None: the class scores are not loaded."""

    def _run(self, images: np.ndarray) -> np.ndarray:
        values = resized(with_channels(images, RGB, self.name), self._side_px, self._side_px, self._settings.resize)
        return np.asarray(self._network(self._prepared(values), training=False), dtype=np.float32)


def application_network(name: str, path: Path | None) -> keras.Model:
    """float32 [N, side, side, 3] -> [N, D], with the weights of a file, or of ImageNet where there is none."""
    network = _built(name, "imagenet" if path is None else None)
    if path is not None:
        try:
            with _unwarned():
                network.load_weights(path)
        except (ValueError, OSError, KeyError) as error:
            raise BadInput(
                f"{path} does not hold weights of {name} ({str(error).splitlines()[0]}); give the file without the "
                "top layer, whose name ends in notop.h5 or no_top.h5"
            ) from error
    return network


def _built(name: str, weights: str | None) -> Any:
    make = getattr(keras.applications, name)
    side_px = APPLICATIONS[name][1]
    try:
        with contextlib.redirect_stdout(io.StringIO()), _unwarned():  # Keras prints what it downloads
            return make(include_top=False, weights=weights, input_shape=(side_px, side_px, RGB), pooling="avg")
    except Exception as error:  # of no narrower type where Keras cannot download
        if not str(error).startswith("URL fetch failure"):
            raise
        raise BadInput(
            f"keras:{name}: Keras could not download its weights ({str(error).splitlines()[0]}); without a network, "
            "give the file in extractor.path with extractor.weights_sha256"
        ) from error


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    """Keras warns of itself under NumPy 2."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
