"""What a backend has to give: a module with these functions. Imports neither TensorFlow nor JAX."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import keras

from gan.devices import Devices

Tensor: TypeAlias = Any  # of the library that Keras runs on
Shape: TypeAlias = tuple[int | None, ...]  # None: any number of images
Argument: TypeAlias = tuple[Shape, str]  # shape and dtype


class Backend(Protocol):
    """Functions that read or assign Keras variables are written once, as if they ran at once, for both libraries."""

    def compiled(
        self,
        update: Callable[..., Tensor],
        variables: Sequence[keras.Variable],
        arguments: Sequence[Argument],
        *,
        xla: bool = False,
    ) -> Callable[..., Tensor]:
        """`update` of tensors as one compiled function of NumPy values.

        It may read and assign `variables`, and no others; none of them twice in the list. Called inside it, the
        functions below take part in the compiled function.
        """
        ...

    def forward(
        self, function: Callable[..., Any], network: keras.Model, arguments: Sequence[Argument]
    ) -> Callable[..., Any]:
        """`function` of tensors, which calls `network` and assigns nothing: compiled, from NumPy to NumPy.

        It follows the weights of the network when they change.
        """
        ...

    def gradients(
        self, loss: Callable[[], tuple[Tensor, Any]], variables: Sequence[keras.Variable]
    ) -> tuple[list[Tensor], Any]:
        """Gradients of the scalar that `loss` gives, and what it gives beside it. Only inside `compiled`."""
        ...

    def apply(
        self, optimiser: keras.optimizers.Optimizer, gradients: Sequence[Tensor], variables: Sequence[keras.Variable]
    ) -> None:
        """Move variables along gradients of a loss that the optimiser scaled. Only inside `compiled`."""
        ...

    def slopes(self, score: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Gradient of the sum of `score(images)` in `images`, of their shape; differentiable itself."""
        ...

    def dense(self, gradient: Tensor) -> Tensor:
        """A gradient as an ordinary tensor: one of an embedding may be rows and their places."""
        ...

    def normal(self, shape: tuple[int, ...], seed: int, step: Tensor) -> Tensor:
        """float32 of N(0, 1) that depends on the shape, the seed and the step, an int32 scalar, alone."""
        ...

    def uniform(self, shape: tuple[int, ...], seed: int, step: Tensor) -> Tensor:
        """float32 in [0, 1), likewise."""
        ...

    def own_share(self, batch: Tensor, axis: int = 0) -> Tensor:
        """What this device computes of a whole batch; all of it where there is one device."""
        ...

    def share_count(self) -> int:
        """Over how many devices the running update is spread. Gradients are summed, so divide losses by it."""
        ...

    def find_devices(self, wanted: str) -> Devices:
        """Devices for `auto`, `one` or `all`. GPUs go first, and take memory as they need it, not all at once."""
        ...

    def has_gpu(self) -> bool:
        """Whether there is a GPU that the library can use."""
        ...

    def make_deterministic(self) -> None:
        """From here on, equal calls give equal bits on one machine."""
        ...

    def peak_device_bytes(self) -> int | None:
        """Most memory of the first GPU that this process had in use; None without one."""
        ...
