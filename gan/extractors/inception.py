"""The frozen Inception graph of December 2015: a distance in its features is what papers call FID."""

import gzip
import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import xxhash

from datasets.errors import BadInput
from gan.extractors.base import identity_of, run_in_batches
from gan.extractors.resizing import RGB, resized, with_channels
from gan.extractors.settings import INCEPTION, ExtractorSettings

GRAPH_MEMBER = "classify_image_graph_def.pb"
SIDE_PX = 299
_MAX_GRAPH_BYTES = 1 << 30
_SETS_KEPT = 4
_GZIP_MAGIC = b"\x1f\x8b"
_INPUT, _FEATURES, _LOGITS = "ExpandDims", "pool_3", "softmax/logits/MatMul"


class InceptionExtractor:
    """Images of any size, gray or RGB; features are `pool_3`, 2,048 numbers; the graph itself scales the values.

    Probabilities are the softmax of the features times the graph's class weights, without its bias, over 1,008
    classes: what the published code of the Inception score computes (Salimans et al. 2016, arXiv:1606.03498).
    """

    name = INCEPTION
    standardise = False

    def __init__(self, path: Path, settings: ExtractorSettings) -> None:
        """Raises BadInput where the file is neither the graph nor the archive that holds it."""
        payload = _graph_bytes(path)
        self._settings = settings
        self._session, self._images, self._features, self._class_weights = _opened(payload, path)
        # The hash of the graph: the archive and the bare file give the same features.
        self.identity = identity_of(self.name, hashlib.sha256(payload).hexdigest(), settings.resize)
        self._known: dict[tuple[tuple[int, ...], bytes], np.ndarray] = {}

    def features(self, images: np.ndarray) -> np.ndarray:
        """Not writable, and those of the last four sets are kept: the network is slow, and probabilities need them."""
        key = (images.shape, xxhash.xxh3_128_digest(np.ascontiguousarray(images).data))
        if key not in self._known:
            found = run_in_batches(self._run, images, self._settings.batch_images)
            found.flags.writeable = False
            while len(self._known) >= _SETS_KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = found
        return self._known[key]

    def probabilities(self, images: np.ndarray) -> np.ndarray | None:
        if self._class_weights is None:
            return None
        logits = self.features(images).astype(np.float64) @ self._class_weights
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def _run(self, images: np.ndarray) -> np.ndarray:
        values = resized(with_channels(images, RGB, self.name), SIDE_PX, SIDE_PX, self._settings.resize)
        found = self._session.run(self._features, {self._images: values})
        return np.asarray(found, dtype=np.float32).reshape(len(images), -1)


def _graph_bytes(path: Path) -> bytes:
    """The serialised graph, out of the archive where it is one. Raises BadInput."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP_MAGIC
        return _member_bytes(path) if packed else path.read_bytes()
    except (OSError, EOFError, tarfile.TarError, gzip.BadGzipFile, zlib.error) as error:
        raise BadInput(f"{path} cannot be read ({error}); give {GRAPH_MEMBER}, or the .tgz that holds it") from error


def _member_bytes(path: Path) -> bytes:
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.isfile() and Path(member.name).name == GRAPH_MEMBER and member.size <= _MAX_GRAPH_BYTES:
                file = archive.extractfile(member)
                assert file is not None  # it is a file
                return file.read()
    raise BadInput(f"{path} holds no {GRAPH_MEMBER}; give the archive of the Inception network of 2015")


def _opened(payload: bytes, path: Path) -> tuple[Any, Any, Any, np.ndarray | None]:
    """Session, where images go in, where features come out, and float64 [D, classes] where it classifies.

    A graph and session of TensorFlow 1 run its old operations, which functions of TensorFlow 2 refuse. The input is
    replaced, since its own is one image at a time.
    """
    definition = _parsed(payload, path)
    graph = tf.Graph()
    with graph.as_default():
        images = tf.compat.v1.placeholder(tf.float32, [None, SIDE_PX, SIDE_PX, RGB], name="given_images")
        session = tf.compat.v1.Session(graph=graph)
        try:
            (features,) = tf.import_graph_def(
                definition, input_map={f"{_INPUT}:0": images}, return_elements=[f"{_FEATURES}:0"], name=""
            )
            session.run(features, {images: np.zeros((2, SIDE_PX, SIDE_PX, RGB), np.float32)})
        except (ValueError, tf.errors.OpError) as error:
            raise BadInput(
                f"{path} is a graph of version {definition.versions.producer} that TensorFlow cannot run; "
                f"give the unchanged {GRAPH_MEMBER} of 2015, whose version is below 9"
            ) from error
    if _LOGITS not in {node.name for node in definition.node}:
        return session, images, features, None
    weights = session.run(graph.get_operation_by_name(_LOGITS).inputs[1])
    return session, images, features, np.asarray(weights, dtype=np.float64)


def _parsed(payload: bytes, path: Path) -> Any:
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(payload)
    except Exception as error:  # protobuf's own error types differ by its version
        raise BadInput(f"{path} is no TensorFlow graph; give {GRAPH_MEMBER}, or the .tgz that holds it") from error
    missing = sorted({_INPUT, _FEATURES} - {node.name for node in definition.node})
    if missing:
        raise BadInput(
            f"{path} is a graph without the nodes {' and '.join(missing)}; give the unchanged {GRAPH_MEMBER} of 2015"
        )
    return definition
