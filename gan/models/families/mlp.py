"""The first GAN: fully connected networks that know nothing of neighbouring pixels.

Goodfellow et al. 2014, arXiv:1406.2661, with LeakyReLU for its maxout and without its dropout, as teaching material
has it. Conditional by an embedding of the label beside the input of both networks: Mirza and Osindero 2014,
arXiv:1411.1784.
"""

import keras
from keras import KerasTensor, layers

from gan.models.family import Family
from gan.models.parts import DiscriminatorLayers, Seeds, generator_inputs, image_input, label_input, leaky
from gan.models.spec import ModelSpec

_FACTORS = (8, 16, 32)  # hidden units of the generator's layers, in widths; the discriminator has them in reverse


def hidden_units(spec: ModelSpec) -> list[int]:
    """Units of the generator's hidden layers: 8, 16 and 32 widths, and max_width at most."""
    return [min(factor * spec.width, spec.max_width) for factor in _FACTORS]


def build_generator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of latents float32 [N, latent_size] and, if conditional, labels int32 [N] -> [N, H, W, C] in [-1, 1]."""
    seeds = Seeds(seed)
    inputs, hidden = generator_inputs(spec, seeds)
    for number, units in enumerate(hidden_units(spec), start=1):
        hidden = layers.Dense(units, kernel_initializer=seeds.he(), name=f"hidden_{number}")(hidden)
        hidden = leaky(hidden, f"hidden_{number}")
    shape = (spec.resolution_px, spec.resolution_px, spec.channels)
    pixels = layers.Dense(
        spec.resolution_px**2 * spec.channels, kernel_initializer=seeds.he(scale=1.0), dtype="float32", name="pixels"
    )(hidden)
    image = layers.Activation("tanh", dtype="float32", name="pixel_activation")(pixels)
    return keras.Model(inputs, layers.Reshape(shape, dtype="float32", name="image")(image), name="generator")


def build_discriminator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] and, if conditional, labels int32 [N]. Returns scores [N, 1]."""
    seeds = Seeds(seed)
    make = DiscriminatorLayers(spec)
    images = image_input(spec)
    inputs = [images]
    hidden: KerasTensor = layers.Flatten(name="flat")(images)
    if spec.classes:
        labels = label_input()
        inputs = [images, labels]
        embedding = make.embedding(
            spec.classes, spec.latent_size, embeddings_initializer=seeds.normal(1.0), name="label_embedding"
        )(labels)
        hidden = layers.Concatenate(name="pixels_and_label")([hidden, embedding])
    for number, units in enumerate(reversed(hidden_units(spec)), start=1):
        hidden = make.dense(units, kernel_initializer=seeds.he(), name=f"hidden_{number}")(hidden)
        hidden = leaky(hidden, f"hidden_{number}")
    score = make.dense(1, kernel_initializer=seeds.he(scale=1.0), dtype="float32", name="score")(hidden)
    return keras.Model(inputs, score, name="discriminator")


FAMILY = Family(
    name="mlp",
    title="fully connected layers only",
    when_to_use="To teach, and as the floor that convolutions have to beat; small images only.",
    paper="arXiv:1406.2661 and arXiv:1411.1784",
    build_generator=build_generator,
    build_discriminator=build_discriminator,
)
