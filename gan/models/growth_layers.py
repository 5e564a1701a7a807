"""Networks that grow: finer layers are faded in. Karras et al. 2017, arXiv:1710.10196, section 2.

All layers are there from the start. How far a network has grown is the `share` of each of its Fade layers.
"""

from typing import Any

import keras
from keras import KerasTensor, layers, ops

from gan.models.portable import Portable, Shape


class Fade(Portable, layers.Layer):
    """Called with [coarse, fine], float [N, H, W, C] each -> (1 - share) coarse + share fine.

    `doubling` counts from the coarsest side: 0 is the first one. The share is a weight that is not trained.
    """

    def __init__(self, doubling: int, **named: Any) -> None:
        super().__init__(**named)
        self.doubling = doubling

    def build(self, input_shape: list[Shape]) -> None:
        self.share = self.add_weight(
            (), "ones", trainable=False, autocast=False, aggregation="only_first_replica", name="share"
        )

    def call(self, inputs: list[KerasTensor]) -> KerasTensor:
        coarse, fine = inputs
        share = ops.cast(self.share, fine.dtype)
        return (1.0 - share) * coarse + share * fine

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        return input_shape[1]

    def portable(self, inputs: list[KerasTensor]) -> KerasTensor:
        """What it is now; layers that do not show yet are left out."""
        share = float(self.share.numpy())
        if share in (0.0, 1.0):
            return inputs[int(share)]
        parts = [
            layers.Rescaling(factor, dtype=self.dtype_policy, name=f"{self.name}_{part}")(values)
            for factor, part, values in zip((1.0 - share, share), ("coarse", "fine"), inputs, strict=True)
        ]
        return layers.Add(dtype=self.dtype_policy, name=self.name)(parts)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"doubling": self.doubling}


def fades(network: keras.Model) -> list[Fade]:
    """Of a network, the coarsest first; none where it does not grow."""
    found = [layer for layer in network.layers if isinstance(layer, Fade)]
    return sorted(found, key=lambda fade: fade.doubling)


def set_level(network: keras.Model, level: float) -> None:
    """Let a network show `level` doublings of the coarsest side: 1.25 is the first and a quarter of the second."""
    for fade in fades(network):
        fade.share.assign(min(1.0, max(0.0, level - fade.doubling)))


def as_grown(network: keras.Model, images: KerasTensor) -> KerasTensor:
    """Images [N, H, W, C] with the detail that a network shows: the finest is faded in like its own.

    Coarse images are means of squares of pixels, repeated. Of a network that does not grow: the images.
    """
    faded = fades(network)
    sizes = [images]
    for _ in faded:
        sizes.append(ops.average_pool(sizes[-1], 2, strides=2, padding="valid"))
    shown = sizes.pop()
    for fade in faded:
        # Not through __call__, which would round images to the precision that the network computes in.
        shown = fade.call([ops.repeat(ops.repeat(shown, 2, axis=1), 2, axis=2), sizes.pop()])
    return shown
