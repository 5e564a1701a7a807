"""A discriminator sees how much the images of its batch differ, so that a generator of few images is caught.

Karras et al. 2017, arXiv:1710.10196, section 3, in groups as in Karras et al. 2020, arXiv:1912.04958.
"""

from typing import Any

from keras import KerasTensor, layers, ops

from gan.models.options import MOST_IN_GROUP, group_size
from gan.models.portable import Shape

_LEAST = 1e-8  # variance: the root has no slope at zero
_KEPT = 0.99  # of the moving mean, per batch


class MinibatchDeviation(layers.Layer):
    """float [N, H, W, C] -> [N, H, W, C + 1]: beside the channels, the mean deviation within a group of the batch.

    Groups have `most` images, or fewer where that does not divide N; members of a group are N / size apart. In
    inference the moving mean over training takes its place, so that a score depends on its own image alone.
    """

    def __init__(self, most: int = MOST_IN_GROUP, **named: Any) -> None:
        super().__init__(**named)
        self.most = most

    def build(self, input_shape: Shape) -> None:
        self.moving_mean = self.add_weight(
            (), "zeros", trainable=False, autocast=False, aggregation="mean", name="moving_mean"
        )

    def call(self, inputs: KerasTensor, training: bool | None = None) -> KerasTensor:
        if training:
            count = inputs.shape[0]
            values = group_deviations(ops.cast(inputs, "float32"), group_size(count, self.most))
            self.moving_mean.assign(_KEPT * self.moving_mean + (1.0 - _KEPT) * ops.stop_gradient(ops.mean(values)))
        else:
            values = ops.reshape(ops.convert_to_tensor(self.moving_mean), (1, 1, 1, 1))
        channel = ops.broadcast_to(ops.cast(values, inputs.dtype), (*ops.shape(inputs)[:3], 1))
        return ops.concatenate([inputs, channel], axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], input_shape[-1] + 1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"most": self.most}


def group_deviations(hidden: KerasTensor, size: int) -> KerasTensor:
    """Float [N, 1, 1, 1]: over places and channels, the mean of deviations [H, W, C] within each image's group."""
    grouped = ops.reshape(hidden, (size, hidden.shape[0] // size, *hidden.shape[1:]))
    variances = ops.mean(ops.square(grouped - ops.mean(grouped, axis=0, keepdims=True)), axis=0)
    means = ops.mean(ops.sqrt(variances + _LEAST), axis=(1, 2, 3), keepdims=True)
    return ops.tile(means, (size, 1, 1, 1))
