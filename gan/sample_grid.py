"""Grids of synthetic images for people to look at."""

from pathlib import Path

import cv2
import numpy as np

_SHOWN_SIDE_PX = 48
_GAP_PX = 2


def write_grid(images: np.ndarray, columns: int, path: Path) -> None:
    """Write uint8 [N, H, W, 1 or 3] (RGB) as a PNG, row by row; small images are enlarged by a whole factor."""
    factor = max(1, _SHOWN_SIDE_PX // images.shape[1])
    grid = grid_of(np.repeat(np.repeat(images, factor, axis=1), factor, axis=2), columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    # OpenCV wants blue first.
    _, payload = cv2.imencode(".png", grid[..., ::-1])
    path.write_bytes(payload.tobytes())


def grid_of(images: np.ndarray, columns: int) -> np.ndarray:
    """uint8 [N, H, W, C] -> one uint8 image [rows * (H + 2) + 2, columns * (W + 2) + 2, C] on mid grey."""
    _, height, width, channels = images.shape
    rows = -(-len(images) // columns)
    shape = (rows * (height + _GAP_PX) + _GAP_PX, columns * (width + _GAP_PX) + _GAP_PX, channels)
    grid = np.full(shape, 128, dtype=np.uint8)
    for index, image in enumerate(images):
        top = _GAP_PX + index // columns * (height + _GAP_PX)
        left = _GAP_PX + index % columns * (width + _GAP_PX)
        grid[top : top + height, left : left + width] = image
    return grid
