"""Sharpening by an unsharp mask."""

from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class SharpenSettings(BaseModel):
    """Adds what a blur would take away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sharpen"] = Field("sharpen", description="makes edges steeper; raises noise too")
    amount: float = Field(1.0, gt=0, le=10, description="how much of the difference to the blurred image is added")
    radius_px: float = Field(1.0, ge=0.2, le=50, description="deviation of the blur")


def sharpen(image: np.ndarray, settings: SharpenSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]: image + amount * (image - blurred image), clipped."""
    exact = image.astype(np.float32)
    blurred = cv2.GaussianBlur(exact, (0, 0), settings.radius_px, borderType=cv2.BORDER_REFLECT)
    sharp = cv2.addWeighted(
        exact, 1 + settings.amount, blurred.reshape(image.shape), -settings.amount, 0, dtype=cv2.CV_8U
    )
    return sharp.reshape(image.shape)  # rounded and clipped in one go
