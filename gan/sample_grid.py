"""Grids of synthetic images for people to look at."""

from pathlib import Path

import cv2
import numpy as np

_SHOWN_SIDE_PX = 48
_GAP_PX = 2


def shown(images: np.ndarray, columns: int) -> np.ndarray:
    """uint8 [N, H, W, 1 or 3] -> a grid, row by row; small images are enlarged by a whole factor."""
    return grid_of(enlarged(images, _SHOWN_SIDE_PX // images.shape[1]), columns)


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


def enlarged(images: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel of [N, H, W, C] as `factor` by `factor` pixels; as they are below 2."""
    return images if factor < 2 else np.repeat(np.repeat(images, factor, axis=1), factor, axis=2)


def between(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """float32 [steps, D] on the arc from one latent [D] to another, both included, evenly spaced.

    Latents of a normal distribution lie near a sphere, and the straight line between two leaves it: White 2016,
    arXiv:1609.04468.
    """
    lengths = float(np.linalg.norm(start) * np.linalg.norm(end))
    angle = float(np.arccos(np.clip((start @ end) / lengths, -1.0, 1.0))) if lengths else 0.0
    places = np.linspace(0.0, 1.0, steps)[:, None]
    if np.sin(angle) < 1e-4:  # on one line: there is no arc
        return ((1.0 - places) * start + places * end).astype(np.float32)
    weights = np.sin((1.0 - places) * angle) / np.sin(angle), np.sin(places * angle) / np.sin(angle)
    return (weights[0] * start + weights[1] * end).astype(np.float32)


def write_picture(picture: np.ndarray, path: Path) -> None:
    """Write uint8 [H, W, 1 or 3] (RGB) as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # OpenCV wants blue first.
    _, payload = cv2.imencode(".png", picture[..., ::-1])
    path.write_bytes(payload.tobytes())


def read_picture(path: Path) -> np.ndarray:
    """uint8 [H, W, 1 or 3] (RGB), as `write_picture` got it."""
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return picture[..., None] if picture.ndim == 2 else picture[..., ::-1]
