"""What work reads and writes, and how that gets to workers: here, all see the same folders."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Work = TypeVar("Work")


def reads_nothing(partition: Sequence[Any]) -> Iterable[str]:
    """For work that reads no file below the folder."""
    return ()


@dataclass(frozen=True, slots=True)
class Files:
    """What work reads and writes below a folder: `reads(partition)` are paths relative to it."""

    folder: Path
    reads: Callable[[Sequence[Any]], Iterable[str]] = reads_nothing


class SharedFolders:
    """Nothing has to be carried. See `exchange` for workers that see none of our folders."""

    def there(self, work: Work) -> Work:
        """The work as a worker does it."""
        return work

    def lend(self, partition: Sequence[Any]) -> None:
        """Called before a partition goes out."""

    def bring_home(self, outcome: Any) -> Any:
        """Called with what a worker gave; the outcome of the work."""
        return outcome
