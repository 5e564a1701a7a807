"""A `.keras` file, loaded without running any code that it brings."""

import json
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from datasets.errors import BadInput, brief
from gan.extractors.opened_model import OpenedModel

_UNREADABLE = (
    *(OSError, ValueError, KeyError, AttributeError, EOFError, MemoryError, RuntimeError),  # also nested too deep
    *(zipfile.BadZipFile, zlib.error),
)
# These run Python, load other files, or wrap another library's objects.
_RUNS_CODE = {"Lambda", "function", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"}
_READS_FILES = {"TextVectorization", "StringLookup", "IntegerLookup"}


def open_keras(path: Path, layer: str | None) -> OpenedModel:
    """The network up to a layer, or all of it. Raises BadInput with a sentence for each thing that it cannot be."""
    _check_safe(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras warns of itself under NumPy 2
            network = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # of any type, for a file that Keras cannot read
        raise BadInput(f"{path} cannot be loaded by Keras ({_first_line(error)}); save the model again") from error
    shapes: list[tuple[int | None, ...]] = [tuple(tensor.shape) for tensor in network.inputs or ()]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] not in (1, 3):
        text = ", ".join(map(str, shapes)) or "none"
        raise BadInput(f"{path} has inputs of shape {text}; an extractor reads one, [N, H, W, 1] or [N, H, W, 3]")
    network = keras.Model(network.inputs[0], _output(network, layer, path))
    _, height_px, width_px, channels = shapes[0]
    assert channels is not None

    def run(values: np.ndarray) -> np.ndarray:
        return np.asarray(network(values, training=False))

    return OpenedModel(run, height_px, width_px, channels)


def _output(network: Any, layer: str | None, path: Path) -> Any:
    if layer is not None:
        names = [known.name for known in network.layers]
        if layer not in names:
            raise BadInput(f"{path} has no layer {layer!r}; its last ones are {', '.join(names[-5:])}")
        return network.get_layer(layer).output
    if len(network.outputs) != 1:
        raise BadInput(
            f"{path} has {len(network.outputs)} outputs; name the layer with the features in extractor.layer"
        )
    return network.outputs[0]


def _check_safe(path: Path) -> None:
    """Raises BadInput where its description names anything but layers that Keras itself brings."""
    try:
        with zipfile.ZipFile(path) as archive:
            description = json.loads(archive.read("config.json"))
        # What is compiled into it (losses, an optimiser) is not loaded.
        described = list(_objects({key: value for key, value in description.items() if key != "compile_config"}))
    except _UNREADABLE as error:
        raise BadInput(f"{path} is no readable .keras file ({brief(error)}); save the model again") from error
    for entry in described:
        name, module = brief(entry["class_name"]), entry.get("module") or "keras"
        if name in _RUNS_CODE:
            raise BadInput(f"{path} has a {name}, which may run any code; save the model without it")
        if name in _READS_FILES:
            raise BadInput(f"{path} has a {name}, which may read other files; save the model without it")
        if not isinstance(module, str) or module.partition(".")[0] != "keras":
            raise BadInput(
                f"{path} has a {name} of {brief(module)}, code that is not Keras' own; save the model without it"
            )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every description of an object in it, at any depth."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
