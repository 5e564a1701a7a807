"""Layers with equalised learning rates: kernels are stored with deviation 1, and scaled as they are used.

Karras et al. 2017, arXiv:1710.10196, section 4.1: the kernel times sqrt(1 / fan-in), so that Adam, whose steps know no
scale, moves all layers alike. `gain` is what the activation before it needs (sqrt(2) for leaky ReLUs). A
`rate_multiplier` makes a layer learn slower: Karras et al. 2018, arXiv:1812.04948, appendix C.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from gan.models.portable import Portable, Shape, with_weights


class EqualisedDense(Portable, layers.Layer):
    """float [N, inputs] -> [N, units]. With `rate_multiplier` m, stored numbers are larger by 1 / m."""

    def __init__(
        self,
        units: int,
        *,
        seed: int,
        gain: float = 1.0,
        rate_multiplier: float = 1.0,
        bias: float = 0.0,
        **named: Any,
    ) -> None:
        super().__init__(**named)
        self.units, self.seed, self.gain = units, seed, gain
        self.rate_multiplier, self.first_bias = rate_multiplier, bias

    def build(self, input_shape: Shape) -> None:
        inputs = input_shape[-1]
        self.scale = self.gain * self.rate_multiplier / math.sqrt(inputs)
        normal = keras.initializers.RandomNormal(stddev=1.0 / self.rate_multiplier, seed=self.seed)
        self.kernel = self.add_weight((inputs, self.units), normal, name="kernel")
        first = keras.initializers.Constant(self.first_bias / self.rate_multiplier)
        self.bias = self.add_weight((self.units,), first, name="bias")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        return ops.matmul(inputs, self.scale * self.kernel) + self.rate_multiplier * self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def portable(self, inputs: KerasTensor) -> KerasTensor:
        weights = [self.scale * np.asarray(self.kernel), self.rate_multiplier * np.asarray(self.bias)]
        return with_weights(layers.Dense(self.units, dtype=self.dtype_policy, name=self.name), inputs, weights)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "seed": self.seed, "gain": self.gain}
        return super().get_config() | own | {"rate_multiplier": self.rate_multiplier, "bias": self.first_bias}


class EqualisedConv2D(Portable, layers.Layer):
    """float [N, H, W, inputs] -> [N, H', W', filters]; a square kernel, and a bias unless it is not wanted."""

    def __init__(
        self,
        filters: int,
        side: int,
        *,
        seed: int,
        gain: float = math.sqrt(2.0),
        strides: int = 1,
        padding: str = "same",
        use_bias: bool = True,
        **named: Any,
    ) -> None:
        super().__init__(**named)
        self.filters, self.side, self.seed, self.gain = filters, side, seed, gain
        self.strides, self.padding, self.use_bias = strides, padding, use_bias

    def build(self, input_shape: Shape) -> None:
        inputs = input_shape[-1]
        self.scale = self.gain / math.sqrt(self.side**2 * inputs)
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=self.seed)
        self.kernel = self.add_weight((self.side, self.side, inputs, self.filters), normal, name="kernel")
        self.bias = self.add_weight((self.filters,), "zeros", name="bias") if self.use_bias else None

    def call(self, inputs: KerasTensor) -> KerasTensor:
        made = ops.conv(inputs, self.scale * self.kernel, strides=self.strides, padding=self.padding)
        return made if self.bias is None else made + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        lost = 0 if self.padding == "same" else self.side - 1
        height, width = (-(-(length - lost) // self.strides) for length in input_shape[1:3])
        return input_shape[0], height, width, self.filters

    def portable(self, inputs: KerasTensor) -> KerasTensor:
        weights = [self.scale * np.asarray(self.kernel)]
        if self.bias is not None:
            weights.append(np.asarray(self.bias))
        plain = layers.Conv2D(
            self.filters,
            self.side,
            strides=self.strides,
            padding=self.padding,
            use_bias=self.use_bias,
            dtype=self.dtype_policy,
            name=self.name,
        )
        return with_weights(plain, inputs, weights)

    def get_config(self) -> dict[str, Any]:
        own = {"filters": self.filters, "side": self.side, "seed": self.seed, "gain": self.gain}
        return super().get_config() | own | {
            "strides": self.strides, "padding": self.padding, "use_bias": self.use_bias,
        }  # fmt: skip
