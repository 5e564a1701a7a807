"""Segmentation by brightness: what is not foreground becomes one colour."""

from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.operations.channels import filled, grey_of
from tasks.imaging.operations.levels import Levels

_GLOBAL = {"otsu": cv2.THRESH_OTSU, "triangle": cv2.THRESH_TRIANGLE, "fixed": 0}


class ThresholdSettings(BaseModel):
    """Which pixels are foreground by their brightness."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["threshold"] = Field("threshold", description="keeps the foreground by brightness, fills the rest")
    method: Literal["otsu", "triangle", "adaptive", "fixed"] = Field(
        "otsu", description="otsu, triangle (one small peak), adaptive (uneven light) or fixed (level)"
    )
    level: int = Field(127, ge=0, le=254, description="of fixed: brighter than this level is bright")
    block_px: int = Field(31, ge=3, le=255, description="of adaptive: side of the neighbourhood, made odd")
    offset_levels: float = Field(5.0, ge=-128, le=128, description="of adaptive: bright is above local mean less this")
    foreground: Literal["auto", "bright", "dark"] = Field(
        "auto", description="which side is foreground; auto: the one that is rarer at the image's border"
    )
    fill_levels: Levels = Field((0,), description="what the rest becomes: one level, or [R, G, B]")


def threshold(image: np.ndarray, settings: ThresholdSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]; a flat image has no foreground to tell, and stays as it is.

    N. Otsu, A threshold selection method from gray-level histograms, IEEE Trans. SMC 9 (1979).
    G. W. Zack, W. E. Rogers, S. A. Latt, Automatic measurement of sister chromatid exchange frequency (1977).
    """
    grey = grey_of(image)
    if grey.min() == grey.max():
        return image
    bright = _bright(grey, settings)
    keep_bright = settings.foreground == "bright" or (settings.foreground == "auto" and _is_dark_around(bright))
    return filled(image, bright if keep_bright else ~bright, settings.fill_levels)


def _bright(grey: np.ndarray, settings: ThresholdSettings) -> np.ndarray:
    """uint8 [H, W] -> bool [H, W]."""
    if settings.method == "adaptive":
        block_px = settings.block_px | 1
        marked = cv2.adaptiveThreshold(
            grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block_px, settings.offset_levels
        )
    else:
        _, marked = cv2.threshold(grey, settings.level, 255, cv2.THRESH_BINARY | _GLOBAL[settings.method])
    return marked.reshape(grey.shape) > 0


def _is_dark_around(bright: np.ndarray) -> bool:
    return float(border_values(bright).mean()) < 0.5


def border_values(values: np.ndarray) -> np.ndarray:
    """[H, W, ...] -> [N, ...]: what stands in the outermost rows and columns."""
    return np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
