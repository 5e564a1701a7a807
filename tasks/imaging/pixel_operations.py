"""Resizing, channels and denoising of single images."""

from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

cv2.setNumThreads(1)  # processes share the cores; threads inside them would only wait for each other

ResizeMode = Literal["pad", "crop", "stretch"]
DenoiseMethod = Literal["none", "gaussian", "median", "bilateral", "nlm"]

_GAUSSIAN_SIGMA_PX = (0.6, 1.0, 1.6)
_MEDIAN_SIDE_PX = (3, 5, 7)
_BILATERAL_LEVELS = (15.0, 30.0, 60.0)
_NLM_LEVELS = (4.0, 8.0, 14.0)


class ResizeSettings(BaseModel):
    """The one shape that every prepared image gets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: int = Field(64, description="Width of every prepared image.", ge=4, le=4096)
    height_px: int = Field(64, description="Height of every prepared image.", ge=4, le=4096)
    mode: ResizeMode = Field(
        "pad", description="pad: keep all and add borders; crop: cut the middle; stretch: distort."
    )
    pad_level: int = Field(0, description="Grey level of the borders that pad adds.", ge=0, le=255)


class DenoiseSettings(BaseModel):
    """Noise removal; `nlm` (non-local means) costs about a hundred times as much as the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: DenoiseMethod = Field("none", description="none, gaussian, median, bilateral or nlm (slow).")
    strength: int = Field(1, description="1 weak, 2 medium, 3 strong.", ge=1, le=3)


def resize(
    image: np.ndarray, width_px: int, height_px: int, mode: ResizeMode = "pad", pad_level: int = 0
) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [height_px, width_px, C]; by area down, cubic up.

    `pad` keeps the aspect and centres the image, `crop` keeps the aspect and cuts the longer side evenly.
    """
    if mode == "stretch":
        return _scaled(image, width_px, height_px)
    if mode == "crop":
        return _scaled(_middle(image, width_px / height_px), width_px, height_px)
    height, width = image.shape[:2]
    scale = min(width_px / width, height_px / height)
    inner = _scaled(image, min(width_px, max(1, round(width * scale))), min(height_px, max(1, round(height * scale))))
    canvas = np.full((height_px, width_px, image.shape[2]), pad_level, np.uint8)
    top, left = (height_px - inner.shape[0]) // 2, (width_px - inner.shape[1]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return canvas


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [H, W, 1 or 3] -> uint8 [H, W, channels], channels in {1, 3}; grey by ITU-R BT.601 luma."""
    if image.shape[2] == channels:
        return image
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, np.newaxis]
    return np.repeat(image, 3, axis=2)


def denoise(image: np.ndarray, settings: DenoiseSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]."""
    if settings.method == "none":
        return image
    level = settings.strength - 1
    if settings.method == "gaussian":
        result = cv2.GaussianBlur(image, (0, 0), _GAUSSIAN_SIGMA_PX[level])
    elif settings.method == "median":
        result = cv2.medianBlur(image, _MEDIAN_SIDE_PX[level])
    elif settings.method == "bilateral":
        result = cv2.bilateralFilter(image, 5, _BILATERAL_LEVELS[level], 2.0)
    elif image.shape[2] == 1:
        result = cv2.fastNlMeansDenoising(image, None, _NLM_LEVELS[level])
    else:
        result = cv2.fastNlMeansDenoisingColored(image, None, _NLM_LEVELS[level], _NLM_LEVELS[level])
    return result.reshape(image.shape)


def _middle(image: np.ndarray, aspect: float) -> np.ndarray:
    """The largest centred part with the given width to height, at least one pixel."""
    height, width = image.shape[:2]
    part_width = min(width, max(1, round(height * aspect)))
    part_height = min(height, max(1, round(width / aspect)))
    top, left = (height - part_height) // 2, (width - part_width) // 2
    return image[top : top + part_height, left : left + part_width]


def _scaled(image: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    height, width, channels = image.shape
    if (height, width) == (height_px, width_px):
        return np.ascontiguousarray(image)
    grows = width_px * height_px > width * height
    interpolation = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    result = cv2.resize(np.ascontiguousarray(image), (width_px, height_px), interpolation=interpolation)
    return result.reshape(height_px, width_px, channels)
