"""Grouped convolutions as one convolution per group, side by side.

Keras on TensorFlow, and JAX, hand a grouped convolution to XLA, whose gradients take 50 to 500 times as long on CPUs.
Slopes of slopes take one to one and a half times as long in this form as in TensorFlow's own, which no other backend
has; matrix products over shifted images take 7 to 17 times as long.
"""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from gan.models.portable import Portable, Shape, with_weights

GROUP_CHANNELS = 16


def groups_of(width: int) -> int:
    """The most groups of equal width, 16 channels at least, that `width` channels can be cut into; or 1."""
    return max((groups for groups in range(1, width // GROUP_CHANNELS + 1) if width % groups == 0), default=1)


class GroupedConv2D(Portable, layers.Layer):
    """float [N, H, W, C] -> [N, H, W, C], C a multiple of `groups`: each group sees its own C / groups channels.

    The kernel [size, size, C / groups, C] and the bias [C] are those of keras.layers.Conv2D with as many groups.
    """

    def __init__(
        self,
        size: int,
        groups: int,
        *,
        kernel_initializer: keras.initializers.Initializer | str = "glorot_uniform",
        **named: Any,
    ) -> None:
        super().__init__(**named)
        self.size, self.groups = size, groups
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Shape) -> None:
        width = input_shape[-1]
        shape = (self.size, self.size, width // self.groups, width)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((width,), "zeros", name="bias")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        parts = zip(
            ops.split(inputs, self.groups, axis=-1),
            ops.split(ops.convert_to_tensor(self.kernel), self.groups, axis=-1),
            strict=True,
        )
        return ops.concatenate([ops.conv(part, kernel, padding="same") for part, kernel in parts], axis=-1) + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def portable(self, inputs: KerasTensor) -> KerasTensor:
        """A convolution per group: ONNX has no name for what XLA compiles."""
        made = []
        for group, part in enumerate(ops.split(inputs, self.groups, axis=-1)):
            own = slice(group * part.shape[-1], (group + 1) * part.shape[-1])
            layer = layers.Conv2D(
                part.shape[-1], self.size, padding="same", dtype=self.dtype_policy, name=f"{self.name}_{group}"
            )
            made.append(with_weights(layer, part, [np.asarray(self.kernel)[..., own], np.asarray(self.bias)[own]]))
        return layers.Concatenate(name=self.name)(made)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {"size": self.size, "groups": self.groups, "kernel_initializer": initializer}
