"""Self-attention: every place of an image sees all others.

Zhang et al. 2018, arXiv:1805.08318: softmax over places of products of keys and queries, an eighth as wide as the
features; their sum of values, brought back to full width, times a gain that begins at 0, is added to the features.
"""

import numpy as np
from keras import KerasTensor, layers

from gan.models.parts import Seeds
from gan.models.portable import Portable, Shape
from gan.models.spec import ModelSpec

_NARROWER = 8


class Gain(Portable, layers.Layer):
    """float [...] -> the same shape, times one learned number, at first 0."""

    def build(self, input_shape: Shape) -> None:
        self.gain = self.add_weight((), "zeros", name="gain")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        return inputs * self.gain

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def portable(self, inputs: KerasTensor) -> KerasTensor:
        return layers.Rescaling(float(np.asarray(self.gain)), dtype=self.dtype_policy, name=self.name)(inputs)


def attended(
    hidden: KerasTensor, spec: ModelSpec, seeds: Seeds, conv: type[layers.Layer] = layers.Conv2D
) -> KerasTensor:
    """[N, H, W, C] -> the same shape, and the same numbers unless the spec asks for attention at this side.

    Memory grows with the square of H * W. `conv` makes the four 1x1 convolutions, which have no biases.
    """
    side, _, width = hidden.shape[1:]
    if side != spec.attention_px:
        return hidden
    narrow = max(width // _NARROWER, 1)

    def pointwise(inputs: KerasTensor, channels: int, name: str) -> KerasTensor:
        return conv(channels, 1, use_bias=False, kernel_initializer=seeds.he(scale=1.0), name=name)(inputs)

    parts = [
        layers.Reshape((side * side, narrow), name=f"{name}_by_place")(pointwise(hidden, narrow, name))
        for name in ("attention_queries", "attention_values", "attention_keys")
    ]
    seen = layers.Reshape((side, side, narrow), name="attention_seen")(layers.Attention(name="attention")(parts))
    change = Gain(name="attention_gain")(pointwise(seen, width, "attention_out"))
    return layers.Add(name="attention_sum")([hidden, change])
