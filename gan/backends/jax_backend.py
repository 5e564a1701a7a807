"""JAX's way of compiling, differentiating and drawing random numbers, on one device.

JAX compiles functions without side effects. Here the values of variables go in and come out: while a function is
traced, Keras reads and assigns variables in a scope that holds their values.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self

import jax
import keras
import numpy as np
from jax import numpy as jnp

from datasets.errors import BadInput
from gan.backends.interface import Argument
from gan.devices import Devices

# JAX reads both when it first looks for a device.
_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
if "deterministic_ops" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_DETERMINISTIC}".strip()


class _Scope(keras.StatelessScope):
    """The values of variables while a function is traced; `entered` are all that are in use, the innermost last."""

    entered: ClassVar[list["_Scope"]] = []

    def __init__(self, variables: Sequence[keras.Variable], values: Sequence[jax.Array]) -> None:
        super().__init__(list(zip(variables, values, strict=True)))
        self.variables = variables

    def __enter__(self) -> Self:
        super().__enter__()
        self.entered.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.entered.pop()
        super().__exit__(kind, error, traceback)

    @property
    def values(self) -> list[jax.Array]:
        return [self.get_current_value(variable) for variable in self.variables]

    def get_current_value(self, variable: keras.Variable) -> jax.Array:
        """Raises RuntimeError for a variable that is not listed: its value of now would be compiled in for good."""
        value = super().get_current_value(variable)
        if value is None:
            raise RuntimeError(f"{variable.path} is used, but not among the variables of the compiled function")
        return value


def compiled(
    update: Callable[..., jax.Array],
    variables: Sequence[keras.Variable],
    arguments: Sequence[Argument],
    *,
    xla: bool = False,
) -> Callable[..., jax.Array]:
    """Always with XLA. The memory of old values becomes that of the new ones."""

    @partial(jax.jit, donate_argnums=0)
    def traced(values: list[jax.Array], *given: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        with _Scope(variables, values) as scope:
            return update(*given), scope.values

    def run(*given: Any) -> jax.Array:
        result, values = traced([variable.value for variable in variables], *given)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return result

    return run


def forward(function: Callable[..., Any], network: keras.Model, arguments: Sequence[Argument]) -> Callable[..., Any]:
    variables = network.variables

    @jax.jit
    def traced(values: list[jax.Array], *given: jax.Array) -> Any:
        with _Scope(variables, values):
            return function(*given)

    def run(*arrays: np.ndarray) -> Any:
        return jax.tree.map(np.asarray, traced([variable.value for variable in variables], *arrays))

    return run


def gradients(
    loss: Callable[[], tuple[jax.Array, Any]], variables: Sequence[keras.Variable]
) -> tuple[list[jax.Array], Any]:
    outer = _Scope.entered[-1]

    def pure(values: list[jax.Array]) -> tuple[jax.Array, Any]:
        with _Scope(outer.variables, outer.values) as scope:
            _assign(variables, values)
            total, beside = loss()
            return total, (beside, scope.values)

    found, (beside, after) = jax.grad(pure, has_aux=True)([variable.value for variable in variables])
    _assign(outer.variables, after)
    return found, beside


def apply(
    optimiser: keras.optimizers.Optimizer, gradients: Sequence[jax.Array], variables: Sequence[keras.Variable]
) -> None:
    """Keras' own way of scaling losses leaves this module's scope: here it is a choice between values.

    Where a gradient is not finite, nothing moves and the scale is halved; after so many finite ones it doubles.
    """
    if not isinstance(optimiser, keras.optimizers.LossScaleOptimizer):
        optimiser.apply(gradients, variables)
        return
    scale, counter = optimiser.dynamic_scale.value, optimiser.step_counter.value
    finite = jnp.all(jnp.array([jnp.isfinite(gradient).all() for gradient in gradients]))
    moved = [*variables, *optimiser.inner_optimizer.variables]
    before = [variable.value for variable in moved]
    optimiser.inner_optimizer.apply([gradient / scale for gradient in gradients], variables)
    _assign(moved, [jnp.where(finite, now.value, old) for now, old in zip(moved, before, strict=True)])
    grows = counter == optimiser.dynamic_growth_steps - 1
    optimiser.step_counter.assign(jnp.where(finite & ~grows, counter + 1, 0))
    optimiser.dynamic_scale.assign(scale * jnp.where(finite, jnp.where(grows, 2.0, 1.0), 0.5))


def slopes(score: Callable[[jax.Array], jax.Array], images: jax.Array) -> jax.Array:
    if not _Scope.entered:
        return jax.grad(lambda images: score(images).sum())(images)
    outer = _Scope.entered[-1]

    def pure(images: jax.Array) -> tuple[jax.Array, list[jax.Array]]:
        with _Scope(outer.variables, outer.values) as scope:
            return score(images).sum(), scope.values

    found, after = jax.grad(pure, has_aux=True)(images)
    _assign(outer.variables, after)
    return found


def dense(gradient: jax.Array) -> jax.Array:
    return gradient


def normal(shape: tuple[int, ...], seed: int, step: jax.Array) -> jax.Array:
    return jax.random.normal(_key(seed, step), shape, "float32")


def uniform(shape: tuple[int, ...], seed: int, step: jax.Array) -> jax.Array:
    return jax.random.uniform(_key(seed, step), shape, "float32")


def own_share(batch: jax.Array, axis: int = 0) -> jax.Array:
    return batch


def share_count() -> int:
    return 1


def find_devices(wanted: str) -> Devices:
    """Raises BadInput for all of several GPUs."""
    found = [f"{device.platform.upper()}:{device.id}" for device in jax.local_devices()]
    if wanted == "all" and len(found) > 1:
        raise BadInput(
            f"train.devices is all, and there are {len(found)} devices; with KERAS_BACKEND=jax a run computes on one: "
            "set it to one or auto"
        )
    return Devices(found[:1])


def has_gpu() -> bool:
    return jax.default_backend() == "gpu"


def make_deterministic() -> None:
    """XLA was asked for it when this module was imported; on processors it is so anyway."""


def peak_device_bytes() -> int | None:
    known = jax.local_devices()[0].memory_stats() if has_gpu() else None
    return int(known["peak_bytes_in_use"]) if known else None


def _assign(variables: Sequence[keras.Variable], values: Sequence[jax.Array]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _key(seed: int, step: jax.Array) -> jax.Array:
    return jax.random.fold_in(jax.random.key(seed), step)
