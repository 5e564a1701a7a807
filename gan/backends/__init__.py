"""What TensorFlow and JAX do each in its own way; all else of this package is written for both.

`backend` is the module of the library that Keras runs on, which `KERAS_BACKEND` names: what it has to give is in
`interface`. Neither imports the other's library.
"""

import keras

from datasets.errors import BadInput
from gan.backends.interface import Backend, Tensor

__all__ = ["BACKENDS", "Backend", "Tensor", "backend"]

BACKENDS = ("tensorflow", "jax")


def _chosen(name: str) -> Backend:
    if name == "tensorflow":
        from gan.backends import tensorflow_backend

        return tensorflow_backend
    if name == "jax":
        from gan.backends import jax_backend

        return jax_backend
    raise BadInput(f"KERAS_BACKEND is {name}; networks are trained and run with {' or '.join(BACKENDS)}")


backend: Backend = _chosen(keras.backend.backend())
