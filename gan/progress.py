"""How long work reports where it is."""

from typing import Protocol


class Progress(Protocol):
    """Called with the work done so far, the whole, and numbers worth showing. Cheap; a few times a second at most."""

    def __call__(self, done: int, total: int, **numbers: float | str) -> None: ...


def silent(done: int, total: int, **numbers: float | str) -> None:
    """Report nothing."""
