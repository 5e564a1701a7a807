"""Every pixel's vector of channels, and every vector of latents, brought to a mean square of 1."""

import math

from keras import KerasTensor, layers


def unit_mean_square(hidden: KerasTensor, name: str) -> KerasTensor:
    """Float [..., C] -> the same directions; zeros stay. Karras et al. 2017, arXiv:1710.10196, section 4.2."""
    directions = layers.UnitNormalization(dtype="float32", name=f"{name}_direction")(hidden)
    return layers.Rescaling(math.sqrt(hidden.shape[-1]), dtype="float32", name=f"{name}_normalised")(directions)
