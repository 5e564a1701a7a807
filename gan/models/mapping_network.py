"""From latents to styles: the mapping network of Karras et al. 2018, arXiv:1812.04948, and the mean of its styles."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import KerasTensor, layers, ops

from gan.models.equalised_layers import EqualisedDense
from gan.models.parts import Seeds, label_input, leaky
from gan.models.pixel_norm import unit_mean_square
from gan.models.portable import Portable, Shape
from gan.models.spec import ModelSpec

MAPPING_LAYERS = 2  # eight in the paper; two learn better from small sets: Karras et al. 2020, arXiv:2006.06676
RATE_MULTIPLIER = 0.01
_KEPT = 0.995  # of the mean style, per batch


def styles_of(latents: KerasTensor, spec: ModelSpec, seeds: Seeds) -> tuple[list[KerasTensor], KerasTensor]:
    """The inputs of a generator, and styles float [N, latent_size] of its latents and, if conditional, labels.

    The latents, and an embedding of the label beside them, are each brought to a mean square of 1.
    """
    inputs, hidden = [latents], unit_mean_square(latents, "latents")
    if spec.classes:
        labels = label_input()
        inputs = [latents, labels]
        embedding = layers.Embedding(
            spec.classes, spec.latent_size, embeddings_initializer=seeds.normal(1.0), name="label_embedding"
        )(labels)
        hidden = layers.Concatenate(name="latents_and_label")([hidden, unit_mean_square(embedding, "label")])
    for number in range(1, MAPPING_LAYERS + 1):
        name = f"mapping_{number}"
        layer = EqualisedDense(
            spec.latent_size, seed=seeds.take(), gain=math.sqrt(2.0), rate_multiplier=RATE_MULTIPLIER, name=name
        )
        hidden = leaky(layer(hidden), name)
    return inputs, MeanStyle(max(1, spec.classes), name="styles")([hidden, *inputs[1:]])


class MeanStyle(Portable, layers.Layer):
    """Called with [styles float [N, S]] or [styles, labels int [N]]; gives the styles as they are.

    In training it keeps their moving mean, one for each class; `towards_mean` is the truncation of the paper's section
    B. A mean for each class keeps truncated images in their class: that of all classes would not.
    """

    def __init__(self, classes: int, **named: Any) -> None:
        super().__init__(**named)
        self.classes = classes

    def build(self, input_shape: list[Shape]) -> None:
        self.mean = self.add_weight(
            (self.classes, input_shape[0][-1]),
            "zeros",
            trainable=False,
            autocast=False,
            aggregation="mean",
            name="mean_style",
        )

    def call(self, inputs: list[KerasTensor], training: bool | None = None) -> KerasTensor:
        styles = inputs[0]
        if training:
            fixed = ops.cast(ops.stop_gradient(styles), "float32")
            members = ops.one_hot(self._labels(inputs), self.classes)
            self.mean.assign(moved_means(ops.convert_to_tensor(self.mean), fixed, members))
        return styles

    def towards_mean(self, inputs: list[KerasTensor], share: KerasTensor) -> KerasTensor:
        """Styles at this share of their way from the mean of their class; 1 leaves them, 0 gives the mean."""
        means = ops.cast(ops.take(ops.convert_to_tensor(self.mean), self._labels(inputs), axis=0), inputs[0].dtype)
        return means + ops.cast(share, means.dtype) * (inputs[0] - means)

    def _labels(self, inputs: list[KerasTensor]) -> KerasTensor:
        return inputs[1] if len(inputs) > 1 else ops.zeros(ops.shape(inputs[0])[:1], "int32")

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        return input_shape[0]

    def portable(self, inputs: list[KerasTensor]) -> KerasTensor:
        return inputs[0]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"classes": self.classes}


def moved_means(means: KerasTensor, styles: KerasTensor, members: KerasTensor) -> KerasTensor:
    """Float [classes, S]: 0.995 of each mean and the rest from the batch, float [N, S]; classes not in it stay.

    `members` float [N, classes] is 1 where an image is of the class.
    """
    counts = ops.sum(members, axis=0)[:, None]
    of_batch = ops.matmul(ops.transpose(members), styles) / ops.maximum(counts, 1.0)
    return ops.where(counts > 0, _KEPT * means + (1.0 - _KEPT) * of_batch, means)


def has_styles(network: keras.Model) -> bool:
    """Whether a generator goes through styles."""
    return any(isinstance(layer, MeanStyle) for layer in network.layers)


def parts_of(generator: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Inputs -> styles, and styles -> images, of a generator that has styles; with its layers and weights."""
    styles = generator.get_layer("styles").output
    return keras.Model(generator.inputs, styles), keras.Model(styles, generator.outputs[0])


def towards_mean_style(generator: keras.Model) -> Callable[[list[KerasTensor], KerasTensor], KerasTensor]:
    """A function of the generator's inputs and of the share of `MeanStyle.towards_mean`, which gives images."""
    mapping, synthesis = parts_of(generator)
    layer = generator.get_layer("styles")

    def images(inputs: list[KerasTensor], share: KerasTensor) -> KerasTensor:
        styles = layer.towards_mean([mapping(inputs, training=False), *inputs[1:]], share)
        return synthesis(styles, training=False)

    return images
