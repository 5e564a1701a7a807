"""An `.onnx` file, run by ONNX Runtime on the processor."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from datasets.errors import BadInput
from gan.extractors.opened_model import OpenedModel

_PACKAGES = ("onnx", "onnxruntime")
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(uint8)": np.uint8}
_CHANNELS = (1, 3)


def open_onnx(path: Path, output: str | None) -> OpenedModel:
    """The network up to an output. Images go in as its input wants them: channels first or last.

    Raises BadInput with a sentence for each thing that it cannot be, and where the extra [onnx] is not installed.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise BadInput(f"{path} needs {', '.join(missing)}; install them, e.g. with the extra [onnx]")
    session = _session(path)
    given = session.get_inputs()
    shapes = ", ".join(str(value.shape) for value in given)
    if len(given) != 1 or len(given[0].shape) != 4:
        raise BadInput(f"{path} has inputs of shape {shapes}; an extractor reads one, of images")
    if given[0].type not in _TYPES:
        raise BadInput(f"{path} reads {given[0].type}; an extractor's input is one of {', '.join(_TYPES)}")
    at_once, *sizes = (side if isinstance(side, int) else None for side in given[0].shape)
    first = sizes[0] in _CHANNELS and sizes[2] not in _CHANNELS
    if not first and sizes[2] not in _CHANNELS:
        raise BadInput(f"{path} has an input of shape {shapes}; its channels must be 1 or 3, second or last")
    if at_once not in (None, 1):
        raise BadInput(f"{path} reads {at_once} images at once; export it with a free number of images")
    known = [value.name for value in session.get_outputs()]
    chosen = known[0] if output is None and len(known) == 1 else output
    if chosen not in known:
        raise BadInput(f"{path} has the outputs {', '.join(known)}; name the one with the features in extractor.layer")
    name, dtype = given[0].name, _TYPES[given[0].type]

    def run(values: np.ndarray) -> np.ndarray:
        ordered = np.ascontiguousarray(values.transpose(0, 3, 1, 2) if first else values)
        cast = np.rint(ordered).astype(dtype) if dtype is np.uint8 else ordered.astype(dtype)
        found = np.asarray(session.run([chosen], {name: cast})[0])
        return found.transpose(0, 2, 3, 1) if first and found.ndim == 4 else found

    channels, height_px, width_px = sizes if first else (sizes[2], sizes[0], sizes[1])
    assert channels is not None
    return OpenedModel(run, height_px, width_px, channels, at_once, whole_numbers=dtype is np.uint8)


def _session(path: Path) -> Any:
    import onnx
    import onnxruntime

    payload = path.read_bytes()
    try:
        model = onnx.load_model_from_string(payload)
    except Exception as error:  # protobuf's own error types differ by its version
        raise BadInput(f"{path} is no readable ONNX file; export the model again") from error
    # Numbers in other files would not be part of the SHA-256.
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise BadInput(f"{path} keeps its weights in another file; export it as one file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a type per code, all of them below Exception
        line = next(iter(str(error).splitlines()), "")
        raise BadInput(f"{path} cannot be run by ONNX Runtime ({line}); export the model again") from error
