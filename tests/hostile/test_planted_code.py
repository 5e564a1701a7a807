"""Code planted in every file of ours that holds numbers: the file is refused by name, and the code does not run."""

import ast
import base64
import io
import json
import marshal
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.pixel_packs import PackReader
from datasets.sources.arrays.cifar_batches import python_batch
from datasets.tfrecord import read_tfrecord
from gan.checkpoints import newest_checkpoint
from gan.extractors.inception import InceptionExtractor
from gan.extractors.model_file import ModelFileExtractor
from gan.extractors.settings import ExtractorSettings
from gan.metrics.statistics_file import load_statistics
from gan.models.spec import ModelSpec
from gan.sampling import GENERATOR_VERSION, SPEC_FILE, WEIGHTS_FILE, load_generator
from gan.weight_files import read_arrays
from tasks.published_generator import _attempts

ROOT = Path(__file__).parents[2]
PACKAGES = ("flows", "tasks", "gan", "datasets", "examples", "docs", "benchmarks")


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path):
    """Is there once planted code has run."""
    return tmp_path / "it ran"


@pytest.fixture(params=["a pickle", "an array of objects", "an archive of arrays of objects"])
def planted(request, marker):
    """The content of a file with a pickle in it."""
    file = io.BytesIO()
    if request.param == "a pickle":
        pickle.dump(Planted(marker), file)
    elif request.param == "an array of objects":
        np.save(file, np.array([Planted(marker)], dtype=object), allow_pickle=True)
    else:
        weights = np.array([Planted(marker)], dtype=object)
        np.savez(file, weights=weights, __record__=weights, __sha256__=weights, mean=weights, factor=weights)
    return file.getvalue()


def read_generator(path):
    spec = ModelSpec(resolution_px=16, channels=3, classes=0, latent_size=6, width=4, max_width=16)
    record = {"format_version": GENERATOR_VERSION, "spec": spec.model_dump(), "class_names": None}
    (path.parent / SPEC_FILE).write_text(json.dumps(record | {"weights_sha256": "ab"}))
    load_generator(path.parent)


def read_attempts(path):
    _attempts(path.parent.parent, 1)


def read_checkpoints(path):
    found = newest_checkpoint(path.parent)
    assert found.checkpoint is None
    read_arrays(path)


def extractor(kind, path):
    return ExtractorSettings(kind=kind, path=path, weights_sha256="ab" * 32)


READERS = {
    "step-000000001.npz": read_checkpoints,
    WEIGHTS_FILE: read_generator,
    "statistics.npz": lambda path: load_statistics(path, "e"),
    "generator/attempts.npy": read_attempts,
    "features.keras": lambda path: ModelFileExtractor(path, extractor("file", path)),
    "features.onnx": lambda path: ModelFileExtractor(path, extractor("file", path)),
    "inception.pb": lambda path: InceptionExtractor(path, extractor("inception-2015", path)),
    "images.pack": lambda path: PackReader(path.parent).read(path.name, 0, 8),
    MANIFEST_FILE: read_table,
    "shard.tfrecord": lambda path: list(read_tfrecord(path)),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pickle_in_the_place_of_numbers_is_refused_by_name_and_does_not_run(name, planted, tmp_path, marker):
    path = tmp_path / "files" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(planted)
    with pytest.raises(BadInput, match=re.escape(str(path if name != "images.pack" else path.name))) as caught:
        READERS[name](path)
    assert not marker.exists()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_the_planted_code_would_run(marker):
    pickle.loads(pickle.dumps(Planted(marker)))
    assert marker.exists()


def test_the_reader_of_cifar_does_not_run_it(marker):
    content = pickle.dumps({b"data": Planted(marker), b"labels": [1]}, 2)
    with pytest.raises(ValueError, match="the pickle asks for"):
        python_batch(content, "batch", "fine")
    assert not marker.exists()


def layer(**changes):
    inner = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}} | changes
    return {"module": "keras", "class_name": "Sequential", "config": {"layers": [inner]}}


CODE = base64.b64encode(marshal.dumps(compile("1", "x", "eval"))).decode()
DESCRIBED = {
    "a Lambda with code": (
        layer(class_name="Lambda", config={"function": {"class_name": "__lambda__", "config": {"code": CODE}}}),
        "has a Lambda, which may run any code",
    ),
    "a function of Python's": (layer(module="builtins", class_name="eval"), "has a eval of builtins, code that is not"),
    "a function of a module": (layer(module="os", class_name="system"), "has a system of os, code that is not"),
    "a function of Keras' own": (
        layer(class_name="function", module="keras.utils", config="get_file"),
        "has a function, which may run any code",
    ),
    "a layer that loads models": (layer(class_name="TFSMLayer"), "has a TFSMLayer, which may run any code"),
    "a layer that reads files": (layer(class_name="StringLookup"), "has a StringLookup, which may read other files"),
    "in what is built by it": (
        layer(build_config={"x": {"module": "posix", "class_name": "system"}}),
        "has a system of posix, code that is not",
    ),
}


@pytest.mark.parametrize("what", DESCRIBED)
def test_a_keras_file_whose_description_runs_code_is_refused_before_it_is_loaded(what, tmp_path):
    description, sentence = DESCRIBED[what]
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(description))
        archive.writestr("metadata.json", "{}")
    with pytest.raises(BadInput, match=re.escape(f"{path} {sentence}")):
        ModelFileExtractor(path, extractor("file", path))


RUN_CODE = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "joblib", "jsonpickle", "code", "imp"}
CALLS = {"eval", "exec", "__import__", "compile", "torch.load", "yaml.unsafe_load", "yaml.full_load"}
MAY = {  # module -> why
    ("tasks/parallel/spread.py", "pickle"): "partitions that the parent process itself sent",
    ("tasks/parallel/apart.py", "pickle"): "catches the errors of sending to a child of its own",
}


def runs_code(tree):
    """Modules and calls that make code of data."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from {alias.name.partition(".")[0] for alias in node.names} & RUN_CODE
        elif isinstance(node, ast.ImportFrom):
            yield from {str(node.module).partition(".")[0]} & RUN_CODE
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in CALLS:
                yield called
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", None)
                if (keyword.arg, value) in (("allow_pickle", True), ("safe_mode", False), ("shell", True)):
                    yield f"{keyword.arg}={value}"


def test_no_module_makes_code_of_data_but_those_that_are_named():
    made = set()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            made |= {(path.relative_to(ROOT).as_posix(), what) for what in runs_code(tree)}
    assert {entry for entry in made if not entry[0].startswith("benchmarks/peers/")} == set(MAY)
