"""Which devices a run computes on, and how one batch is spread over several of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from datasets.errors import BadInput


class Devices:
    """`names` of the devices of a run; `strategy` where there are several, which all hold the same weights."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.strategy = tf.distribute.MirroredStrategy(names) if len(names) > 1 else None

    @property
    def text(self) -> str:
        """For people: `1 CPU`, `4 GPUs`."""
        kind = "GPU" if "GPU" in self.names[0] else "CPU"
        return f"{len(self.names)} {kind}{'s' if len(self.names) > 1 else ''}"

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Where variables are made that every device has."""
        if self.strategy is None:
            yield
            return
        with self.strategy.scope():
            yield

    def check_batch(self, batch_size: int) -> None:
        """Raises BadInput unless a batch can be split evenly."""
        if batch_size % len(self.names):
            raise BadInput(
                f"train.batch_size is {batch_size} and there are {self.text}; choose a multiple of {len(self.names)}, "
                "or set train.devices to one"
            )


def find_devices(wanted: str) -> Devices:
    """Devices for `auto`, `one` or `all`. GPUs go first, and take memory as they need it, not all at once."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # in use already: an earlier run of this process decided
            continue
    names = [device.name for device in tf.config.list_logical_devices("GPU")]
    if not names:
        processors = [device.name for device in tf.config.list_logical_devices("CPU")]
        names = processors if wanted == "all" else processors[:1]
    return Devices(names[:1] if wanted == "one" else names)


def on_each(devices: Devices, update: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """`update(images, labels, *rest)` of a whole batch as one update of equal shares, for use in a tf.function.

    Gives the mean of what the devices gave.
    """
    strategy = devices.strategy
    if strategy is None:
        return update

    def spread(images: tf.Tensor, labels: tf.Tensor, *rest: Any) -> tf.Tensor:
        given = strategy.run(lambda: update(own_share(images), own_share(labels), *rest))
        return strategy.reduce(tf.distribute.ReduceOp.MEAN, given, axis=None)

    return spread


def own_share(batch: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """What this device computes of a whole batch; all of it where there is one device."""
    count = share_count()
    if count == 1:
        return batch
    context = tf.distribute.get_replica_context()
    size = batch.shape[axis] // count
    first = context.replica_id_in_sync_group * size
    return tf.gather(batch, first + tf.range(size), axis=axis)


def share_count() -> int:
    """Over how many devices the batch of the running update is spread. Gradients are summed, so divide losses by it."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else int(context.num_replicas_in_sync)
