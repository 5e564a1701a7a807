"""Grey and colour: turning one into the other, and working on the brightness of colour alone."""

from collections.abc import Callable

import cv2
import numpy as np


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [H, W, 1 or 3] -> uint8 [H, W, channels], channels in {1, 3}; grey by ITU-R BT.601 luma."""
    if image.shape[2] == channels:
        return image
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, np.newaxis]
    return np.repeat(image, 3, axis=2)


def grey_of(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, C] -> contiguous uint8 [H, W]."""
    return np.ascontiguousarray(to_channels(image, 1)[:, :, 0])


def on_luma(image: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C], `change` (uint8 [H, W] -> uint8 [H, W]) done to the brightness alone.

    Colour keeps its chroma (YCrCb of ITU-R BT.601). Grey in three channels gives the same as grey in one.
    """
    if image.shape[2] == 1:
        return change(np.ascontiguousarray(image[:, :, 0]))[:, :, np.newaxis]
    luma_chroma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    luma_chroma[:, :, 0] = change(np.ascontiguousarray(luma_chroma[:, :, 0]))
    return cv2.cvtColor(luma_chroma, cv2.COLOR_YCrCb2RGB)


def filled(image: np.ndarray, keep: np.ndarray, levels: tuple[int, ...]) -> np.ndarray:
    """uint8 [H, W, C], bool [H, W] -> a copy with `levels` (one, or one per channel) where `keep` is false."""
    return np.where(keep[:, :, np.newaxis], image, np.array(levels, np.uint8))
