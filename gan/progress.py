"""How long work reports where it is."""

from typing import Protocol


class Progress(Protocol):
    """Called with the work done so far, the whole, and numbers worth showing. Cheap; a few times a second at most."""

    def __call__(self, done: int, total: int, **numbers: float | str) -> None: ...


def time_left(images_left: float, images_per_second: float) -> str:
    """For people: `40 s`, `12 min`, `3 h 20 min`; empty where nothing is known."""
    if images_per_second <= 0:
        return ""
    seconds = max(0.0, images_left) / images_per_second
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def silent(done: int, total: int, **numbers: float | str) -> None:
    """Report nothing."""
