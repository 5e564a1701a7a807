"""Progressive growing: both networks begin with the coarsest side, and finer layers are faded in.

Karras et al. 2017, arXiv:1710.10196: two convolutions per side, pixel normalisation in the generator, minibatch
deviation in the discriminator, equalised learning rates. How growth follows the images seen: gan/growth.py. Labels,
which the paper has as one-hot numbers, enter as in the family `conv`.
"""

import math

import keras
from keras import KerasTensor, layers

from gan.models.equalised_layers import EqualisedConv2D, EqualisedDense
from gan.models.family import Family
from gan.models.growth_layers import Fade
from gan.models.minibatch_deviation import MinibatchDeviation
from gan.models.parts import Seeds, generator_inputs, image_input, label_input, leaky
from gan.models.pixel_norm import unit_mean_square
from gan.models.spec import ModelSpec

_ROOT_2 = math.sqrt(2.0)


def build_generator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of latents float32 [N, latent_size] and, if conditional, labels int32 [N] -> float32 [N, H, W, C].

    Images are meant for [-1, 1] but not bounded, unless the spec asks for tanh.
    """
    seeds = Seeds(seed)
    inputs, hidden = generator_inputs(spec, seeds)
    hidden = unit_mean_square(hidden, "latents")
    side, width = spec.base_px, spec.width_at(spec.stages)
    base = EqualisedDense(side**2 * width, gain=_ROOT_2 / 4.0, seed=seeds.take(), name="base")
    hidden = layers.Reshape((side, side, width), name="base_image")(base(hidden))
    hidden = unit_mean_square(leaky(hidden, "base"), "base")
    hidden = _normalised_conv(hidden, width, f"conv_{side}", seeds)
    image = _image(hidden, spec, side, seeds)
    for halvings in reversed(range(spec.stages)):
        side, width = spec.resolution_px >> halvings, spec.width_at(halvings)
        hidden = layers.UpSampling2D(2, name=f"repeated_{side}")(hidden)
        hidden = _normalised_conv(hidden, width, f"up_{side}", seeds)
        hidden = _normalised_conv(hidden, width, f"conv_{side}", seeds)
        coarse = layers.UpSampling2D(2, dtype="float32", name=f"image_{side}_coarse")(image)
        fade = Fade(spec.stages - 1 - halvings, dtype="float32", name=f"fade_{side}")
        image = fade([coarse, _image(hidden, spec, side, seeds)])
    if spec.bounded_output:
        image = layers.Activation("tanh", dtype="float32", name="image_activation")(image)
    return keras.Model(inputs, image, name="generator")


def build_discriminator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] and, if conditional, labels int32 [N]. Returns scores [N, 1].

    The label is a projection on the last hidden layer: Miyato and Koyama 2018, arXiv:1802.05637.
    """
    seeds = Seeds(seed)
    images = coarse = image_input(spec)
    hidden = _read(images, spec.width_at(0), spec.resolution_px, seeds)
    for halvings in range(1, spec.stages + 1):
        side, width = spec.resolution_px >> halvings, spec.width_at(halvings)
        hidden = _conv(hidden, hidden.shape[-1], f"conv_{2 * side}", seeds)
        hidden = _conv(hidden, width, f"down_{side}", seeds)
        hidden = layers.AveragePooling2D(2, name=f"down_{side}_halved")(hidden)
        coarse = layers.AveragePooling2D(2, name=f"image_{side}_halved")(coarse)
        fade = Fade(spec.stages - halvings, name=f"fade_{2 * side}")
        hidden = fade([_read(coarse, width, side, seeds), hidden])
    width = spec.width_at(spec.stages)
    hidden = MinibatchDeviation(name="minibatch_deviation")(hidden)
    hidden = layers.Flatten(name="flat")(_conv(hidden, width, "last_conv", seeds))
    hidden = leaky(EqualisedDense(width, gain=_ROOT_2, seed=seeds.take(), name="hidden")(hidden), "hidden")
    score = EqualisedDense(1, seed=seeds.take(), dtype="float32", name="score")(hidden)
    if not spec.classes:
        return keras.Model([images], score, name="discriminator")
    labels = label_input()
    embedding = layers.Embedding(spec.classes, width, embeddings_initializer=seeds.normal(1.0), name="label_embedding")(
        labels
    )
    projection = layers.Dot(axes=1, dtype="float32", name="projection")([hidden, embedding])
    projection = layers.Rescaling(1.0 / math.sqrt(width), dtype="float32", name="scaled_projection")(projection)
    total = layers.Add(dtype="float32", name="total")([score, projection])
    return keras.Model([images, labels], total, name="discriminator")


def _conv(hidden: KerasTensor, width: int, name: str, seeds: Seeds) -> KerasTensor:
    return leaky(EqualisedConv2D(width, 3, seed=seeds.take(), name=name)(hidden), name)


def _normalised_conv(hidden: KerasTensor, width: int, name: str, seeds: Seeds) -> KerasTensor:
    return unit_mean_square(_conv(hidden, width, name, seeds), name)


def _image(hidden: KerasTensor, spec: ModelSpec, side: int, seeds: Seeds) -> KerasTensor:
    layer = EqualisedConv2D(spec.channels, 1, gain=1.0, seed=seeds.take(), dtype="float32", name=f"image_of_{side}")
    return layer(hidden)


def _read(images: KerasTensor, width: int, side: int, seeds: Seeds) -> KerasTensor:
    """Features of images of this side."""
    name = f"read_{side}"
    return leaky(EqualisedConv2D(width, 1, seed=seeds.take(), name=name)(images), name)


FAMILY = Family(
    name="progressive",
    title="networks that begin coarse and grow while they learn",
    when_to_use="Where larger images are unsteady from the start; steady, at the price of more images seen.",
    paper="arXiv:1710.10196",
    build_generator=build_generator,
    build_discriminator=build_discriminator,
)
