"""Noise that a generator adds to its features, so that it need not make random detail out of its latents."""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from gan.models.portable import Portable, Shape, with_added


class Noise(Portable, layers.Layer):
    """float [N, H, W, C] plus one number per place from N(0, 1), times a learned strength that begins at zero.

    In training it is drawn anew each time; where the draws are is a weight, so that a checkpoint has it. In inference
    every image gets the same fixed noise: an image depends on its latents alone. Karras et al. 2020, arXiv:1912.04958,
    one strength per layer.
    """

    def __init__(self, seed: int, **named: Any) -> None:
        super().__init__(**named)
        self.seed = seed
        self.draws = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Shape) -> None:
        shape = (1, *input_shape[1:3], 1)
        self.strength = self.add_weight((1,), "zeros", name="strength")
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=self.seed)
        self.fixed = self.add_weight(shape, normal, trainable=False, name="fixed_noise")

    def call(self, inputs: KerasTensor, training: bool | None = None) -> KerasTensor:
        noise = self.fixed
        if training:
            noise = keras.random.normal((*ops.shape(inputs)[:3], 1), dtype=self.compute_dtype, seed=self.draws)
        return inputs + self.strength * noise

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def portable(self, inputs: KerasTensor) -> KerasTensor:
        noise = np.asarray(self.strength) * np.asarray(self.fixed)[0]
        return with_added(inputs, noise, self.name, self.dtype_policy)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"seed": self.seed}
