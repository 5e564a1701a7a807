"""The DCGAN: strided convolutions with batch normalisation.

Radford et al. 2015, arXiv:1511.06434: batch normalisation in both networks except in the layer that makes the image and
the one that reads it, ReLU in the generator and LeakyReLU in the discriminator, tanh for the image, all weights from
N(0, 0.02). Labels, which the paper has not, enter as in the family `conv`. A spec may ask for another normalisation.
"""

import keras
from keras import layers

from gan.models.attention import attended
from gan.models.family import Family
from gan.models.normalisation import normalised
from gan.models.options import NormalisationName
from gan.models.parts import DiscriminatorLayers, Seeds, generator_inputs, image_input, label_input, leaky
from gan.models.spec import ModelSpec

_DEVIATION = 0.02


def build_generator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of latents float32 [N, latent_size] and, if conditional, labels int32 [N] -> [N, H, W, C] in [-1, 1]."""
    seeds = Seeds(seed)
    kind = _normalisation(spec)
    inputs, hidden = generator_inputs(spec, seeds)
    width = spec.width_at(spec.stages)
    hidden = layers.Dense(
        spec.base_px**2 * width, use_bias=kind == "none", kernel_initializer=seeds.normal(_DEVIATION), name="base"
    )(hidden)
    hidden = layers.Reshape((spec.base_px, spec.base_px, width), name="base_image")(hidden)
    hidden = layers.ReLU(name="base_activation")(normalised(hidden, kind, "base"))
    for halvings in range(spec.stages - 1, 0, -1):
        name = f"up_{spec.resolution_px >> halvings}"
        hidden = _up(spec.width_at(halvings), name, seeds, use_bias=kind == "none")(attended(hidden, spec, seeds))
        hidden = layers.ReLU(name=f"{name}_activation")(normalised(hidden, kind, name))
    hidden = attended(hidden, spec, seeds)
    hidden = _up(spec.channels, f"up_{spec.resolution_px}", seeds, use_bias=True)(hidden)
    image = layers.Activation("tanh", dtype="float32", name="image")(hidden)
    return keras.Model(inputs, image, name="generator")


def build_discriminator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] and, if conditional, labels int32 [N]. Returns scores [N, 1].

    The label is a projection on what the last convolution sees: Miyato and Koyama 2018, arXiv:1802.05637. Spectral
    normalisation takes the place of the other, which would undo it: Miyato et al. 2018, arXiv:1802.05957.
    """
    seeds = Seeds(seed)
    make = DiscriminatorLayers(spec)
    usual = "none" if spec.spectral_normalisation else _normalisation(spec)
    images = image_input(spec)
    hidden = images
    for halvings in range(1, spec.stages + 1):
        kind = usual if halvings > 1 else "none"
        name = f"down_{spec.resolution_px >> halvings}"
        down = make.conv(
            spec.width_at(halvings),
            4,
            strides=2,
            padding="same",
            use_bias=kind == "none",
            kernel_initializer=seeds.normal(_DEVIATION),
            name=name,
        )
        hidden = leaky(normalised(down(hidden), kind, name), name)
        hidden = attended(hidden, spec, seeds, make.conv)
    hidden = layers.Flatten(name="flat")(hidden)
    score = make.dense(1, kernel_initializer=seeds.normal(_DEVIATION), dtype="float32", name="score")(hidden)
    if not spec.classes:
        return keras.Model([images], score, name="discriminator")
    labels = label_input()
    embedding = make.embedding(
        spec.classes, hidden.shape[-1], embeddings_initializer=seeds.normal(_DEVIATION), name="label_embedding"
    )(labels)
    projection = layers.Dot(axes=1, dtype="float32", name="projection")([hidden, embedding])
    total = layers.Add(dtype="float32", name="total")([score, projection])
    return keras.Model([images, labels], total, name="discriminator")


def _up(width: int, name: str, seeds: Seeds, *, use_bias: bool) -> layers.Layer:
    """Doubles the side."""
    return layers.Conv2DTranspose(
        width,
        4,
        strides=2,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=seeds.normal(_DEVIATION),
        name=name,
    )


def _normalisation(spec: ModelSpec) -> NormalisationName:
    return "batch" if spec.normalisation == "auto" else spec.normalisation


FAMILY = Family(
    name="dcgan",
    title="strided convolutions with batch normalisation",
    when_to_use="To compare with what is published and taught; watch its recall, it collapses easily.",
    paper="arXiv:1511.06434",
    build_generator=build_generator,
    build_discriminator=build_discriminator,
)
