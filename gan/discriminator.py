"""The trained discriminator beside its generator: it scores samples, so that the least believable can be left out."""

from pathlib import Path

import keras
import numpy as np

from datasets.errors import BadInput, FormatError
from gan.backends import Tensor, backend
from gan.blocks import BLOCK, at_fixed_places
from gan.classifier import scaled, weights_digest
from gan.models.registry import family_of
from gan.models.spec import ModelSpec
from gan.training_state import network_inputs
from gan.weight_files import read_arrays, write_arrays

DISCRIMINATOR_VERSION = 1
DISCRIMINATOR_FILE = "discriminator.weights.npz"


class Discriminator:
    """Scores of images. Attribute: `weights_sha256` (hex)."""

    def __init__(self, network: keras.Model, spec: ModelSpec) -> None:
        self._network, self._spec = network, spec
        self.weights_sha256 = weights_digest(network.get_weights())
        shape = (BLOCK, spec.resolution_px, spec.resolution_px, spec.channels)
        self._forward = backend.forward(self._scores, network, [(shape, "uint8"), ((BLOCK,), "int32")])

    def scores(self, numbers: np.ndarray, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """float32 [N], higher is more like real images of the class, of uint8 [N, H, W, C] with numbers and labels."""
        return at_fixed_places(self._forward, numbers, images, labels.astype(np.int32))

    def _scores(self, images: Tensor, labels: Tensor) -> Tensor:
        return self._network(network_inputs(self._spec, scaled(images), labels))[:, 0]


def save_discriminator(weights: list[np.ndarray], spec: ModelSpec, folder: Path) -> None:
    """Write `discriminator.weights.npz`."""
    arrays = {f"{index:03}": weight for index, weight in enumerate(weights)}
    record = {"kind": "discriminator", "format_version": DISCRIMINATOR_VERSION, "spec": spec.model_dump()}
    write_arrays(folder / DISCRIMINATOR_FILE, arrays, record)


def load_discriminator(folder: Path) -> Discriminator:
    """What training left beside the generator.

    Raises BadInput where there is none, FormatError where it is damaged or of another version.
    """
    path = folder / DISCRIMINATOR_FILE
    if not path.exists():
        raise BadInput(
            f"{folder}: no discriminator here (no {DISCRIMINATOR_FILE}); set generate.rejection.keep_share to 1, "
            "or train a family that has a discriminator"
        )
    arrays, record = read_arrays(path)
    if record.get("kind") != "discriminator" or record.get("format_version") != DISCRIMINATOR_VERSION:
        raise FormatError(f"{path}: not a discriminator of format version {DISCRIMINATOR_VERSION}; train again")
    spec = ModelSpec(**record["spec"])
    build = family_of(spec).build_discriminator
    if build is None:
        raise FormatError(f"{path}: a {spec.family} has no discriminator; train again")
    network = build(spec, 0)
    network.set_weights([arrays[name] for name in sorted(arrays)])
    return Discriminator(network, spec)
