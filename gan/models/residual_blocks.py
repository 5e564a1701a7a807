"""Residual blocks without normalisation, and how their kernels begin.

Huang et al. 2024, arXiv:2501.05441: x + conv1x1(lrelu(grouped3x3(lrelu(conv1x1(x))))), twice as wide inside, groups of
16 channels, biases before activations only. Fix-up initialisation, Zhang et al. 2019, arXiv:1901.09321: the last kernel
of each block is zero, so that a network begins as if it had no blocks, and the others are smaller by the fourth root of
the number of blocks.
"""

import math

from keras import KerasTensor, layers

from gan.models.grouped_convolution import GroupedConv2D, groups_of
from gan.models.parts import LEAK, Seeds, leaky

_EXPANSION = 2
_SIZE = 3
_GAIN = math.sqrt(2.0 / (1.0 + LEAK**2))  # of the leaky ReLU


def residual_block(hidden: KerasTensor, blocks: int, seeds: Seeds, name: str) -> KerasTensor:
    """[N, H, W, C] -> the same shape; `blocks` are all those of the network."""
    width = hidden.shape[-1]
    inner = _EXPANSION * width
    gain = _GAIN * blocks**-0.25
    wide = layers.Conv2D(
        inner, 1, kernel_initializer=seeds.normal(gain * width**-0.5), name=f"{name}_in"
    )(hidden)  # fmt: skip
    wide = leaky(wide, f"{name}_in")
    wide = leaky(_grouped(inner, gain, seeds, f"{name}_grouped")(wide), f"{name}_grouped")
    change = layers.Conv2D(width, 1, use_bias=False, kernel_initializer="zeros", name=f"{name}_out")(wide)
    return layers.Add(name=f"{name}_sum")([hidden, change])


def pointwise(width: int, seeds: Seeds, name: str, inputs: int, **named: str) -> layers.Layer:
    """A 1x1 convolution from so many channels, without bias, that keeps the signal's size."""
    return layers.Conv2D(
        width, 1, use_bias=False, kernel_initializer=seeds.normal(inputs**-0.5), name=name, **named
    )  # fmt: skip


def _grouped(width: int, gain: float, seeds: Seeds, name: str) -> layers.Layer:
    groups = groups_of(width)
    start = seeds.normal(gain * (_SIZE**2 * width // groups) ** -0.5)
    if groups == 1:
        return layers.Conv2D(width, _SIZE, padding="same", kernel_initializer=start, name=name)
    return GroupedConv2D(_SIZE, groups, kernel_initializer=start, name=name)
