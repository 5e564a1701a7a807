"""What a stage's function is given besides its settings, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.parallel import ComputeSettings
from tasks.progress import Progress, silent

Summary = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """All that a stage may read besides its settings. Paths are absolute."""

    dataset: str
    seed: int
    inputs: Mapping[str, Path]
    out: Path  # where to write; renamed to its final name afterwards
    place: str  # the final folder, relative to `shared`
    shared: Path  # workspace/<dataset>
    published: Path  # where versions are published, or the verified copy of what is published at `remote`
    recipe: str  # digest of settings, code and libraries, without the inputs
    compute: ComputeSettings
    progress: Progress = silent
    reads: Any = None  # what the stage's `reads` hook said
    remote: str | None = None  # URL where versions are published
