"""Plain convolutional generator and discriminator: no normalisation layers, ordinary (ungrouped) convolutions.

Radford et al. 2015, arXiv:1511.06434, for the shape of the networks; Huang et al. 2024, arXiv:2501.05441, for leaving
out normalisation and for the label embeddings.
"""

import keras
from keras import layers

from gan.models.attention import attended
from gan.models.family import Family
from gan.models.parts import DiscriminatorLayers, Seeds, generator_inputs, image_input, label_input, leaky
from gan.models.smooth_enlargement import doubled_smoothly
from gan.models.spec import ModelSpec

IMAGE_VARIANCE = 0.1  # of the image, over that of the layer before: first images are faint


def build_generator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of latents float32 [N, latent_size] and, if conditional, labels int32 [N].

    Returns float32 [N, H, W, C], meant for [-1, 1] but not bounded, unless the spec asks for tanh.
    """
    seeds = Seeds(seed)
    inputs, hidden = generator_inputs(spec, seeds)
    width = spec.width_at(spec.stages)
    hidden = layers.Dense(spec.base_px**2 * width, kernel_initializer=seeds.he(), name="base")(hidden)
    hidden = layers.Reshape((spec.base_px, spec.base_px, width), name="base_image")(hidden)
    hidden = leaky(hidden, "base")
    for halvings in reversed(range(spec.stages)):
        hidden = attended(hidden, spec, seeds)
        name = f"up_{spec.resolution_px >> halvings}"
        hidden = leaky(doubled_smoothly(hidden, spec.width_at(halvings), name, seeds), name)
    last = layers.Conv2D(
        spec.channels, 3, padding="same", kernel_initializer=seeds.he(IMAGE_VARIANCE), dtype="float32", name="image"
    )
    image = last(hidden)
    if spec.bounded_output:
        image = layers.Activation("tanh", dtype="float32", name="image_activation")(image)
    return keras.Model(inputs, image, name="generator")


def build_discriminator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] in [-1, 1] and, if conditional, labels int32 [N]. Returns scores [N, 1].

    The label enters as a projection on the last hidden layer: Miyato and Koyama 2018, arXiv:1802.05637.
    """
    seeds = Seeds(seed)
    make = DiscriminatorLayers(spec)
    images = image_input(spec)
    hidden = make.conv(spec.width_at(0), 3, padding="same", kernel_initializer=seeds.he(), name="image")(images)
    hidden = leaky(hidden, "image")
    for halvings in range(1, spec.stages + 1):
        name = f"down_{spec.resolution_px >> halvings}"
        down = make.conv(
            spec.width_at(halvings), 4, strides=2, padding="same", kernel_initializer=seeds.he(), name=name
        )
        hidden = attended(leaky(down(hidden), name), spec, seeds, make.conv)
    hidden = layers.Flatten(name="flat")(hidden)
    hidden = make.dense(spec.width_at(spec.stages), kernel_initializer=seeds.he(), name="hidden")(hidden)
    hidden = leaky(hidden, "hidden")
    score = make.dense(1, kernel_initializer=seeds.he(scale=1.0), dtype="float32", name="score")(hidden)
    if not spec.classes:
        return keras.Model([images], score, name="discriminator")
    labels = label_input()
    embedding = make.embedding(
        spec.classes, hidden.shape[-1], embeddings_initializer=seeds.normal(0.1), name="label_embedding"
    )(labels)
    projection = layers.Dot(axes=1, dtype="float32", name="projection")([hidden, embedding])
    total = layers.Add(dtype="float32", name="total")([score, projection])
    return keras.Model([images, labels], total, name="discriminator")


FAMILY = Family(
    name="conv",
    title="plain convolutions without normalisation",
    when_to_use="The default: steady with the relativistic loss and its penalties, at every size.",
    paper="arXiv:1511.06434 and arXiv:2501.05441",
    build_generator=build_generator,
    build_discriminator=build_discriminator,
)
