"""Evens out the classes among training images. Validation and test stay as they are: they measure, and never teach."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Row = Mapping[str, Any]


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
    rows: Sequence[Row], splits: Sequence[str | None], published: Sequence[bool], settings: BalanceSettings, seed: int
) -> dict[int, str]:
    """Rows with label, sha256, duplicate_group, where each goes, whether it was published -> unselected rows and why.

    Only training images of classes are unselected. Copies stay or go together. Images that were published stay before
    new ones; otherwise the rank of a hash decides, so an image that comes or goes changes nothing for most others.
    """
    units = _units(rows, splits) if settings.policy != "none" else {}
    sizes = {label: sum(map(len, members)) for label, members in units.items()}
    if not sizes:
        return {}
    if settings.policy == "target":
        most = settings.images_per_class or 0
        limit = f"split.balance.images_per_class {most}"
    else:
        most = int(min(sizes.values()) * settings.max_ratio)
        limit = f"{most}, the smallest class times split.balance.max_ratio {settings.max_ratio:g}"
    unselected: dict[int, str] = {}
    for label, members in units.items():
        if sizes[label] <= most:
            continue
        room = most
        why = f"class {label} has {sizes[label]} training images, over {limit}"
        for unit in sorted(members, key=lambda unit: _rank(unit, rows, published, seed)):
            if len(unit) <= room:
                room -= len(unit)
            else:
                unselected |= dict.fromkeys(unit, why)
    return unselected


def _units(rows: Sequence[Row], splits: Sequence[str | None]) -> dict[str, list[list[int]]]:
    """Row numbers of training images by class and group of copies."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, (row, split) in enumerate(zip(rows, splits, strict=True)):
        if split == "train" and row["label"] is not None:
            groups[row["label"], row["duplicate_group"] or row["sha256"]].append(number)
    units: dict[str, list[list[int]]] = defaultdict(list)
    for (label, _), members in groups.items():
        units[label].append(members)
    return units


def _rank(unit: Sequence[int], rows: Sequence[Row], published: Sequence[bool], seed: int) -> tuple[bool, str]:
    first = min(rows[number]["sha256"] for number in unit)
    digest = hashlib.sha256(f"balance {seed} {first}".encode()).hexdigest()
    return (not any(published[number] for number in unit), digest)
