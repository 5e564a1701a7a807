"""Images from a trained generator."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError, brief
from gan.backends import Tensor, backend
from gan.blocks import BLOCK, at_fixed_places
from gan.classifier import weights_digest
from gan.models.mapping_network import has_styles, towards_mean_style
from gan.models.registry import family_of
from gan.models.spec import ModelSpec
from gan.training_state import network_inputs
from gan.weight_files import read_arrays, write_arrays

GENERATOR_VERSION = 1
WEIGHTS_FILE = "generator.weights.npz"
SPEC_FILE = "generator.json"


class Generator:
    """A trained generator. Attributes: `spec` (ModelSpec), `class_names` (tuple or None), `weights_sha256` (hex)."""

    def __init__(self, network: keras.Model, spec: ModelSpec, class_names: Sequence[str] | None) -> None:
        self._network = network
        self.spec = spec
        self.class_names = None if class_names is None else tuple(class_names)
        arguments = [((BLOCK, spec.latent_size), "float32"), ((BLOCK,), "int32")]
        self._forward = backend.forward(self._pixels, network, arguments)
        self._forward_truncated: Callable[..., np.ndarray] | None = None
        if has_styles(network):
            truncated = towards_mean_style(network)

            def pixels(latents: Tensor, labels: Tensor, share: Tensor) -> Tensor:
                return _as_pixels(truncated(network_inputs(spec, latents, labels), share))

            self._forward_truncated = backend.forward(pixels, network, [*arguments, ((), "float32")])

    @property
    def weights_sha256(self) -> str:
        return weights_digest(self._network.get_weights())

    def sample(
        self, labels: np.ndarray | int, seed: int, *, first: int = 0, attempt: int = 0, truncation: float = 1.0
    ) -> np.ndarray:
        """uint8 [N, H, W, C] for int labels [N], or for a count where the generator is unconditional.

        Image number i, counted from `first`, depends on (seed, i, label i, attempt, truncation) alone: so parts of a
        set can be made apart, and give the same images. `truncation` scales the latents, or, where there are styles,
        their distance to the mean style. A generator of one class takes both labels and a count.

        Raises BadInput for a count where labels are needed, or for labels that it does not know.
        """
        wanted = self.checked(labels)
        numbers = np.arange(first, first + len(wanted))
        return self.sample_numbers(numbers, wanted, seed, attempt=attempt, truncation=truncation)

    def sample_numbers(
        self, numbers: np.ndarray, labels: np.ndarray, seed: int, *, attempt: int = 0, truncation: float = 1.0
    ) -> np.ndarray:
        """As `sample`, for any ascending image numbers int [N], each with its label int32 [N]."""
        latents = np.empty((len(numbers), self.spec.latent_size), dtype=np.float32)
        for row, number in enumerate(numbers.tolist()):
            latents[row] = self.latent(seed, number, attempt)
        if self._forward_truncated is None:
            return self.render(np.float32(truncation) * latents, labels, numbers)
        return self.render(latents, labels, numbers, style_share=truncation)

    def render(
        self, latents: np.ndarray, labels: np.ndarray, numbers: np.ndarray | None = None, *, style_share: float = 1.0
    ) -> np.ndarray:
        """uint8 [N, H, W, C] of latents float32 [N, latent_size] and labels int [N]; `numbers` give places.

        `style_share` is for generators with styles: what is left of each style's distance to the mean style.
        """
        if not len(latents):
            return np.empty((0, self.spec.resolution_px, self.spec.resolution_px, self.spec.channels), np.uint8)
        places = np.arange(len(latents)) if numbers is None else numbers
        forward = self._forward
        if style_share != 1.0 and self._forward_truncated is not None:
            forward = partial(_with_last, self._forward_truncated, np.float32(style_share))
        return at_fixed_places(forward, places, latents, labels.astype(np.int32))

    def latent(self, seed: int, number: int, attempt: int = 0) -> np.ndarray:
        """float32 [latent_size] of an image number. Later attempts are for images that were rejected."""
        entropy = [seed, number, attempt] if attempt else [seed, number]
        normal = np.random.default_rng(entropy).standard_normal(self.spec.latent_size, dtype=np.float32)
        return np.float32(self.spec.latent_scale) * normal

    @property
    def network(self) -> keras.Model:
        """Latents (and labels) -> float32 images meant for [-1, 1]."""
        return self._network

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Take other weights of the same network."""
        self._network.set_weights(list(weights))

    def save(self, folder: Path, training: Mapping[str, Any] | None = None) -> None:
        """Write `generator.weights.npz`, then `generator.json`, which makes it loadable.

        `training` is JSON-able, for people: what the generator was trained with.
        """
        arrays = {f"{index:03}": weight for index, weight in enumerate(self._network.get_weights())}
        write_arrays(folder / WEIGHTS_FILE, arrays, {"kind": "generator", "format_version": GENERATOR_VERSION})
        record = {
            "format_version": GENERATOR_VERSION,
            "weights_sha256": self.weights_sha256,
            "spec": self.spec.model_dump(),
            "class_names": self.class_names,
            "how_to_use": how_to_use(self.spec, with_styles=self._forward_truncated is not None),
            "training": dict(training or {}),
        }
        write_text_atomically(folder / SPEC_FILE, json.dumps(record, indent=1) + "\n")

    def _pixels(self, latents: Tensor, labels: Tensor) -> Tensor:
        return _as_pixels(self._network(network_inputs(self.spec, latents, labels), training=False))

    def checked(self, labels: np.ndarray | int) -> np.ndarray:
        """Labels int32 [N]; zeros for a count. Raises BadInput as `sample` does."""
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


