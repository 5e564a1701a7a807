"""Removal of backgrounds: what is joined to the border and looks like it becomes one colour."""

from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.operations.channels import filled
from tasks.imaging.operations.levels import Levels
from tasks.imaging.operations.threshold import border_values

_GRABCUT_SEED = 0
_MIN_GRABCUT_PIXELS = 64  # of foreground and of background, to fit five colours to each


class RemoveBackgroundSettings(BaseModel):
    """Where the background is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["remove_background"] = Field("remove_background", description="fills the background")
    method: Literal["plain", "grabcut"] = Field(
        "plain", description="plain: joined to the border and of its colour; grabcut: refines that (slow)"
    )
    tolerance_levels: int = Field(24, ge=0, le=255, description="how far from the border's colour background may be")
    iterations: int = Field(3, ge=1, le=10, description="rounds of grabcut")
    min_foreground_share: float = Field(
        0.02, ge=0, le=1, description="an image is left alone where less than this would remain"
    )
    fill_levels: Levels = Field((0,), description="what the background becomes: one level, or [R, G, B]")


def remove_background(image: np.ndarray, settings: RemoveBackgroundSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C].

    C. Rother, V. Kolmogorov, A. Blake, GrabCut: interactive foreground extraction using iterated graph cuts,
    ACM Transactions on Graphics 23 (2004).
    """
    keep = ~_plain_background(image, settings.tolerance_levels)
    if settings.method == "grabcut":
        keep = _grabcut(image, keep, settings.iterations)
    if keep.mean() < settings.min_foreground_share or not keep.any():
        return image
    return filled(image, keep, settings.fill_levels)


def _plain_background(image: np.ndarray, tolerance_levels: int) -> np.ndarray:
    """Where it is, bool [H, W]: joined to the border by pixels near its median colour in every channel."""
    colour = np.median(border_values(image), axis=0)
    difference = np.abs(image.astype(np.int16) - np.rint(colour).astype(np.int16)).max(axis=2)
    alike = (difference <= tolerance_levels).astype(np.uint8)
    _, labels = cv2.connectedComponents(alike, connectivity=4)
    at_border = np.zeros(labels.max() + 1, bool)
    at_border[border_values(labels)] = True
    at_border[0] = False  # what is not alike
    return at_border[labels]


def _grabcut(image: np.ndarray, foreground: np.ndarray, iterations: int) -> np.ndarray:
    """Refined, bool [H, W] -> bool [H, W]; as it was where one of the two is too small to learn its colours."""
    if min(foreground.sum(), foreground.size - foreground.sum()) < _MIN_GRABCUT_PIXELS:
        return foreground
    mask = np.where(foreground, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    colours = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    cv2.setRNGSeed(_GRABCUT_SEED)  # its first clusters are drawn at random
    mask, _, _ = cv2.grabCut(
        colours, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_MASK
    )
    return (mask == cv2.GC_PR_FGD) | (mask == cv2.GC_FGD)
