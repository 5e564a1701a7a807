"""Which devices a run computes on, and how one batch is spread over several of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from datasets.errors import BadInput
from gan.models.options import check_groups


class Devices:
    """`names` of the devices of a run. Of one device here; a backend may know how to use several."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    @property
    def several(self) -> bool:
        """Whether each batch is spread."""
        return len(self.names) > 1

    @property
    def text(self) -> str:
        """For people: `1 CPU`, `4 GPUs`."""
        kind = "GPU" if "GPU" in self.names[0] else "CPU"
        return f"{len(self.names)} {kind}{'s' if self.several else ''}"

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Where variables are made that every device has."""
        yield

    def spread(self, update: Callable[..., Any]) -> Callable[..., Any]:
        """`update(images, labels)` of a whole batch as one update of equal shares: the mean of what they gave."""
        return update

    def check_batch(self, batch_size: int, model: str) -> None:
        """Raises BadInput unless a batch can be split evenly, and each share into the groups that a model may need."""
        if batch_size % len(self.names):
            raise BadInput(
                f"train.batch_size is {batch_size} and there are {self.text}; choose a multiple of {len(self.names)}, "
                "or set train.devices to one"
            )
        try:
            check_groups(model, batch_size, len(self.names))
        except ValueError as error:
            raise BadInput(f"train.{error}, or set train.devices to one") from error
