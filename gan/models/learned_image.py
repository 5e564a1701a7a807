"""What a generator of styles begins with: the same learned features for every image."""

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from gan.models.portable import Portable, Shape, with_weights


class LearnedImage(Portable, layers.Layer):
    """float [N, side, side, width], N being that of the inputs [N, S], which are not read otherwise."""

    def __init__(self, side: int, width: int, *, seed: int, **named: Any) -> None:
        super().__init__(**named)
        self.side, self.width, self.seed = side, width, seed

    def build(self, input_shape: Shape) -> None:
        normal = keras.initializers.RandomNormal(stddev=1.0, seed=self.seed)
        self.image = self.add_weight((1, self.side, self.side, self.width), normal, name="image")

    def call(self, inputs: KerasTensor) -> KerasTensor:
        image = ops.convert_to_tensor(self.image)
        return ops.broadcast_to(image, (ops.shape(inputs)[0], self.side, self.side, self.width))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], self.side, self.side, self.width

    def portable(self, inputs: KerasTensor) -> KerasTensor:
        """The bias of a layer whose kernel is zero."""
        image = np.asarray(self.image)
        dense = layers.Dense(image.size, dtype=self.dtype_policy, name=self.name)
        flat = with_weights(dense, inputs, [np.zeros((inputs.shape[-1], image.size), np.float32), image.ravel()])
        return layers.Reshape(image.shape[1:], name=f"{self.name}_reshaped")(flat)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"side": self.side, "width": self.width, "seed": self.seed}
