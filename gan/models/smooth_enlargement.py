"""Transposed convolutions that begin as smooth enlargement, so that the first images have no noise between pixels.

A kernel of independent random numbers makes images of noise and of a checkerboard (Odena et al. 2016,
doi:10.23915/distill.00003), which a discriminator tells from photographs by that alone: measured in docs/models.md.
"""

import keras
import numpy as np
from keras import KerasTensor, layers

from gan.models.parts import Seeds

LINEAR = np.array([1, 3, 3, 1], np.float32) / 4  # doubles a row by linear interpolation


def doubled_smoothly(hidden: KerasTensor, width: int, name: str, seeds: Seeds) -> KerasTensor:
    """[N, H, W, C] -> [N, 2 H, 2 W, width]: learned, and at first interpolation of random mixtures of the channels."""
    layer = layers.Conv2DTranspose(width, 4, strides=2, padding="same", name=name)
    doubled = layer(hidden)
    mixture = seeds.he()((1, 1, hidden.shape[-1], width), dtype="float32")
    layer.kernel.assign(smooth_kernel(keras.ops.convert_to_numpy(mixture)[0, 0]))  # no class of ours in exported files
    return doubled


def smooth_kernel(mixture: np.ndarray) -> np.ndarray:
    """Kernel float32 [4, 4, width, C] of a transposed convolution from weights [C, width] of a mixture of channels."""
    return np.outer(LINEAR, LINEAR)[:, :, None, None] * mixture.T
