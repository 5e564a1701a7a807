"""R3GAN: deep residual networks of grouped convolutions, for the relativistic loss with R1 and R2.

Huang et al. 2024, arXiv:2501.05441: no normalisation, no equalised rates, no noise, no mapping network. A label is an
embedding beside the latents; the discriminator's last vector is multiplied with another. Tables of embeddings begin as
matrices of one input would, so that a label counts as much among 1,000 classes as among 10.
"""

import keras
from keras import KerasTensor, layers

from gan.models.family import Family
from gan.models.learned_basis import BasisImage, BasisSum
from gan.models.parts import Seeds, generator_inputs, image_input, label_input
from gan.models.resampling import doubled, halved
from gan.models.residual_blocks import pointwise, residual_block
from gan.models.spec import ModelSpec

_BLOCKS_PER_STAGE = 2


def build_generator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of latents float32 [N, latent_size] and, if conditional, labels int32 [N].

    Returns float32 [N, H, W, C], meant for [-1, 1] but not bounded, unless the spec asks for tanh.
    """
    seeds = Seeds(seed)
    inputs, vector = generator_inputs(spec, seeds)
    width = spec.width_at(spec.stages)
    hidden = BasisImage(spec.base_px, width, seeds=(seeds.take(), seeds.take()), name="base")(vector)
    hidden = _blocks(hidden, spec, seeds, spec.base_px)
    for halvings in reversed(range(spec.stages)):
        side, width = spec.resolution_px >> halvings, spec.width_at(halvings)
        hidden = doubled(_of_width(hidden, width, seeds, f"up_{side}"), f"up_{side}")
        hidden = _blocks(hidden, spec, seeds, side)
    image = pointwise(spec.channels, seeds, "image", hidden.shape[-1], dtype="float32")(hidden)
    if spec.bounded_output:
        image = layers.Activation("tanh", dtype="float32", name="image_activation")(image)
    return keras.Model(inputs, image, name="generator")


def build_discriminator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] in [-1, 1] and, if conditional, labels int32 [N]. Returns scores [N, 1]."""
    seeds = Seeds(seed)
    images = image_input(spec)
    hidden = pointwise(spec.width_at(0), seeds, "image", spec.channels)(images)
    for halvings in range(spec.stages):
        side = spec.resolution_px >> halvings
        hidden = _blocks(hidden, spec, seeds, side)
        hidden = _of_width(halved(hidden, f"down_{side // 2}"), spec.width_at(halvings + 1), seeds, f"down_{side // 2}")
    hidden = _blocks(hidden, spec, seeds, spec.base_px)
    vector = BasisSum(seed=seeds.take(), name="base")(hidden)
    width = vector.shape[-1]
    start = seeds.normal(width**-0.5)
    if not spec.classes:
        score = layers.Dense(1, use_bias=False, kernel_initializer=start, dtype="float32", name="score")(vector)
        return keras.Model([images], score, name="discriminator")
    labels = label_input()
    vector = layers.Dense(width, use_bias=False, kernel_initializer=start, name="vector")(vector)
    embedding = layers.Embedding(
        spec.classes, width, embeddings_initializer=seeds.normal(width**-0.5), name="label_embedding"
    )(labels)
    score = layers.Dot(axes=1, dtype="float32", name="score")([vector, embedding])
    return keras.Model([images, labels], score, name="discriminator")


def _blocks(hidden: KerasTensor, spec: ModelSpec, seeds: Seeds, side: int) -> KerasTensor:
    """Those of one stage."""
    blocks = _BLOCKS_PER_STAGE * (spec.stages + 1)
    for number in range(1, _BLOCKS_PER_STAGE + 1):
        hidden = residual_block(hidden, blocks, seeds, f"block_{side}_{number}")
    return hidden


def _of_width(hidden: KerasTensor, width: int, seeds: Seeds, name: str) -> KerasTensor:
    """Between stages of different widths only."""
    inputs = hidden.shape[-1]
    return hidden if width == inputs else pointwise(width, seeds, name, inputs)(hidden)


FAMILY = Family(
    name="r3gan",
    title="residual blocks of grouped convolutions without normalisation",
    when_to_use="When there is time, or a GPU: the published recipe; several times the cost of conv.",
    paper="arXiv:2501.05441",
    build_generator=build_generator,
    build_discriminator=build_discriminator,
    defaults={"learning_rate_start": 1e-3, "learning_rate_end": 2.5e-4, "beta2_start": 0.9},
)
