"""An untrained, seeded convolutional network."""

import keras
import numpy as np
from keras import layers

from gan.classifier import compiled, in_blocks, scaled, weights_digest
from gan.extractors.base import NO_RESIZE, identity_of
from gan.seeds import derived_seed


class RandomConvExtractor:
    """Features of an untrained network: blind to meaning, but not to missing modes or wrong textures."""

    name = "random-conv"
    standardise = True

    def __init__(self, image_shape: tuple[int, ...], seed: int, feature_size: int) -> None:
        self.record = {"image_shape": image_shape, "seed": seed, "feature_size": feature_size}
        self._network = _random_network(image_shape, derived_seed(seed, "random-conv"), feature_size)
        self.identity = identity_of(self.name, weights_digest(self._network.get_weights()), NO_RESIZE)
        self._forward = compiled(lambda images: [self._network(scaled(images))], self._network, image_shape)

    def features(self, images: np.ndarray) -> np.ndarray:
        return in_blocks(self._forward, images)[0]

    def probabilities(self, images: np.ndarray) -> None:
        """None: it knows no classes."""


def _random_network(image_shape: tuple[int, ...], seed: int, feature_size: int) -> keras.Model:
    """Strided convolutions, then all that they say, projected."""
    images = keras.Input(image_shape, name="images")
    hidden, width, side_px, number = images, 32, max(image_shape[:2]), 0
    while side_px > 4:
        initializer = keras.initializers.HeNormal(seed=seed + number)
        hidden = layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=initializer)(hidden)
        hidden = layers.LeakyReLU(0.2)(hidden)
        width, side_px, number = min(2 * width, 128), -(-side_px // 2), number + 1
    initializer = keras.initializers.Orthogonal(seed=seed + number)
    features = layers.Dense(feature_size, kernel_initializer=initializer)(layers.Flatten()(hidden))
    return keras.Model(images, features)
