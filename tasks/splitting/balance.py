"""Evens out the classes among training images. Validation and test stay as they are: they measure, and never teach."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator


class BalanceSettings(BaseModel):
    """How many training images a class may have. What is over is unselected, and stays in the manifest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: Literal["none", "undersample", "target"] = Field(
        "none", description="none; undersample, to the smallest class; or target, to images_per_class"
    )
    max_ratio: float = Field(
        1.0, ge=1, description="undersample: classes may have so many times the training images of the smallest"
    )
    images_per_class: int | None = Field(
        None, ge=1, description="target: most training images of a class; generate.fill_to fills up the smaller ones"
    )

    @model_validator(mode="after")
    def _have_a_target(self) -> "BalanceSettings":
        if self.policy == "target" and self.images_per_class is None:
            raise ValueError("policy target needs images_per_class; set it, or take policy undersample")
        return self


def over_class_size(
    training: pa.Table, published: Sequence[bool], settings: BalanceSettings, seed: int
) -> dict[int, str]:
    """Training images with label, sha256, duplicate_group; whether each was published -> rows to leave out, and why.

    Images without a class stay. Copies stay or go together; where all copies of each picture are too many, those of
    the picture with the fewest stay, as no class may lose all it has. Images that were published stay before new ones;
    otherwise the rank of a hash decides, so an image that comes or goes changes nothing for most others.
    """
    units = _units(training) if settings.policy != "none" else {}
    sizes = {label: sum(map(len, members)) for label, members in units.items()}
    if not sizes:
        return {}
    if settings.policy == "target":
        most = settings.images_per_class or 0
        limit = f"split.balance.images_per_class {most}"
    else:
        most = int(min(sizes.values()) * settings.max_ratio)
        limit = f"{most}, the smallest class times split.balance.max_ratio {settings.max_ratio:g}"
    sha256 = training["sha256"].to_pylist()
    unselected: dict[int, str] = {}
    for label, members in units.items():
        if sizes[label] <= most:
            continue
        ranked = sorted(members, key=lambda unit: _rank(unit, sha256, published, seed))
        room = max(most, min(map(len, ranked)))
        why = f"class {label} has {sizes[label]} training images, over {limit}"
        for unit in ranked:
            if len(unit) <= room:
                room -= len(unit)
            else:
                unselected |= dict.fromkeys(unit, why)
    return unselected


def _units(training: pa.Table) -> dict[str, list[list[int]]]:
    """Row numbers by class and group of copies."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    copies = pc.coalesce(training["duplicate_group"], training["sha256"]).to_pylist()
    for number, name in enumerate(zip(training["label"].to_pylist(), copies, strict=True)):
        if name[0] is not None:
            groups[name].append(number)
    units: dict[str, list[list[int]]] = defaultdict(list)
    for (label, _), members in groups.items():
        units[label].append(members)
    return units


def _rank(unit: Sequence[int], sha256: Sequence[str], published: Sequence[bool], seed: int) -> tuple[bool, str]:
    first = min(sha256[number] for number in unit)
    digest = hashlib.sha256(f"balance {seed} {first}".encode()).hexdigest()
    return (not any(published[number] for number in unit), digest)
