"""A trained generator for people who do not have this project: as a `.keras` file, or as ONNX.

Keras' own export writes the ONNX graph, through tf2onnx. Both files are read again and compared with the generator.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput
from gan.models.portable import portable
from gan.sampling import SPEC_FILE, Generator, load_generator

FORMATS = ("keras", "onnx")
ONNX_PACKAGES = ("onnx", "onnxruntime", "tf2onnx")
MOST_DIFFERENCE = 1e-4
NO_DATE = "1980-01-01@00:00:00"  # as the entries of a zip file have it that know none
_COMPARED_IMAGES = 16


def export_generator(folder: Path, layout: str, out: Path) -> dict[str, Any]:
    """Write `generator.keras` or `generator.onnx`, and generator.json with how to use it, into a new folder `out`.

    The record that generator.json then holds. Raises BadInput for an unknown format, a folder that holds something
    already, a missing generator, or missing packages; RuntimeError where the file gives other images.
    """
    if layout not in FORMATS:
        raise BadInput(f"--format is {layout}; a generator is exported as {' or '.join(FORMATS)}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} holds something already; name a folder that does not exist yet")
    missing = [name for name in ONNX_PACKAGES if find_spec(name) is None] if layout == "onnx" else []
    if missing:
        raise BadInput(f"--format onnx needs {', '.join(missing)}; install them, e.g. with the extra [onnx]")
    generator = load_generator(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        path = Path(scratch) / f"generator.{layout}"
        run = (_to_keras if layout == "keras" else _to_onnx)(generator.network, path)
        difference = _difference(generator, run)
        if not difference <= MOST_DIFFERENCE:
            raise RuntimeError(f"{path.name} gives images that differ by {difference:.2g}; nothing was written")
        record = json.loads((folder / SPEC_FILE).read_text(encoding="utf-8"))
        record |= {"file": path.name, "max_abs_difference": difference}
        (path.parent / SPEC_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        out.mkdir(exist_ok=True)
        for written in (path, path.parent / SPEC_FILE):
            shutil.move(written, out / written.name)
    return record


Run = Callable[[list[np.ndarray]], np.ndarray]


def _to_keras(network: keras.Model, path: Path) -> Run:
    write_keras(network, path)
    with _unwarned():
        loaded = keras.models.load_model(path)
    return lambda inputs: np.asarray(loaded(inputs, training=False))


def write_keras(network: keras.Model, path: Path) -> None:
    """Write a `.keras` file of Keras' own layers.

    Keras puts the time into it in two places, and where in memory objects were; here the same network gives the same
    bytes.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        dated = Path(scratch) / path.name
        with _unwarned():  # Keras warns of itself under NumPy 2
            portable(network).save(dated)
        with zipfile.ZipFile(dated) as old, atomic_file(path) as file, zipfile.ZipFile(file, "w") as new:
            for name in sorted(old.namelist()):
                content = old.read(name)
                if name == "metadata.json":
                    content = json.dumps({**json.loads(content), "date_saved": NO_DATE}).encode()
                if name == "config.json":
                    content = _numbered(content)
                new.writestr(zipfile.ZipInfo(name), content)


def _numbered(config: bytes) -> bytes:
    """Numbers in the order of appearance in the place of memory addresses: they only tell who shares what."""
    numbers: dict[bytes, int] = {}
    return re.sub(
        rb'("shared_object_id": )(\d+)',
        lambda found: found[1] + str(numbers.setdefault(found[2], len(numbers) + 1)).encode(),
        config,
    )


def _to_onnx(network: keras.Model, path: Path) -> Run:
    import onnx
    import onnxruntime

    network = portable(network)
    network([np.zeros((1, *tensor.shape[1:]), tensor.dtype) for tensor in network.inputs], training=False)
    with _unwarned(), contextlib.redirect_stdout(None):
        network.export(path, format="onnx", verbose=False)
    model = onnx.load(path)
    _tidy(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    return lambda inputs: np.asarray(session.run(["images"], dict(zip(names, inputs, strict=True)))[0])


def _tidy(graph: Any) -> None:
    """Call the output `images`, and the number of images `N`: the names that the converter gives change each time."""
    (output,) = graph.output
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = ["images" if name == output.name else name for name in names]
    output.name = "images"
    for value in (*graph.input, output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"


def _difference(generator: Generator, run: Run) -> float:
    """Largest absolute difference between images in [-1, 1] of the generator and of what was exported."""
    latents = np.stack([generator.latent(0, number) for number in range(_COMPARED_IMAGES)])
    inputs = [latents]
    if generator.spec.classes:
        inputs.append(np.arange(_COMPARED_IMAGES, dtype=np.int32) % generator.spec.classes)
    wanted = np.asarray(generator.network(inputs, training=False))
    return float(np.abs(run(inputs) - wanted).max())


@contextlib.contextmanager
def _unwarned() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
