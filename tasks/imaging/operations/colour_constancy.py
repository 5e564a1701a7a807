"""Takes out the colour of the light."""

from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.operations.percentiles import level_counts, percentile

_WHITE_PERCENT = 99.0  # the brightest pixels of all are often glints or dead


class ColourConstancySettings(BaseModel):
    """Channels are scaled until the light, as estimated from the image, would be grey; of grey images nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["colour_constancy"] = Field("colour_constancy", description="takes out the colour of the light")
    method: Literal["shades_of_grey", "grey_world", "white_patch"] = Field(
        "shades_of_grey", description="what tells the light: shades_of_grey, grey_world (mean) or white_patch"
    )
    norm: float = Field(6.0, ge=1, le=20, description="Minkowski norm of shades_of_grey; 1 = grey_world")
    max_gain: float = Field(
        2.0, ge=1, le=10, description="channels are scaled by no more than this, nor by less than its inverse"
    )


def colour_constancy(image: np.ndarray, settings: ColourConstancySettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]; grey stays as it is.

    G. Buchsbaum, A spatial processor model for object colour perception, J. Franklin Institute 310 (1980): grey
    world. E. H. Land, The retinex theory of color vision, Scientific American 237 (1977): white patch.
    G. D. Finlayson, E. Trezzi, Shades of gray and colour constancy, CIC (2004): between the two.
    """
    if image.shape[2] == 1:
        return image
    light = np.array([_light(image[:, :, channel], settings) for channel in range(3)])
    gains = np.clip(light.mean() / np.maximum(light, 1e-6), 1 / settings.max_gain, settings.max_gain)
    if light.max() == light.min():
        return image
    levels = np.clip(np.rint(np.arange(256)[:, np.newaxis] * gains), 0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), levels[np.newaxis])


def _light(channel: np.ndarray, settings: ColourConstancySettings) -> float:
    """How bright the light is in a channel, uint8 [H, W]."""
    counts = level_counts(channel)
    if settings.method == "white_patch":
        return float(percentile(counts, _WHITE_PERCENT))
    norm = settings.norm if settings.method == "shades_of_grey" else 1.0
    return float(np.average((np.arange(256) / 255) ** norm, weights=counts) ** (1 / norm))
