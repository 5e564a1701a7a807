"""What networks cost: parameters, and multiply-accumulates estimated from the shapes of their layers."""

import math
from collections.abc import Callable

import keras
from keras import layers

from gan.models.equalised_layers import EqualisedConv2D, EqualisedDense
from gan.models.grouped_convolution import GroupedConv2D
from gan.models.learned_basis import BasisImage, BasisSum
from gan.models.modulated_convolution import ModulatedConv2D


def parameters(network: keras.Model) -> int:
    """Trained weights; moving statistics and the vectors of spectral normalisation are not counted."""
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def multiply_accumulates(network: keras.Model) -> int:
    """Of one image, forward: convolutions and matrix products. Normalisation and activations are left out."""
    return sum(_of_layer(layer) for layer in network.layers)


def step_estimate(generator: keras.Model, partner: keras.Model) -> int:
    """Multiply-accumulates of one training step, per image of the batch, estimated.

    A backward pass counts as two forward ones. Against a discriminator, with R1 and R2 by finite differences: the
    generator forward, then forward and backward; the discriminator forward and backward for real and synthetic images
    and both with noise, then forward for real ones, and forward and once backward for synthetic ones. With an encoder:
    each network forward and backward.
    """
    generated, judged = multiply_accumulates(generator), multiply_accumulates(partner)
    if len(partner.outputs) > 1:
        return 3 * generated + 3 * judged
    return 4 * generated + 15 * judged


def _of_layer(layer: layers.Layer) -> int:
    for kind, count in _COUNTS.items():
        if isinstance(layer, kind):
            return count(layer)
    return 0


def _of_convolution(layer: layers.Conv2D) -> int:
    """Each place of the output reads the whole kernel."""
    return math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)


def _of_transposed(layer: layers.Conv2DTranspose) -> int:
    """Each place of the input writes the whole kernel."""
    return math.prod(layer.input.shape[1:3]) * math.prod(layer.kernel.shape)


def _of_dense(layer: layers.Dense) -> int:
    return math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)


def _of_modulated(layer: ModulatedConv2D) -> int:
    """Like a convolution, or a transposed one, and once the sums of squares."""
    places = math.prod(layer.output.shape[1:3]) // (4 if layer.doubles else 1)
    squares = math.prod(layer.kernel.shape[-2:]) if layer.demodulates else 0
    return places * math.prod(layer.kernel.shape) + squares


def _of_attention(layer: layers.Attention) -> int:
    """Each place with each other: the product of two vectors, and a share of a third."""
    _, places, width = layer.output.shape
    return 2 * places**2 * width


def _of_basis(layer: BasisImage | BasisSum) -> int:
    return sum(math.prod(variable.shape) for variable in layer.trainable_variables)


_COUNTS: dict[type[layers.Layer], Callable[[layers.Layer], int]] = {  # the first that fits
    layers.Conv2DTranspose: _of_transposed,
    layers.Conv2D: _of_convolution,
    GroupedConv2D: _of_convolution,
    EqualisedConv2D: _of_convolution,
    ModulatedConv2D: _of_modulated,
    layers.Dense: _of_dense,
    EqualisedDense: _of_dense,
    BasisImage: _of_basis,
    BasisSum: _of_basis,
    layers.Attention: _of_attention,
}
