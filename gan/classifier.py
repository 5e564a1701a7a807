"""A small seeded convolutional classifier: source of features, filter of samples, judge of value."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from datasets.errors import BadInput, FormatError
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
        self._forward = compiled(lambda images: network(scaled(images)), self.image_shape)

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
        return features, tf.nn.softmax(logits).numpy()


def fit_classifier(
    images: np.ndarray, labels: np.ndarray, class_count: int, settings: ClassifierSettings, seed: int
) -> Classifier:
    """Fit on uint8 [N, H, W, C] and int labels [N] in [0, class_count). The same arguments give the same weights.

    Raises BadInput for fewer than two classes, no images, or labels outside the range.
    """
    _check(images, labels, class_count)
    tf.config.experimental.enable_op_determinism()
    record = {"image_shape": images.shape[1:], "class_count": class_count, "settings": settings.model_dump()}
    network = _build(images.shape[1:], class_count, settings, seed)
    optimiser = keras.optimizers.AdamW(weight_decay=settings.weight_decay)
    step = _fitting_step(network, optimiser, class_count)
    steps = max(1, settings.budget_images // settings.batch_size)
    order = BatchOrder(len(images), settings.batch_size, seed)
    for number in range(steps):
        picks = order.at(number)
        optimiser.learning_rate.assign(cosine(settings.learning_rate, 0.0, number, steps))
        step(images[picks], labels[picks].astype(np.int32), tf.constant([seed, number], tf.int32))
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
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def compiled(forward: Callable[[tf.Tensor], Any], image_shape: tuple[int, ...]) -> Callable[[tf.Tensor], Any]:
    """`forward` as one graph for uint8 [N, *image_shape] of any N."""
    return tf.function(forward).get_concrete_function(tf.TensorSpec((None, *image_shape), tf.uint8))


def in_blocks(forward: Callable[[tf.Tensor], Any], images: np.ndarray) -> list[np.ndarray]:
    """Each output of a compiled network for uint8 [N, H, W, C], computed in blocks of bounded size."""
    # No images at all go through as one black image, whose outputs are dropped again: the shapes come out right.
    given = images if len(images) else np.zeros((1, *images.shape[1:]), np.uint8)
    blocks = [forward(tf.constant(given[start : start + _BLOCK])) for start in range(0, len(given), _BLOCK)]
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
    seeds = iter(range(seed * 1000, seed * 1000 + 1000))
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


def _fitting_step(network: keras.Model, optimiser: keras.optimizers.Optimizer, class_count: int) -> Any:
    optimiser.build(network.trainable_variables)

    @tf.function(reduce_retracing=True)
    def step(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        targets = tf.one_hot(labels, class_count)
        with tf.GradientTape() as tape:
            _, logits = network(_jittered(scaled(images), seed), training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))
        gradients = tape.gradient(loss, network.trainable_variables)
        optimiser.apply(gradients, network.trainable_variables)
        return loss

    return step


def _jittered(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Add a little noise, so that single pixels are not learned by heart."""
    return images + 0.1 * tf.random.stateless_normal(tf.shape(images), seed)


def _check(images: np.ndarray, labels: np.ndarray, class_count: int) -> None:
    if class_count < 2 or not len(images) or len(images) != len(labels):
        raise BadInput(
            f"a classifier got {len(images)} images, {len(labels)} labels and {class_count} classes; "
            "it needs one label per image and at least two classes"
        )
    if labels.min() < 0 or labels.max() >= class_count:
        raise BadInput(f"labels span {labels.min()}..{labels.max()}; allowed are 0..{class_count - 1}")
