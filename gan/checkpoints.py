"""Checkpoints: whole or absent on disk, checked when read, the newest intact one wins."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.errors import FormatError
from gan.weight_files import read_arrays, write_arrays

CHECKPOINT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Arrays by name, and a JSON-able record."""

    arrays: dict[str, np.ndarray]
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The newest intact checkpoint, if any, and one sentence for every newer one that was passed over."""

    checkpoint: Checkpoint | None
    notes: tuple[str, ...]


def save_checkpoint(
    folder: Path, step: int, arrays: Mapping[str, np.ndarray], record: Mapping[str, Any], keep: int
) -> Path:
    """Write the checkpoint of a step, then delete all but the `keep` newest and what a killed run left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:09}.npz"
    write_arrays(path, arrays, {**record, "format_version": CHECKPOINT_VERSION})
    for old in [*_newest_first(folder)[keep:], *folder.glob("step-*.tmp")]:
        old.unlink()
    return path


def newest_checkpoint(folder: Path) -> Found:
    """Look for the newest checkpoint that is whole.

    A damaged one is passed over and said so; raises FormatError where an intact one is of another version.
    """
    notes: list[str] = []
    for path in _newest_first(folder):
        try:
            arrays, record = read_arrays(path)
        except FormatError as error:
            notes.append(f"checkpoint passed over: {error}")
            continue
        version = record.pop("format_version", None)
        if version != CHECKPOINT_VERSION:
            raise FormatError(f"{path}: checkpoint version {version}, this code reads {CHECKPOINT_VERSION}; train anew")
        return Found(Checkpoint(arrays, record), tuple(notes))
    return Found(None, tuple(notes))


def forget_after(folder: Path, step: int) -> None:
    """Delete the checkpoints of later steps: a run went back."""
    for path in _newest_first(folder):
        if int(path.stem.removeprefix("step-")) > step:
            path.unlink()


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.npz"), reverse=True)
