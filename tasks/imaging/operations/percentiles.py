"""Clipping of outlying levels."""

from typing import Literal, Self

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator


class ClipPercentilesSettings(BaseModel):
    """Hot and dead pixels, glints and dust to the levels that nearly all others keep within."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["clip_percentiles"] = Field("clip_percentiles", description="clips outlying levels")
    low_percent: float = Field(1.0, ge=0, lt=100, description="levels below this percentile become it")
    high_percent: float = Field(99.0, gt=0, le=100, description="levels above this percentile become it")
    stretch: bool = Field(False, description="spread what is left over 0 to 255")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low_percent >= self.high_percent:
            raise ValueError(
                f"low_percent {self.low_percent:g} is not below high_percent {self.high_percent:g}; "
                "give a lower and a higher percentile"
            )
        return self


def clip_percentiles(image: np.ndarray, settings: ClipPercentilesSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]; percentiles of all channels together, so that hues stay."""
    counts = level_counts(image)
    low, high = (percentile(counts, percent) for percent in (settings.low_percent, settings.high_percent))
    if (low, high) == (0, 255) or (settings.stretch and low == high):
        return image
    levels = np.clip(np.arange(256), low, high)
    if settings.stretch:
        levels = np.rint((levels - low) * (255 / (high - low)))
    return cv2.LUT(np.ascontiguousarray(image), levels.astype(np.uint8)).reshape(image.shape)


def level_counts(values: np.ndarray) -> np.ndarray:
    """uint8 of any shape -> int64 [256]: how often each level occurs."""
    return np.bincount(values.ravel(), minlength=256)


def percentile(counts: np.ndarray, percent: float) -> int:
    """The lowest level that at least `percent` of all values do not exceed; the lowest there is for 0."""
    totals = np.cumsum(counts)
    needed = max(1.0, totals[-1] * percent / 100)
    return int(np.searchsorted(totals, needed - 1e-9))
