"""Networks of this project's layers as networks of Keras' own layers, for files read without this project."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import KerasTensor, layers

Shape: TypeAlias = tuple[Any, ...]  # of a tensor; None where it is open


class Portable:
    """Mix-in of layers that a generator may have: what they compute in inference, by layers that Keras has."""

    def portable(self, inputs: Any) -> KerasTensor:
        """The same of `inputs`, one tensor or a list, as the layer is called with."""
        raise NotImplementedError(f"{type(self).__name__} has no form of Keras' own layers")


def portable(network: keras.Model) -> keras.Model:
    """The same network in inference, with the weights it has now; itself where it has no layers of this project."""
    if not any(isinstance(layer, Portable) for layer in network.layers):
        return network

    def cloned(layer: layers.Layer) -> layers.Layer:
        return layer if isinstance(layer, Portable) else layer.__class__.from_config(layer.get_config())

    def called(layer: layers.Layer, *inputs: Any, **named: Any) -> Any:
        if isinstance(layer, Portable):
            return layer.portable(*inputs)
        return layer(*inputs, **named)

    made = keras.models.clone_model(network, clone_function=cloned, call_function=called)
    for number, operation in enumerate(made.operations):
        if not isinstance(operation, layers.Layer):
            operation.name = f"operation_{number}"  # Keras numbers them by all that the process made before
    plain = {layer.name: layer for layer in network.layers if not isinstance(layer, Portable)}
    for layer in made.layers:
        if layer.name in plain:
            layer.set_weights(plain[layer.name].get_weights())
    return made


def with_weights(layer: layers.Layer, inputs: Any, weights: Sequence[np.ndarray]) -> KerasTensor:
    """What a layer with these weights makes of `inputs`."""
    made = layer(inputs)
    layer.set_weights(list(weights))
    return made


def with_added(inputs: KerasTensor, numbers: np.ndarray, name: str, policy: Any) -> KerasTensor:
    """`inputs` plus numbers that they are broadcast with: Keras has no layer that is only a bias."""
    return layers.Rescaling(1.0, offset=numbers.tolist(), dtype=policy, name=name)(inputs)
