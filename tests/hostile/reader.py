"""What is tried: a reader with intact contents to begin from, and how they are changed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile.mutations import Random, json_bytes, mutated, mutated_json

Change = Callable[[bytes, Random], bytes]


@dataclass(frozen=True)
class Reader:
    """`contents` makes intact files in an empty folder; `read` gets a changed one, and a folder of its own."""

    name: str
    contents: Callable[[Path], list[bytes]]
    read: Callable[[bytes, Path], object]
    change: Change = mutated
    never_raises: bool = False


def exhausted(values: Iterable[Any]) -> int:
    """How many there are, after all were read."""
    return sum(1 for _ in values)


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """A reader of a path: the content is written there first."""

    def written_and_read(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return written_and_read


def of_json(record: Mapping[str, Any]) -> Change:
    """Changes of a JSON record: of its values two times in three, else of its text."""

    def changed(content: bytes, random: Random) -> bytes:
        if random.integers(3) == 0:
            return mutated(content, random)
        return json_bytes(mutated_json(record, random), random)

    return changed
