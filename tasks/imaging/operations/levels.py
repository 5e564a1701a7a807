"""A colour in settings: one grey level, or red, green and blue."""

from typing import Annotated

from pydantic import AfterValidator, Field

Level = Annotated[int, Field(ge=0, le=255)]


def _one_or_three(levels: tuple[int, ...]) -> tuple[int, ...]:
    if len(levels) not in (1, 3):
        raise ValueError(f"got {len(levels)} levels; give one for all channels, e.g. [0], or three, e.g. [255, 0, 0]")
    return levels


Levels = Annotated[tuple[Level, ...], AfterValidator(_one_or_three)]
"""Levels 0 to 255: one for all channels, or red, green and blue."""
