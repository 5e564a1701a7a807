"""A small seeded convolutional classifier: source of features, filter of samples, judge of value."""

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from datasets.errors import BadInput, FormatError
from gan.backends import Tensor, backend
from gan.batches import BatchOrder
from gan.schedules import cosine
from gan.settings import ClassifierSettings
from gan.weight_files import read_arrays, write_arrays

CLASSIFIER_VERSION = 1
KIND = "classifier"
_COARSEST_PX = 7
_BLOCK = 500


class Classifier:
    """Images are uint8 [N, H, W, C] of the size that it was fitted on. Attribute: `weights_sha256` (hex)."""

    def __init__(self, network: keras.Model, record: dict[str, Any]) -> None:
        self._network = network
        self._record = record
        self.image_shape: tuple[int, ...] = tuple(record["image_shape"])
        self.weights_sha256 = weights_digest(network.get_weights())
        self._forward = compiled(lambda images: network(scaled(images)), network, self.image_shape)

    def features(self, images: np.ndarray) -> np.ndarray:
        """float32 [N, feature_size]: what the last hidden layer says."""
        return self._run(images)[0]

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """float32 [N, classes], rows sum to 1."""
        return self._run(images)[1]

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Share of images in [0, 1] whose likeliest class is their label."""
        return float((self.probabilities(images).argmax(axis=1) == labels).mean())

    def save(self, path: Path, kind: str = KIND) -> None:
        """Write an npz that `load_classifier` reads; `kind` is what its classes are for."""
        arrays = {f"{index:03}": value for index, value in enumerate(self._network.get_weights())}
        write_arrays(path, arrays, {"kind": kind, "format_version": CLASSIFIER_VERSION, **self._record})

    def _run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if images.shape[1:] != self.image_shape:
            raise BadInput(f"images of {images.shape[1:]} for a classifier of {self.image_shape}; resize them first")
        features, logits = in_blocks(self._forward, images)
        return features, ops.convert_to_numpy(ops.softmax(logits))


def fit_classifier(
    images: np.ndarray, labels: np.ndarray, class_count: int, settings: ClassifierSettings, seed: int
) -> Classifier:
    """Fit on uint8 [N, H, W, C] and int labels [N] in [0, class_count). The same arguments give the same weights.

    Raises BadInput for fewer than two classes, no images, or labels outside the range.
    """
    _check(images, labels, class_count)
    backend.make_deterministic()
    record = {"image_shape": images.shape[1:], "class_count": class_count, "settings": settings.model_dump()}
    network = _build(images.shape[1:], class_count, settings, seed)
    optimiser = keras.optimizers.AdamW(weight_decay=settings.weight_decay)
    step = _fitting_step(network, optimiser, images.shape[1:], class_count, settings.batch_size, seed)
    steps = max(1, settings.budget_images // settings.batch_size)
    order = BatchOrder(len(images), settings.batch_size, seed)
    for number in range(steps):
        picks = order.at(number)
        optimiser.learning_rate.assign(cosine(settings.learning_rate, 0.0, number, steps))
        step(images[picks], labels[picks].astype(np.int32), np.int32(number))
    return Classifier(network, record)


def load_classifier(path: Path, kind: str = KIND) -> Classifier:
    """Read what `Classifier.save` wrote. Raises FormatError where it is damaged, or of another kind or version."""
    arrays, record = read_arrays(path)
    if record.pop("kind", None) != kind or record.pop("format_version", None) != CLASSIFIER_VERSION:
        raise FormatError(f"{path}: not a {kind} of format version {CLASSIFIER_VERSION}; train again")
    settings = ClassifierSettings(**record["settings"])
    network = _build(tuple(record["image_shape"]), record["class_count"], settings, seed=0)
    network.set_weights([arrays[name] for name in sorted(arrays)])
    return Classifier(network, record)


def scaled(images: Any) -> Any:
    """uint8 [N, H, W, C] -> float32 in [-1, 1]."""
    return ops.cast(images, "float32") / 127.5 - 1.0


def compiled(
    forward: Callable[[Tensor], Any], network: keras.Model, image_shape: tuple[int, ...]
) -> Callable[[np.ndarray], Any]:
    """`forward`, which calls the network, compiled for uint8 [N, *image_shape] of any N."""
    return backend.forward(forward, network, [((None, *image_shape), "uint8")])


def in_blocks(forward: Callable[[np.ndarray], Any], images: np.ndarray) -> list[np.ndarray]:
    """Each output of a compiled network for uint8 [N, H, W, C], computed in blocks of bounded size."""
    # No images at all go through as one black image, whose outputs are dropped again: the shapes come out right.
    given = images if len(images) else np.zeros((1, *images.shape[1:]), np.uint8)
    blocks = [forward(given[start : start + _BLOCK]) for start in range(0, len(given), _BLOCK)]
    return [np.concatenate(parts)[: len(images)] for parts in zip(*blocks, strict=True)]


def weights_digest(weights: Sequence[np.ndarray]) -> str:
    """Hex SHA-256 over shapes and bytes of arrays."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(json.dumps([str(array.dtype), array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _build(image_shape: tuple[int, ...], classes: int, settings: ClassifierSettings, seed: int) -> keras.Model:
    """Returns (features, logits); the side is halved until it is at most 7 px."""
    images = keras.Input(image_shape, name="images")
    seeds = (number % 2**32 for number in count(seed * 1000))  # Keras keeps 32 bits of a seed; JAX refuses more
    hidden, width, side_px = images, settings.width, max(image_shape[:2])
    hidden = _convolution(hidden, width, 1, next(seeds))
    while side_px > _COARSEST_PX:
        width, side_px = 2 * settings.width, -(-side_px // 2)
        hidden = _convolution(hidden, width, 2, next(seeds))
    hidden = layers.Flatten()(hidden)
    hidden = layers.Dense(settings.feature_size, kernel_initializer=_he(next(seeds)), name="features")(hidden)
    features = layers.LeakyReLU(0.1)(hidden)
    logits = layers.Dense(classes, kernel_initializer=_he(next(seeds)), name="logits")(features)
    return keras.Model(images, [features, logits])


def _convolution(hidden: Any, width: int, stride: int, seed: int) -> Any:
    layer = layers.Conv2D(width, 3, strides=stride, padding="same", kernel_initializer=_he(seed))
    return layers.ReLU()(layer(hidden))


def _he(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.HeNormal(seed=seed)


def _fitting_step(
    network: keras.Model,
    optimiser: keras.optimizers.Optimizer,
    image_shape: tuple[int, ...],
    class_count: int,
    batch_size: int,
    seed: int,
) -> Callable[..., Tensor]:
    """A compiled function of images, labels and the number of the step, int32."""
    variables = network.trainable_variables
    optimiser.build(variables)

    def step(images: Tensor, labels: Tensor, number: Tensor) -> Tensor:
        given = _jittered(scaled(images), seed, number)

        def loss() -> tuple[Tensor, None]:
            _, logits = network(given, training=True)
            targets = ops.one_hot(labels, class_count)
            return ops.mean(ops.categorical_crossentropy(targets, logits, from_logits=True)), None

        gradients, _ = backend.gradients(loss, variables)
        backend.apply(optimiser, gradients, variables)
        return number

    arguments = [((batch_size, *image_shape), "uint8"), ((batch_size,), "int32"), ((), "int32")]
    return backend.compiled(step, [*network.variables, *optimiser.variables], arguments)


def _jittered(images: Tensor, seed: int, step: Tensor) -> Tensor:
    """Add a little noise, so that single pixels are not learned by heart."""
    return images + 0.1 * backend.normal(images.shape, seed, step)


def _check(images: np.ndarray, labels: np.ndarray, class_count: int) -> None:
    if class_count < 2 or not len(images) or len(images) != len(labels):
        raise BadInput(
            f"a classifier got {len(images)} images, {len(labels)} labels and {class_count} classes; "
            "it needs one label per image and at least two classes"
        )
    if labels.min() < 0 or labels.max() >= class_count:
        raise BadInput(f"labels span {labels.min()}..{labels.max()}; allowed are 0..{class_count - 1}")
