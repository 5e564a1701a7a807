"""Small stand-ins for large files: a frozen graph with the nodes of Inception's, and pictures to see it with."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

FEATURES = 6
CLASSES = 10


def make_frozen_graph(producer: int = 8, seed: int = 0, classes: bool = True) -> bytes:
    """A graph with the node names of the one of 2015, its old batch normalisation, and its size of batch, 1."""
    rng = np.random.default_rng(seed)
    graph = tf.Graph()
    with graph.as_default():
        v1 = tf.compat.v1
        contents = v1.placeholder(tf.uint8, [None, None, 3], name="DecodeJpeg")
        one = tf.expand_dims(tf.cast(contents, tf.float32, name="Cast"), 0, name="ExpandDims")
        sized = tf.raw_ops.ResizeBilinear(images=one, size=[299, 299], name="ResizeBilinear")
        scaled = tf.multiply(tf.subtract(sized, 128.0, name="Sub"), 1 / 128, name="Mul")
        kernel = tf.constant(rng.normal(size=(7, 7, 3, FEATURES)) / 12, tf.float32)
        hidden = tf.raw_ops.Conv2D(input=scaled, filter=kernel, strides=[1, 8, 8, 1], padding="VALID", name="conv")
        hidden = tf.nn.relu(hidden, name="conv/relu")
        pooled = tf.nn.avg_pool2d(hidden, [hidden.shape[1], hidden.shape[2]], 1, "VALID", name="pool_3")
        if classes:
            flat = tf.reshape(pooled, [1, FEATURES], name="pool_3/_reshape")
            weights = tf.constant(rng.normal(size=(FEATURES, CLASSES)), tf.float32, name="softmax/weights")
            tf.nn.softmax(tf.matmul(flat, weights, name="softmax/logits/MatMul"), name="softmax")
    return _with_old_normalisation(graph.as_graph_def(), producer)


def _with_old_normalisation(definition, producer: int) -> bytes:
    """TensorFlow 2 does not make this operation any more, but reads it from graphs of versions below 9."""
    for name, values in (("mean", 0.1), ("variance", 2.0), ("beta", 0.2), ("gamma", 1.0)):
        node = definition.node.add(name=f"conv/{name}", op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.full(FEATURES, values, np.float32)))
    node = definition.node.add(name="conv/batchnorm", op="BatchNormWithGlobalNormalization")
    node.input.extend(["conv", "conv/mean", "conv/variance", "conv/beta", "conv/gamma"])
    node.attr["T"].type = tf.float32.as_datatype_enum
    node.attr["variance_epsilon"].f = 0.001
    node.attr["scale_after_normalization"].b = False
    (relu,) = (node for node in definition.node if node.name == "conv/relu")
    relu.input[:] = ["conv/batchnorm"]
    definition.versions.producer = producer
    return definition.SerializeToString(deterministic=True)


def make_archive(members: dict[str, bytes]) -> bytes:
    """A .tgz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, payload in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(payload)
            archive.addfile(member, io.BytesIO(payload))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def graph() -> bytes:
    return make_frozen_graph()


@pytest.fixture(scope="session")
def frozen_graph() -> Callable[..., bytes]:
    """`frozen_graph(producer=8, classes=True)`."""
    return make_frozen_graph


@pytest.fixture(scope="session")
def packed() -> Callable[[dict[str, bytes]], bytes]:
    """`packed({member: payload})`."""
    return make_archive


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], tuple[Path, str]]:
    """`write(name, payload)` -> path and SHA-256."""

    def write_file(name: str, payload: bytes) -> tuple[Path, str]:
        (tmp_path / name).write_bytes(payload)
        return tmp_path / name, hashlib.sha256(payload).hexdigest()

    return write_file


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """Smooth colours uint8 [5, 40, 32, 3]."""
    rng = np.random.default_rng(3)
    coarse = tf.image.resize(rng.uniform(0, 255, (5, 5, 4, 3)), (40, 32), method="bicubic")
    return np.clip(coarse, 0, 255).astype(np.uint8)
