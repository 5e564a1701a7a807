"""Between vectors and the smallest image: a learned image per channel.

Huang et al. 2024, arXiv:2501.05441. A generator begins with each channel's image times a number, and a discriminator
ends with one number per channel: the sum of that channel's image times the features. A product and a sum stand for the
paper's depthwise convolution, which is slow where XLA compiles it.
"""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from gan.models.portable import Portable, Shape, with_weights


class BasisImage(Portable, layers.Layer):
    """float [N, inputs] -> [N, side, side, width]: a matrix without bias, times images from N(0, 1)."""

    def __init__(self, side: int, width: int, *, seeds: tuple[int, int], **named: Any) -> None:
        super().__init__(**named)
        self.side, self.width, self.seeds = side, width, seeds

    def build(self, input_shape: Shape) -> None:
        inputs = input_shape[-1]
        of_matrix = keras.initializers.RandomNormal(stddev=inputs**-0.5, seed=self.seeds[0])
        of_images = keras.initializers.RandomNormal(stddev=1.0, seed=self.seeds[1])
        self.kernel = self.add_weight((inputs, self.width), of_matrix, name="kernel")
        self.basis = self.add_weight((self.side, self.side, self.width), of_images, name="basis")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        shares = ops.matmul(inputs, self.kernel)
        return ops.reshape(shares, (-1, 1, 1, self.width)) * self.basis

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], self.side, self.side, self.width

    def portable(self, inputs: KerasTensor) -> KerasTensor:
        """One matrix that holds every product of the two."""
        product = np.asarray(self.kernel)[:, None, None, :] * np.asarray(self.basis)
        flat = product.reshape(len(product), -1)
        dense = layers.Dense(flat.shape[1], use_bias=False, dtype=self.dtype_policy, name=self.name)
        return layers.Reshape(self.basis.shape, name=f"{self.name}_image")(with_weights(dense, inputs, [flat]))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"side": self.side, "width": self.width, "seeds": self.seeds}


class BasisSum(layers.Layer):
    """float [N, H, W, C] -> [N, C]: a depthwise convolution as large as the image, without bias."""

    def __init__(self, *, seed: int, **named: Any) -> None:
        super().__init__(**named)
        self.seed = seed

    def build(self, input_shape: Shape) -> None:
        height, width, channels = input_shape[1:]
        normal = keras.initializers.RandomNormal(stddev=(height * width) ** -0.5, seed=self.seed)
        self.basis = self.add_weight((height, width, channels), normal, name="basis")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        return ops.sum(inputs * self.basis, axis=(1, 2))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], input_shape[-1]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"seed": self.seed}
