"""Cuts a stream of samples into files of at most a size, whose names say how many there are."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, Self

from tasks.export.samples import Sample


class PartWriter(Protocol):
    """Writes one file of an export."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...
    def write(self, sample: Sample) -> int:
        """Add a sample; returns about how many bytes it takes."""
        ...


def write_parts(
    samples: Iterable[Sample], folder: Path, open_part: Callable[[Path], PartWriter], part_bytes: int
) -> list[tuple[Path, int]]:
    """Files in order and the samples in each, at least one file. Their names are temporary: see `name_parts`."""
    parts: list[tuple[Path, int]] = []
    waiting = iter(samples)
    sample = next(waiting, None)
    while sample is not None or not parts:
        path = folder / f"part-{len(parts):08d}.tmp"
        count, size = 0, 0
        with open_part(path) as part:
            while sample is not None and (size < part_bytes or count == 0):
                size += part.write(sample)
                count += 1
                sample = next(waiting, None)
        parts.append((path, count))
    return parts


def name_parts(parts: list[tuple[Path, int]], split: str, ending: str) -> list[tuple[Path, int]]:
    """Rename to `train-00000-of-00003.parquet` and so on."""
    total = len(parts)
    named = []
    for number, (path, count) in enumerate(parts):
        named.append((path.rename(path.with_name(f"{split}-{number:05d}-of-{total:05d}{ending}")), count))
    return named
