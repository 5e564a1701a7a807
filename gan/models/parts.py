"""What families share: seeds of initialisers, labels, and layers with or without spectral normalisation."""

import keras
from keras import KerasTensor, layers

from gan.models.minibatch_deviation import MinibatchDeviation
from gan.models.spec import ModelSpec
from gan.models.spectral import SpectralConv2D, SpectralDense, SpectralEmbedding

LEAK = 0.2


class Seeds:
    """A different seed for every initializer, all from one."""

    def __init__(self, seed: int) -> None:
        self._next = seed * 1000

    def take(self) -> int:
        self._next += 1
        return self._next % 2**32  # Keras keeps 32 bits of a seed; JAX refuses more

    def he(self, scale: float = 2.0) -> keras.initializers.Initializer:
        """Normal numbers whose deviation keeps the signal's size through (leaky) ReLUs."""
        return keras.initializers.VarianceScaling(scale, mode="fan_in", seed=self.take())

    def normal(self, deviation: float) -> keras.initializers.Initializer:
        return keras.initializers.RandomNormal(stddev=deviation, seed=self.take())


class DiscriminatorLayers:
    """Kinds of layers of a discriminator, spectrally normalised where the spec asks for it.

    They are called like those of Keras, but have no activations.
    """

    def __init__(self, spec: ModelSpec) -> None:
        spectral = spec.spectral_normalisation
        self.conv: type[layers.Layer] = SpectralConv2D if spectral else layers.Conv2D
        self.dense: type[layers.Layer] = SpectralDense if spectral else layers.Dense
        self.embedding: type[layers.Layer] = SpectralEmbedding if spectral else layers.Embedding


def generator_inputs(spec: ModelSpec, seeds: Seeds) -> tuple[list[KerasTensor], KerasTensor]:
    """The inputs of a generator, and what its first layer reads: latents, followed by an embedding of the label."""
    latents = keras.Input((spec.latent_size,), name="latents")
    if not spec.classes:
        return [latents], latents
    labels = label_input()
    # Keras' default of U(-0.05, 0.05) would drown the label in latents of unit deviation.
    embedding = layers.Embedding(
        spec.classes, spec.latent_size, embeddings_initializer=seeds.normal(1.0), name="label_embedding"
    )(labels)
    return [latents, labels], layers.Concatenate(name="latents_and_label")([latents, embedding])


def image_input(spec: ModelSpec) -> KerasTensor:
    return keras.Input((spec.resolution_px, spec.resolution_px, spec.channels), name="images")


def label_input() -> KerasTensor:
    return keras.Input((), dtype="int32", name="labels")


def leaky(hidden: KerasTensor, name: str) -> KerasTensor:
    return layers.LeakyReLU(LEAK, name=f"{name}_activation")(hidden)


def uses_batch_statistics(network: keras.Model) -> bool:
    """Whether an image's result in training depends on the others of its batch."""
    return any(isinstance(layer, layers.BatchNormalization | MinibatchDeviation) for layer in network.layers)
