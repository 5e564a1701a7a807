"""All pixel operations: the union of their settings, told apart by `kind`, and what each does."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from tasks.imaging.operations.background import RemoveBackgroundSettings, remove_background
from tasks.imaging.operations.colour_constancy import ColourConstancySettings, colour_constancy
from tasks.imaging.operations.contrast import (
    ClaheSettings,
    EqualiseSettings,
    GammaSettings,
    clahe,
    equalise,
    gamma,
)
from tasks.imaging.operations.denoise import DenoiseSettings, denoise
from tasks.imaging.operations.percentiles import ClipPercentilesSettings, clip_percentiles
from tasks.imaging.operations.sharpen import SharpenSettings, sharpen
from tasks.imaging.operations.threshold import ThresholdSettings, threshold

Operation = Annotated[
    DenoiseSettings
    | SharpenSettings
    | EqualiseSettings
    | ClaheSettings
    | GammaSettings
    | ClipPercentilesSettings
    | ColourConstancySettings
    | ThresholdSettings
    | RemoveBackgroundSettings,
    Field(discriminator="kind"),
]
"""Settings of any operation, told apart by `kind`."""


@dataclass(frozen=True, slots=True)
class OperationKind:
    """One kind of operation: its settings, and what it does to uint8 [H, W, C] of any size from 1 x 1, C in {1, 3}."""

    settings: type[BaseModel]
    apply: Callable[[np.ndarray, Any], np.ndarray]


KINDS = {
    "denoise": OperationKind(DenoiseSettings, denoise),
    "sharpen": OperationKind(SharpenSettings, sharpen),
    "equalise": OperationKind(EqualiseSettings, equalise),
    "clahe": OperationKind(ClaheSettings, clahe),
    "gamma": OperationKind(GammaSettings, gamma),
    "clip_percentiles": OperationKind(ClipPercentilesSettings, clip_percentiles),
    "colour_constancy": OperationKind(ColourConstancySettings, colour_constancy),
    "threshold": OperationKind(ThresholdSettings, threshold),
    "remove_background": OperationKind(RemoveBackgroundSettings, remove_background),
}


def apply_all(image: np.ndarray, operations: Iterable[Operation]) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]: one operation after the other; without any the image itself."""
    for operation in operations:
        image = KINDS[operation.kind].apply(image, operation)
    return image


def check_fits_channels(channels: int, operations: Sequence[Operation]) -> None:
    """Raises ValueError for operations on colour where images are prepared grey: channels come first."""
    if channels == 3:
        return
    for operation in operations:
        if isinstance(operation, ColourConstancySettings):
            raise ValueError("colour_constancy does nothing to grey images, and channels is 1; remove it")
        check_levels_fit(channels, f"fill_levels of {operation.kind}", getattr(operation, "fill_levels", ()))


def check_levels_fit(channels: int, name: str, levels: Sequence[int]) -> None:
    """Raises ValueError for a colour where images are prepared grey."""
    if len(levels) > channels:
        raise ValueError(f"{name} are {len(levels)} levels, and channels is {channels}; give one level")
