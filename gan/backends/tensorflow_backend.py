"""TensorFlow's way of compiling, differentiating, drawing random numbers and using several devices."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from gan.backends.interface import Argument
from gan.devices import Devices


def compiled(
    update: Callable[..., tf.Tensor],
    variables: Sequence[keras.Variable],
    arguments: Sequence[Argument],
    *,
    xla: bool = False,
) -> Callable[..., tf.Tensor]:
    """A graph finds its variables by itself."""
    return tf.function(update, input_signature=_specs(arguments), jit_compile=xla or None)


def forward(function: Callable[..., Any], network: keras.Model, arguments: Sequence[Argument]) -> Callable[..., Any]:
    graph = tf.function(function).get_concrete_function(*_specs(arguments))
    return lambda *arrays: tf.nest.map_structure(lambda made: made.numpy(), graph(*map(tf.constant, arrays)))


def gradients(
    loss: Callable[[], tuple[tf.Tensor, Any]], variables: Sequence[keras.Variable]
) -> tuple[list[tf.Tensor], Any]:
    watched = [variable.value for variable in variables]
    # Only these: gradients of a network that is merely passed through would be thrown away.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(watched)
        total, beside = loss()
    return tape.gradient(total, watched), beside


def apply(
    optimiser: keras.optimizers.Optimizer, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]
) -> None:
    optimiser.apply(gradients, variables)


def slopes(score: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(score(images))
    return tape.gradient(total, images)


def dense(gradient: tf.Tensor) -> tf.Tensor:
    return tf.convert_to_tensor(gradient)


def normal(shape: tuple[int, ...], seed: int, step: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_normal(shape, tf.stack([seed, step]))


def uniform(shape: tuple[int, ...], seed: int, step: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, tf.stack([seed, step]))


def own_share(batch: tf.Tensor, axis: int = 0) -> tf.Tensor:
    count = share_count()
    if count == 1:
        return batch
    size = batch.shape[axis] // count
    first = tf.distribute.get_replica_context().replica_id_in_sync_group * size
    return tf.gather(batch, first + tf.range(size), axis=axis)


def share_count() -> int:
    context = tf.distribute.get_replica_context()
    return 1 if context is None else int(context.num_replicas_in_sync)


def find_devices(wanted: str) -> Devices:
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # in use already: an earlier run of this process decided
            continue
    names = [device.name for device in tf.config.list_logical_devices("GPU")]
    if not names:
        processors = [device.name for device in tf.config.list_logical_devices("CPU")]
        names = processors if wanted == "all" else processors[:1]
    return _Mirrored(names) if len(names) > 1 and wanted != "one" else Devices(names[:1])


def has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))


def make_deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


def peak_device_bytes() -> int | None:
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"]) if has_gpu() else None


class _Mirrored(Devices):
    """Several devices that all hold the same weights."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self._strategy = tf.distribute.MirroredStrategy(names)

    @contextmanager
    def scope(self) -> Iterator[None]:
        with self._strategy.scope():
            yield

    def spread(self, update: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
        def whole(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            given = self._strategy.run(lambda: update(own_share(images), own_share(labels)))
            return self._strategy.reduce(tf.distribute.ReduceOp.MEAN, given, axis=None)

        return whole


def _specs(arguments: Sequence[Argument]) -> list[tf.TensorSpec]:
    return [tf.TensorSpec(shape, dtype) for shape, dtype in arguments]
