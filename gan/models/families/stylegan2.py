"""StyleGAN2: styles from a mapping network scale the kernels of a generator that sums images of growing side.

Karras et al. 2020, arXiv:1912.04958: modulated convolutions, noise, a skip generator, a residual discriminator with
minibatch deviation; equalised learning rates throughout. Labels as in Karras et al. 2020, arXiv:2006.06676. How path
lengths are kept even: gan/path_length.py. Styles are not mixed.
"""

import math

import keras
from keras import KerasTensor, layers

from gan.models.equalised_layers import EqualisedConv2D, EqualisedDense
from gan.models.family import Family
from gan.models.learned_image import LearnedImage
from gan.models.mapping_network import styles_of
from gan.models.minibatch_deviation import MinibatchDeviation
from gan.models.modulated_convolution import ModulatedConv2D
from gan.models.noise_layers import Noise
from gan.models.parts import Seeds, image_input, label_input, leaky
from gan.models.pixel_norm import unit_mean_square
from gan.models.resampling import doubled, halved
from gan.models.spec import ModelSpec

_ROOT_2 = math.sqrt(2.0)


def build_generator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of latents float32 [N, latent_size] and, if conditional, labels int32 [N] -> float32 [N, H, W, C].

    The layer `styles` is where the mapping network ends. Images are meant for [-1, 1] but not bounded, unless the spec
    asks for tanh.
    """
    seeds = Seeds(seed)
    inputs, styles = styles_of(keras.Input((spec.latent_size,), name="latents"), spec, seeds)
    side, width = spec.base_px, spec.width_at(spec.stages)
    hidden = LearnedImage(side, width, seed=seeds.take(), name="base")(styles)
    hidden = _styled(hidden, styles, width, f"conv_{side}", seeds)
    image = _image(hidden, styles, spec, side, seeds)
    for halvings in reversed(range(spec.stages)):
        side, width = spec.resolution_px >> halvings, spec.width_at(halvings)
        hidden = _styled(hidden, styles, width, f"up_{side}", seeds, doubles=True)
        hidden = _styled(hidden, styles, width, f"conv_{side}", seeds)
        shown = _image(hidden, styles, spec, side, seeds)
        image = layers.Add(dtype="float32", name=f"sum_{side}")([doubled(image, f"image_{side}"), shown])
    if spec.bounded_output:
        image = layers.Activation("tanh", dtype="float32", name="image_activation")(image)
    return keras.Model(inputs, image, name="generator")


def build_discriminator(spec: ModelSpec, seed: int) -> keras.Model:
    """Model of images float32 [N, H, W, C] and, if conditional, labels int32 [N]. Returns scores [N, 1].

    The label enters as a projection on the last hidden layer.
    """
    seeds = Seeds(seed)
    images = image_input(spec)
    hidden = EqualisedConv2D(spec.width_at(0), 1, gain=1.0, seed=seeds.take(), name="image")(images)
    hidden = leaky(hidden, "image")
    for halvings in range(1, spec.stages + 1):
        hidden = _residual(hidden, spec.width_at(halvings), f"down_{spec.resolution_px >> halvings}", seeds)
    width = spec.width_at(spec.stages)
    hidden = MinibatchDeviation(name="minibatch_deviation")(hidden)
    hidden = leaky(EqualisedConv2D(width, 3, seed=seeds.take(), name="last_conv")(hidden), "last_conv")
    hidden = layers.Flatten(name="flat")(hidden)
    hidden = leaky(EqualisedDense(width, gain=_ROOT_2, seed=seeds.take(), name="hidden")(hidden), "hidden")
    if not spec.classes:
        score = EqualisedDense(1, gain=_ROOT_2, seed=seeds.take(), dtype="float32", name="score")(hidden)
        return keras.Model([images], score, name="discriminator")
    labels = label_input()
    embedding = layers.Embedding(spec.classes, width, embeddings_initializer=seeds.normal(1.0), name="label_embedding")(
        labels
    )
    directions = EqualisedDense(width, gain=_ROOT_2, seed=seeds.take(), dtype="float32", name="directions")(hidden)
    projection = layers.Dot(axes=1, dtype="float32", name="projection")(
        [directions, unit_mean_square(embedding, "label")]
    )
    score = layers.Rescaling(1.0 / math.sqrt(width), dtype="float32", name="score")(projection)
    return keras.Model([images, labels], score, name="discriminator")


def _styled(
    hidden: KerasTensor, styles: KerasTensor, width: int, name: str, seeds: Seeds, doubles: bool = False
) -> KerasTensor:
    """A modulated convolution, noise and an activation."""
    own = EqualisedDense(hidden.shape[-1], bias=1.0, seed=seeds.take(), name=f"{name}_style")(styles)
    layer = ModulatedConv2D(width, 3, gain=_ROOT_2, doubles=doubles, seed=seeds.take(), name=name)
    return leaky(Noise(seeds.take(), name=f"{name}_noise")(layer([hidden, own])), name)


def _image(hidden: KerasTensor, styles: KerasTensor, spec: ModelSpec, side: int, seeds: Seeds) -> KerasTensor:
    """What this side adds to the image; its style scales the kernel, and nothing takes that back."""
    name = f"image_of_{side}"
    own = EqualisedDense(hidden.shape[-1], bias=1.0, seed=seeds.take(), name=f"{name}_style")(styles)
    layer = ModulatedConv2D(spec.channels, 1, demodulates=False, seed=seeds.take(), dtype="float32", name=name)
    return layer([hidden, own])


def _residual(hidden: KerasTensor, width: int, name: str, seeds: Seeds) -> KerasTensor:
    """Two convolutions, the second halving the side, beside a path of one pixel's width; the sum is not larger."""
    first = EqualisedConv2D(hidden.shape[-1], 3, seed=seeds.take(), name=f"{name}_conv")
    made = leaky(first(hidden), f"{name}_conv")
    made = layers.ZeroPadding2D(2, name=f"{name}_padded")(made)
    for number in (1, 2, 3):  # the filter [1, 3, 3, 1], as means of neighbours
        made = layers.AveragePooling2D(2, strides=1, name=f"{name}_smoothed_{number}")(made)
    down = EqualisedConv2D(width, 3, strides=2, padding="valid", seed=seeds.take(), name=name)
    made = leaky(down(made), name)
    beside = EqualisedConv2D(width, 1, gain=1.0, use_bias=False, seed=seeds.take(), name=f"{name}_beside")
    total = layers.Add(name=f"{name}_sum")([made, beside(halved(hidden, f"{name}_beside"))])
    return layers.Rescaling(1.0 / _ROOT_2, name=f"{name}_scaled")(total)


FAMILY = Family(
    name="stylegan2",
    title="styles that scale the kernels of a generator, and a residual discriminator",
    when_to_use="Larger images, and smooth ways between images; slower per image than conv.",
    paper="arXiv:1912.04958",
    build_generator=build_generator,
    build_discriminator=build_discriminator,
)
