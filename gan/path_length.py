"""The path-length penalty: how far an image moves with its style should be the same everywhere.

Karras et al. 2020, arXiv:1912.04958, section 3.2. The length is the norm of J^T y, where J is the slope of the image in
the style and y are normal numbers of deviation 1 / sqrt(H W); the penalty is its squared distance to a moving mean.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import keras
from keras import ops

from gan.backends import backend
from gan.models.mapping_network import parts_of
from gan.path_length_settings import PathLengthSettings

Tensor: TypeAlias = Any  # of whichever backend Keras runs on

_LEAST = 1e-12  # squared length: the root has no slope at zero


class PathLengths:
    """The penalty of one generator. `mean` is its moving mean, which has to be part of checkpoints."""

    def __init__(self, generator: keras.Model, settings: PathLengthSettings) -> None:
        self._mapping, self._synthesis = parts_of(generator)
        self._settings = settings
        self.mean = keras.Variable(0.0, dtype="float32", trainable=False, aggregation="mean", name="path_length_mean")

    def weighted_penalty(self, inputs: list[Tensor], noise: Tensor) -> Tensor:
        """Scalar for the inputs of the generator and N(0, 1) of the images' shape; moves the mean.

        Only the first half of a batch is read, as in the paper, since second gradients are dear.
        """
        half = max(1, noise.shape[0] // 2)
        styles = self._mapping([given[:half] for given in inputs], training=True)
        lengths = path_lengths(lambda styles: self._synthesis(styles, training=True), styles, noise[:half])
        kept = self._settings.mean_decay
        mean = kept * self.mean + (1.0 - kept) * ops.mean(ops.stop_gradient(lengths))
        self.mean.assign(mean)
        return self._settings.weight * self._settings.every_steps * uneven_lengths_penalty(lengths, mean)


def path_lengths(synthesis: Callable[[Tensor], Tensor], styles: Tensor, noise: Tensor) -> Tensor:
    """float32 [N] of styles [N, S] that `synthesis` makes images [N, H, W, C] of, with N(0, 1) of their shape."""
    scaled = noise / math.sqrt(noise.shape[1] * noise.shape[2])
    slopes = ops.cast(backend.slopes(lambda styles: scaled * synthesis(styles), styles), "float32")
    return ops.sqrt(ops.sum(ops.square(slopes), axis=-1) + _LEAST)


def uneven_lengths_penalty(lengths: Tensor, mean: Tensor) -> Tensor:
    """Scalar: mean squared distance of lengths [N] to a mean length."""
    return ops.mean(ops.square(lengths - mean))
