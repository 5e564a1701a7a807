"""Images from a trained generator."""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError
from gan.classifier import weights_digest
from gan.models.conv import build_generator
from gan.models.spec import ModelSpec
from gan.training_state import network_inputs
from gan.weight_files import read_arrays, write_arrays

GENERATOR_VERSION = 1
WEIGHTS_FILE = "generator.weights.npz"
SPEC_FILE = "generator.json"
_BLOCK = 100


class Generator:
    """A trained generator. Attributes: `spec` (ModelSpec), `class_names` (tuple or None), `weights_sha256` (hex)."""

    def __init__(self, network: keras.Model, spec: ModelSpec, class_names: Sequence[str] | None) -> None:
        self._network = network
        self.spec = spec
        self.class_names = None if class_names is None else tuple(class_names)
        latents = tf.TensorSpec((_BLOCK, spec.latent_size), tf.float32)
        self._forward = tf.function(self._pixels).get_concrete_function(latents, tf.TensorSpec((_BLOCK,), tf.int32))

    @property
    def weights_sha256(self) -> str:
        return weights_digest(self._network.get_weights())

    def sample(self, labels: np.ndarray | int, seed: int, *, first: int = 0) -> np.ndarray:
        """uint8 [N, H, W, C] for int labels [N], or for a count where the generator is unconditional.

        Image number i, counted from `first`, depends on (seed, i, label i) alone: so parts of a set can be made
        apart, and give the same images. A generator of one class takes both labels and a count.
        Raises BadInput for a count where labels are needed, or for labels that it does not know.
        """
        wanted = self._checked(labels)
        images = np.empty((len(wanted), self.spec.resolution_px, self.spec.resolution_px, self.spec.channels), np.uint8)
        # Blocks of one shape at fixed places: results of a matrix product may depend on its shape in the last bit.
        for start in range(first - first % _BLOCK, first + len(wanted), _BLOCK):
            begin, end = max(start, first), min(start + _BLOCK, first + len(wanted))
            latents = np.zeros((_BLOCK, self.spec.latent_size), dtype=np.float32)
            block_labels = np.zeros(_BLOCK, dtype=np.int32)
            block_labels[begin - start : end - start] = wanted[begin - first : end - first]
            latents[begin - start : end - start] = [self._latent(seed, index) for index in range(begin, end)]
            made = self._forward(tf.constant(latents), tf.constant(block_labels)).numpy()
            images[begin - first : end - first] = made[begin - start : end - start]
        return images

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Take other weights of the same network."""
        self._network.set_weights(list(weights))

    def save(self, folder: Path) -> None:
        """Write `generator.weights.npz`, then `generator.json`, which makes it loadable."""
        arrays = {f"{index:03}": weight for index, weight in enumerate(self._network.get_weights())}
        write_arrays(folder / WEIGHTS_FILE, arrays, {"kind": "generator", "format_version": GENERATOR_VERSION})
        record = {
            "format_version": GENERATOR_VERSION,
            "weights_sha256": self.weights_sha256,
            "spec": self.spec.model_dump(),
            "class_names": self.class_names,
        }
        write_text_atomically(folder / SPEC_FILE, json.dumps(record, indent=1) + "\n")

    def _latent(self, seed: int, index: int) -> np.ndarray:
        normal = np.random.default_rng([seed, index]).standard_normal(self.spec.latent_size, dtype=np.float32)
        return np.float32(self.spec.latent_scale) * normal

    def _pixels(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        images = self._network(network_inputs(self.spec, latents, labels))
        return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)

    def _checked(self, labels: np.ndarray | int) -> np.ndarray:
        classes = max(self.spec.classes, len(self.class_names or ()))
        if isinstance(labels, int | np.integer):
            if self.spec.classes:
                raise BadInput(f"a count of {labels} for a generator of {classes} classes; give one label per image")
            return np.zeros(int(labels), dtype=np.int32)
        wanted = np.asarray(labels, dtype=np.int32)
        if not classes and len(wanted):
            raise BadInput(f"{len(wanted)} labels for a generator that knows no classes; give a count")
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < classes:
            raise BadInput(f"labels span {wanted.min()}..{wanted.max()}; this generator knows 0..{classes - 1}")
        return wanted


def load_generator(folder: Path) -> Generator:
    """The generator that training left in `folder`.

    Raises BadInput where there is none, FormatError where it is damaged or of another version.
    """
    path = folder / SPEC_FILE
    if not path.exists():
        raise BadInput(f"{folder}: no generator here (no {SPEC_FILE}); train one first")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{path}: not readable ({error}); train again") from error
    if record.get("format_version") != GENERATOR_VERSION:
        version = record.get("format_version")
        raise FormatError(f"{path}: generator version {version}, this code reads {GENERATOR_VERSION}; train again")
    spec = ModelSpec(**record["spec"])
    network = build_generator(spec, seed=0)
    arrays, _ = read_arrays(folder / WEIGHTS_FILE)
    network.set_weights([arrays[name] for name in sorted(arrays)])
    generator = Generator(network, spec, record["class_names"])
    if generator.weights_sha256 != record["weights_sha256"]:
        raise FormatError(f"{folder}: {WEIGHTS_FILE} and {SPEC_FILE} are of different generators; train again")
    return generator
