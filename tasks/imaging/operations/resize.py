"""Resizing to the one shape that all images of a data set share."""

from math import ceil
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.operations.area import shrink_by_area
from tasks.imaging.operations.levels import Levels
from tasks.imaging.verdicts import MinSides

ResizeMode = Literal["pad", "crop", "random_crop", "stretch"]
BORDERS = {"reflect": cv2.BORDER_REFLECT_101, "edge": cv2.BORDER_REPLICATE}
ENLARGERS = {"cubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}

cv2.setNumThreads(1)  # processes share the cores; threads inside them would only wait for each other


class ResizeSettings(BaseModel):
    """The one shape that every prepared image gets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: int = Field(64, description="Width of every prepared image.", ge=4, le=4096)
    height_px: int = Field(64, description="Height of every prepared image.", ge=4, le=4096)
    mode: ResizeMode = Field(
        "pad", description="pad: keep all, add borders; crop, random_crop: cut the longer side; stretch: distort."
    )
    border: Literal["colour", "reflect", "edge"] = Field(
        "colour", description="What pad adds: border_levels, the image mirrored, or its edge drawn out."
    )
    border_levels: Levels = Field((0,), description="Levels of border colour: one for all channels, or [R, G, B].")
    crop_share: float = Field(
        1.0, ge=0.1, le=1.0, description="Side of what crop and random_crop keep; 1.0 = as large as fits."
    )
    enlarge: Literal["cubic", "lanczos"] = Field(
        "cubic", description="How smaller images grow; larger ones are averaged by area."
    )
    seed: int = Field(0, ge=0, lt=2**31, description="random_crop: the place follows from it and the file's content.")

    @property
    def min_sides(self) -> MinSides:
        """What a decoder has to leave of an image: twice what is needed of it, so that nothing looks softer."""
        side_px = 2 * max(self.width_px, self.height_px)
        if self.mode == "pad":
            return MinSides(longer_px=side_px)
        share = 1.0 if self.mode == "stretch" else self.crop_share
        return MinSides(longer_px=side_px, shorter_px=ceil(side_px / share))


def resize(
    image: np.ndarray, settings: ResizeSettings, sha256: str = "", whole_px: tuple[int, int] | None = None
) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [height_px, width_px, C]; smaller by area, larger by `enlarge`.

    `pad` keeps the aspect and centres the image. `crop` and `random_crop` keep the aspect and cut, the latter at a
    place that follows from the seed and `sha256`, the content's digest (hex): the same in any worker and order.
    `whole_px` are width and height of an image that was decoded smaller: its own sides are rounded.
    """
    width_px, height_px = settings.width_px, settings.height_px
    if image.shape[:2] == (height_px, width_px) and settings.crop_share == 1:
        return image
    if settings.mode == "pad":
        return _padded(image, settings, whole_px or (image.shape[1], image.shape[0]))
    if settings.mode != "stretch":
        image = _part(image, settings, sha256)
    return _scaled(image, width_px, height_px, settings.enlarge)


def whole_sides(image: np.ndarray, width_px: int, height_px: int) -> tuple[int, int] | None:
    """Width and height of the file of [H, W, C], as upright as the image, where that is 1/2, 1/4 or 1/8 of it."""
    if image.shape[:2] in ((height_px, width_px), (width_px, height_px)):
        return None
    sides = ((width_px, height_px), (height_px, width_px))
    reduced = (
        (width, height)
        for width, height in sides
        for n in (2, 4, 8)
        if image.shape[:2] == (-(-height // n), -(-width // n))
    )
    return next(reduced, None)


def _padded(image: np.ndarray, settings: ResizeSettings, whole_px: tuple[int, int]) -> np.ndarray:
    """The whole image in the middle, borders around it."""
    (width, height), channels = whole_px, image.shape[2]
    width_px, height_px = settings.width_px, settings.height_px
    scale = min(width_px / width, height_px / height)
    inner_width = min(width_px, max(1, round(width * scale)))
    inner_height = min(height_px, max(1, round(height * scale)))
    inner = _scaled(image, inner_width, inner_height, settings.enlarge)
    if (inner_width, inner_height) == (width_px, height_px):
        return inner
    top, left = (height_px - inner_height) // 2, (width_px - inner_width) // 2
    if settings.border != "colour":
        bottom, right = height_px - inner_height - top, width_px - inner_width - left
        result = cv2.copyMakeBorder(inner, top, bottom, left, right, BORDERS[settings.border])
        return result.reshape(height_px, width_px, channels)
    canvas = np.empty((height_px, width_px, channels), np.uint8)
    canvas[:] = settings.border_levels
    canvas[top : top + inner_height, left : left + inner_width] = inner
    return canvas


def _part(image: np.ndarray, settings: ResizeSettings, sha256: str) -> np.ndarray:
    """The part with the target's aspect that is kept, at least one pixel."""
    height, width = image.shape[:2]
    aspect = settings.width_px / settings.height_px
    part_width = min(width, max(1, round(min(width, height * aspect) * settings.crop_share)))
    part_height = min(height, max(1, round(min(height, width / aspect) * settings.crop_share)))
    free = (height - part_height, width - part_width)
    if settings.mode == "crop":
        top, left = free[0] // 2, free[1] // 2
    else:
        rng = np.random.default_rng([settings.seed, int(sha256[:16] or "0", 16)])
        top, left = (int(place) for place in rng.integers(0, free, endpoint=True))
    return image[top : top + part_height, left : left + part_width]


def _scaled(image: np.ndarray, width_px: int, height_px: int, enlarge: str) -> np.ndarray:
    """Shrunk by area where a side shrinks, then enlarged where one grows: area in one step is for shrinking only."""
    height, width, channels = image.shape
    shrunk = (min(width, width_px), min(height, height_px))
    image = shrink_by_area(image, *shrunk) if shrunk != (width, height) else np.ascontiguousarray(image)
    if shrunk != (width_px, height_px):
        image = cv2.resize(image, (width_px, height_px), interpolation=ENLARGERS[enlarge])
    return image.reshape(height_px, width_px, channels)
