"""Convolutions whose kernel is scaled by a style, one per image: Karras et al. 2020, arXiv:1912.04958, section 2.2.

The paper scales the kernel, so that every image has its own. Here the inputs are scaled by the styles and the outputs
by the demodulation factors, which is the same and needs no grouped convolution.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from gan.models.portable import Portable, Shape, with_added, with_weights

_LEAST = 1e-8


class ModulatedConv2D(Portable, layers.Layer):
    """Called with [features float [N, H, W, inputs], styles float [N, inputs]] -> [N, H', W', filters].

    Demodulated, and before the bias, outputs have deviation `gain` where the inputs had 1. With `doubles` the side
    doubles: zeros between pixels, the kernel, the filter [1, 3, 3, 1]. Learning rates are equalised.
    """

    def __init__(
        self,
        filters: int,
        side: int,
        *,
        seed: int,
        gain: float = 1.0,
        demodulates: bool = True,
        doubles: bool = False,
        **named: Any,
    ) -> None:
        super().__init__(**named)
        self.filters, self.side, self.seed, self.gain = filters, side, seed, gain
        self.demodulates, self.doubles = demodulates, doubles

    def build(self, input_shape: list[Shape]) -> None:
        inputs = input_shape[0][-1]
        self.scale = (1.0 if self.demodulates else self.gain) / math.sqrt(self.side**2 * inputs)
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=self.seed)
        self.kernel = self.add_weight((self.side, self.side, inputs, self.filters), normal, name="kernel")
        self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, inputs: list[KerasTensor]) -> KerasTensor:
        features, styles = inputs
        made = features * styles[:, None, None, :]
        kernel = self.scale * self.kernel
        if self.doubles:
            transposed = ops.transpose(kernel, (0, 1, 3, 2))
            made = _smoothed(ops.conv_transpose(made, transposed, strides=2, padding="valid"))
        else:
            made = ops.conv(made, kernel, padding="same")
        if self.demodulates:
            factors = self.gain * demodulation(ops.cast(styles, "float32"), ops.cast(kernel, "float32"))
            made = made * ops.cast(factors, made.dtype)[:, None, None, :]
        return made + self.bias

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        count, height, width, _ = input_shape[0]
        factor = 2 if self.doubles else 1
        return count, factor * height, factor * width, self.filters

    def portable(self, inputs: list[KerasTensor]) -> KerasTensor:
        features, styles = inputs
        kernel = self.scale * np.asarray(self.kernel)
        made = self._portable_kernel(
            layers.Multiply(dtype=self.dtype_policy, name=f"{self.name}_scaled")(
                [features, self._beside_places(styles, "style")]
            ),
            kernel,
        )
        if self.demodulates:
            sums = layers.Dense(self.filters, use_bias=False, dtype="float32", name=f"{self.name}_squares")
            squares = ops.square(ops.cast(styles, "float32"))
            squares = with_weights(sums, squares, [np.square(kernel).sum(axis=(0, 1))])
            factors = ops.multiply(ops.rsqrt(ops.add(squares, _LEAST)), self.gain)
            made = layers.Multiply(dtype=self.dtype_policy, name=f"{self.name}_demodulated")(
                [made, self._beside_places(factors, "factors")]
            )
        return with_added(made, np.asarray(self.bias), f"{self.name}_bias", self.dtype_policy)

    def _portable_kernel(self, made: KerasTensor, kernel: np.ndarray) -> KerasTensor:
        named = {"use_bias": False, "dtype": self.dtype_policy, "name": self.name}
        if not self.doubles:
            return with_weights(layers.Conv2D(self.filters, self.side, padding="same", **named), made, [kernel])
        layer = layers.Conv2DTranspose(self.filters, self.side, strides=2, **named)
        made = layers.ZeroPadding2D(1, name=f"{self.name}_padded")(
            with_weights(layer, made, [kernel.transpose(0, 1, 3, 2)])
        )
        for number in range(3):
            made = layers.AveragePooling2D(2, strides=1, name=f"{self.name}_smoothed_{number}")(made)
        return layers.Rescaling(4.0, dtype=self.dtype_policy, name=f"{self.name}_four_times")(made)

    def _beside_places(self, numbers: KerasTensor, what: str) -> KerasTensor:
        return layers.Reshape((1, 1, numbers.shape[-1]), name=f"{self.name}_{what}_beside")(numbers)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "side": self.side, "seed": self.seed, "gain": self.gain}
        return super().get_config() | own | {"demodulates": self.demodulates, "doubles": self.doubles}


def demodulation(styles: KerasTensor, kernel: KerasTensor) -> KerasTensor:
    """Float [N, out]: one over the norm of each output's kernel [H, W, in, out] scaled by the styles [N, in]."""
    return ops.rsqrt(ops.matmul(ops.square(styles), ops.sum(ops.square(kernel), axis=(0, 1))) + _LEAST)


def _smoothed(hidden: KerasTensor) -> KerasTensor:
    """[N, 2H + 1, ...] -> [N, 2H, ...]: the filter [1, 3, 3, 1] along both sides, of sum 4, as means of neighbours."""
    hidden = ops.pad(hidden, [[0, 0], [1, 1], [1, 1], [0, 0]])
    for _ in range(3):
        hidden = ops.average_pool(hidden, 2, strides=1, padding="valid")
    return 4.0 * hidden
