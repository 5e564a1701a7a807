"""A list in consecutive runs, each cut when it is asked for."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, overload

Item = TypeVar("Item")


class Partitions(Sequence[Sequence[Item]], Generic[Item]):
    """Runs of at most `size` items of a list; holds the list and no run."""

    def __init__(self, items: Sequence[Item], size: int) -> None:
        self.items = items
        self.size = size

    def __len__(self) -> int:
        return (len(self.items) + self.size - 1) // self.size

    @overload
    def __getitem__(self, index: int) -> Sequence[Item]: ...
    @overload
    def __getitem__(self, index: slice) -> "Partitions[Item]": ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError(f"partitions are taken in order, with a step of 1; got {step}")
            return Partitions(self.items[start * self.size : max(start, stop) * self.size], self.size)
        start = range(len(self))[index] * self.size
        return self.items[start : start + self.size]


def partitions_of(items: Sequence[Item], size: int) -> Partitions[Item]:
    """Consecutive runs of at most `size` items."""
    return Partitions(items, size)
