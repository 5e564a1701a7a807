"""A convolutional variational autoencoder. Its decoder is the generator; there is no discriminator.

Kingma and Welling 2013, arXiv:1312.6114; conditional as in Sohn et al. 2015; beta: Higgins et al. 2017. The decoder is
built like the generator of `conv`, the encoder like its discriminator. How they are trained: gan/autoencoder_step.py.
"""

import keras
from keras import layers

from gan.models.families import conv
from gan.models.family import Family
from gan.models.parts import Seeds, image_input, label_input, leaky
from gan.models.spec import ModelSpec


def build_encoder(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] in [-1, 1] and, if conditional, labels int32 [N].

    Returns mean and log variance of the latents, float32 [N, latent_size] each.
    """
    seeds = Seeds(seed)
    images = image_input(spec)
    inputs = [images]
    hidden = layers.Conv2D(spec.width_at(0), 3, padding="same", kernel_initializer=seeds.he(), name="image")(images)
    hidden = leaky(hidden, "image")
    for halvings in range(1, spec.stages + 1):
        width, name = spec.width_at(halvings), f"down_{spec.resolution_px >> halvings}"
        down = layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=seeds.he(), name=name)
        hidden = leaky(down(hidden), name)
    hidden = layers.Flatten(name="flat")(hidden)
    if spec.classes:
        labels = label_input()
        inputs = [images, labels]
        embedding = layers.Embedding(
            spec.classes, spec.latent_size, embeddings_initializer=seeds.normal(1.0), name="label_embedding"
        )(labels)
        hidden = layers.Concatenate(name="image_and_label")([hidden, embedding])
    hidden = layers.Dense(spec.width_at(spec.stages), kernel_initializer=seeds.he(), name="hidden")(hidden)
    hidden = leaky(hidden, "hidden")
    heads = [
        layers.Dense(spec.latent_size, kernel_initializer=seeds.he(scale=1.0), dtype="float32", name=name)(hidden)
        for name in ("mean", "log_variance")
    ]
    return keras.Model(inputs, heads, name="encoder")


FAMILY = Family(
    name="vae",
    title="variational autoencoder: an encoder instead of a discriminator",
    when_to_use="When training has to be steady and every kind of image covered; its images are blurred.",
    paper="arXiv:1312.6114",
    build_generator=conv.build_generator,
    build_encoder=build_encoder,
)
