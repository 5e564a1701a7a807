"""Plain convolutional generator and discriminator: no normalisation layers, ordinary (ungrouped) convolutions.

Radford et al. 2015, arXiv:1511.06434, for the shape of the networks; Huang et al. 2024, arXiv:2501.05441, for leaving
out normalisation and for the label embeddings.
"""

import keras
from keras import KerasTensor, layers

from gan.models.spec import ModelSpec

_LEAK = 0.2


def build_generator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of latents float32 [N, latent_size] and, if conditional, labels int32 [N].

    Returns float32 [N, H, W, C], meant for [-1, 1] but not bounded.
    """
    seeds = _Seeds(seed)
    latents = keras.Input((spec.latent_size,), name="latents")
    inputs, hidden = [latents], latents
    if spec.classes:
        labels = keras.Input((), dtype="int32", name="labels")
        # Keras' default of U(-0.05, 0.05) would drown the label in latents of unit deviation.
        embedding = _embedding(spec.classes, spec.latent_size, 1.0, seeds)(labels)
        inputs, hidden = [latents, labels], layers.Concatenate(name="latents_and_label")([latents, embedding])
    width = spec.width_at(spec.stages)
    hidden = layers.Dense(spec.base_px**2 * width, kernel_initializer=seeds.he(), name="base")(hidden)
    hidden = layers.Reshape((spec.base_px, spec.base_px, width), name="base_image")(hidden)
    hidden = layers.LeakyReLU(_LEAK, name="base_activation")(hidden)
    for halvings in reversed(range(spec.stages)):
        hidden = _up(hidden, spec.width_at(halvings), f"up_{spec.resolution_px >> halvings}", seeds)
    image = layers.Conv2D(spec.channels, 3, padding="same", kernel_initializer=seeds.he(scale=1.0), name="image")(
        hidden
    )
    return keras.Model(inputs, image, name="generator")


def build_discriminator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] in [-1, 1] and, if conditional, labels int32 [N]. Returns scores [N, 1].

    The label enters as a projection on the last hidden layer: Miyato and Koyama 2018, arXiv:1802.05637.
    """
    seeds = _Seeds(seed)
    images = keras.Input((spec.resolution_px, spec.resolution_px, spec.channels), name="images")
    hidden = layers.Conv2D(spec.width_at(0), 3, padding="same", kernel_initializer=seeds.he(), name="image")(images)
    hidden = layers.LeakyReLU(_LEAK, name="image_activation")(hidden)
    for halvings in range(1, spec.stages + 1):
        hidden = _down(hidden, spec.width_at(halvings), f"down_{spec.resolution_px >> halvings}", seeds)
    hidden = layers.Flatten(name="flat")(hidden)
    hidden = layers.Dense(spec.width_at(spec.stages), kernel_initializer=seeds.he(), name="hidden")(hidden)
    hidden = layers.LeakyReLU(_LEAK, name="hidden_activation")(hidden)
    score = layers.Dense(1, kernel_initializer=seeds.he(scale=1.0), name="score")(hidden)
    if not spec.classes:
        return keras.Model([images], score, name="discriminator")
    labels = keras.Input((), dtype="int32", name="labels")
    embedding = _embedding(spec.classes, hidden.shape[-1], 0.1, seeds)(labels)
    projection = layers.Dot(axes=1, name="projection")([hidden, embedding])
    return keras.Model([images, labels], layers.Add(name="total")([score, projection]), name="discriminator")


class _Seeds:
    """A different seed for every initializer, all from one."""

    def __init__(self, seed: int) -> None:
        self._next = seed * 1000

    def take(self) -> int:
        self._next += 1
        return self._next

    def he(self, scale: float = 2.0) -> keras.initializers.Initializer:
        return keras.initializers.VarianceScaling(scale, mode="fan_in", seed=self.take())


def _embedding(classes: int, size: int, deviation: float, seeds: _Seeds) -> layers.Layer:
    initializer = keras.initializers.RandomNormal(stddev=deviation, seed=seeds.take())
    return layers.Embedding(classes, size, embeddings_initializer=initializer, name="label_embedding")


def _up(hidden: KerasTensor, width: int, name: str, seeds: _Seeds) -> KerasTensor:
    """Double the side."""
    layer = layers.Conv2DTranspose(width, 4, strides=2, padding="same", kernel_initializer=seeds.he(), name=name)
    return layers.LeakyReLU(_LEAK, name=f"{name}_activation")(layer(hidden))


def _down(hidden: KerasTensor, width: int, name: str, seeds: _Seeds) -> KerasTensor:
    """Halve the side."""
    layer = layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=seeds.he(), name=name)
    return layers.LeakyReLU(_LEAK, name=f"{name}_activation")(layer(hidden))
