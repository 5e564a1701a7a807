"""A network from a file of the user, opened: how it is run, and which images it takes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """`run`: float32 [n, height_px, width_px, channels] -> float32 [n, D] or [n, h, w, D]; a side None is any."""

    run: Callable[[np.ndarray], np.ndarray]
    height_px: int | None
    width_px: int | None
    channels: int
    images_at_once: int | None = None  # None: any number
    whole_numbers: bool = False  # it reads uint8