def _as_pixels(images: Tensor) -> Tensor:
    return ops.cast(ops.clip(ops.round((images + 1.0) * 127.5), 0.0, 255.0), "uint8")


def _with_last(function: Callable[..., np.ndarray], last: np.float32, *first: np.ndarray) -> np.ndarray:
    return function(*first, last)


def how_to_use(spec: ModelSpec, with_styles: bool = False) -> dict[str, str]:
    """What somebody needs to know who has the network and nothing else of this project."""
    inputs = f"latents float32 [N, {spec.latent_size}]"
    if spec.classes:
        inputs += "; labels int32 [N], positions in class_names"
    truncated = (
        "a factor of each style's distance to the mean style, in this project"
        if with_styles
        else "a factor of the latents"
    )
    shape = f"[N, {spec.resolution_px}, {spec.resolution_px}, {spec.channels}]"
    return {
        "inputs": inputs,
        "latents_of_image_i": f"{spec.latent_scale:g} * numpy.random.default_rng([seed, i])"
        f'.standard_normal({spec.latent_size}, dtype="float32")',
        "latents_after_a_rejections": "the same with default_rng([seed, i, a])",
        "truncation": f"{truncated}; 1 is what the generator was judged with",
        "output": f"images float32 {shape}, {'gray' if spec.channels == 1 else 'RGB'}, meant for [-1, 1]",
        "to_uint8": "numpy.clip(numpy.round((images + 1) * 127.5), 0, 255).astype('uint8')",
    }


def load_generator(folder: Path) -> Generator:
    """The generator that training left in `folder`.

    Raises BadInput where there is none, FormatError where it is damaged or of another version.
    """
    path = folder / SPEC_FILE
    if not path.exists():
        raise BadInput(f"{folder}: no generator here (no {SPEC_FILE}); train one first")
    spec, class_names, weights_sha256 = _read_spec(path)
    arrays, _ = read_arrays(folder / WEIGHTS_FILE)
    network = family_of(spec).build_generator(spec, 0)
    try:
        network.set_weights([arrays[name] for name in sorted(arrays)])
    except ValueError as error:
        raise FormatError(
            f"{folder}: {WEIGHTS_FILE} and {SPEC_FILE} are of different generators; train again"
        ) from error
    generator = Generator(network, spec, class_names)
    if generator.weights_sha256 != weights_sha256:
        raise FormatError(f"{folder}: {WEIGHTS_FILE} and {SPEC_FILE} are of different generators; train again")
    return generator


def _read_spec(path: Path) -> tuple[ModelSpec, list[str] | None, str]:
    """What `generator.json` says of the networks, the classes and the digest of the weights. Raises FormatError."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version = record.get("format_version")
        if version == GENERATOR_VERSION:
            return ModelSpec(**record["spec"]), record["class_names"], record["weights_sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"{path}: not readable ({brief(error)}); train again") from error
    raise FormatError(f"{path}: generator version {brief(version)}, this code reads {GENERATOR_VERSION}; train again")
