"""Layers whose kernel is divided by its largest singular value: spectral normalisation of a discriminator.

Miyato et al. 2018, arXiv:1802.05957. Keras' own wrapper overwrites the kernel with the divided one, so that no gradient
passes through the division; here the kernel stays what the optimiser made of it, as in the paper. The singular vector
that the power iteration goes on from is a weight that is not trained: checkpoints hold it.
"""

import numpy as np
from keras import KerasTensor, layers, ops

_FIRST_ITERATIONS = 20  # so that the first steps see about the right divisor; each step then adds its own
_LEAST = 1e-12  # against a division by zero


class _Normalised(layers.Layer):
    """Mix-in: a vector beside the kernel, and the kernel divided by its largest singular value."""

    def _add_vector(self, kernel: KerasTensor) -> None:
        matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])

        def first_vector(shape: tuple[int, ...], dtype: str) -> np.ndarray:
            vector = np.random.default_rng(0).normal(size=shape)
            for _ in range(_FIRST_ITERATIONS):
                vector = matrix.T @ (matrix @ vector)
                vector /= np.linalg.norm(vector) + _LEAST
            return vector.astype(dtype)

        self.singular_vector = self.add_weight(
            (matrix.shape[1], 1), first_vector, "float32", trainable=False, autocast=False, name="singular_vector"
        )

    def normalised(self, kernel: KerasTensor, training: bool | None) -> KerasTensor:
        """Kernel [..., out] over the largest singular value of [rest, out]; one power iteration, kept if training."""
        matrix = ops.reshape(ops.cast(kernel, "float32"), (-1, kernel.shape[-1]))
        fixed = ops.stop_gradient(matrix)
        left = _unit(ops.matmul(fixed, self.singular_vector))
        right = _unit(ops.matmul(ops.transpose(fixed), left))
        if training:
            self.singular_vector.assign(right)
        largest = ops.matmul(ops.transpose(left), ops.matmul(matrix, right))
        return ops.cast(ops.reshape(matrix / largest, kernel.shape), kernel.dtype)


class SpectralConv2D(_Normalised, layers.Conv2D):
    """Conv2D without an activation of its own."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self._add_vector(self.kernel)

    def call(self, inputs: KerasTensor, training: bool | None = None) -> KerasTensor:
        made = self.convolution_op(inputs, self.normalised(self.kernel, training))
        return made if self.bias is None else made + self.bias


class SpectralDense(_Normalised, layers.Dense):
    """Dense with a bias and no activation of its own."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self._add_vector(self.kernel)

    def call(self, inputs: KerasTensor, training: bool | None = None) -> KerasTensor:
        return ops.matmul(inputs, self.normalised(self.kernel, training)) + self.bias


class SpectralEmbedding(_Normalised, layers.Embedding):
    """Embedding, its table normalised as a matrix [classes, size]."""

    def build(self, input_shape: tuple[int | None, ...] | None = None) -> None:
        super().build(input_shape)
        self._add_vector(self.embeddings)

    def call(self, inputs: KerasTensor, training: bool | None = None) -> KerasTensor:
        return ops.take(self.normalised(self.embeddings, training), inputs, axis=0)


def _unit(vector: KerasTensor) -> KerasTensor:
    return vector / (ops.norm(vector) + _LEAST)
