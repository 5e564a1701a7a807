"""Contrast: histogram equalisation of the whole image or by tiles, and gamma."""

from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.operations.channels import on_luma


class EqualiseSettings(BaseModel):
    """Spreads brightness evenly over all levels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["equalise"] = Field("equalise", description="histogram equalisation of the brightness")


class ClaheSettings(BaseModel):
    """Contrast-limited equalisation by tiles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["clahe"] = Field("clahe", description="contrast-limited histogram equalisation by tiles")
    clip_limit: float = Field(2.0, ge=1.0, le=40, description="most contrast that a tile gains; 1 = nearly none")
    tiles: int = Field(8, ge=1, le=64, description="tiles along each side; at most one per two pixels")


class GammaSettings(BaseModel):
    """Brighter or darker, black and white as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["gamma"] = Field("gamma", description="level = 255 * (level / 255) ^ gamma")
    gamma: float = Field(1.0, ge=0.1, le=10, description="below 1 brighter, above 1 darker")


def equalise(image: np.ndarray, settings: EqualiseSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]; of colour the luma, so that hues stay. A flat image stays as it is."""
    return on_luma(image, cv2.equalizeHist)


def clahe(image: np.ndarray, settings: ClaheSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]; of colour the luma. A flat image stays as it is.

    K. Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV (1994).
    """
    if image.min() == image.max():
        return image
    tiles = tuple(max(1, min(settings.tiles, side // 2)) for side in (image.shape[1], image.shape[0]))
    return on_luma(image, cv2.createCLAHE(settings.clip_limit, tiles).apply)


def gamma(image: np.ndarray, settings: GammaSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]."""
    levels = np.rint(255 * (np.arange(256) / 255) ** settings.gamma).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), levels).reshape(image.shape)
