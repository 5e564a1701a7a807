"""Makes the picture of docs/augmentation.md: what each augmenter makes of a drawn picture, with its default settings.

python docs/make_augmentation_picture.py docs/images
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from datasets.image_codec import encode_image
from tasks.imaging.augmentation.augmenters import KINDS
from tasks.imaging.augmentation.engine import augmented, variant_seed

SIDE_PX = 68
VARIANTS = 4
NAME_PX, GAP_PX = 134, 4
COLUMNS = 2
PAPER, INK = 255, (40, 40, 40)


def drawing() -> np.ndarray:
    """uint8 [68, 68, 3]: a house under a sun, with no symmetry, drawn at four times the size."""
    large = np.full((4 * SIDE_PX, 4 * SIDE_PX, 3), (150, 200, 235), np.uint8)
    cv2.rectangle(large, (0, 210), (288, 288), (110, 160, 80), -1)
    cv2.rectangle(large, (50, 120), (180, 240), (205, 120, 85), -1)
    cv2.fillConvexPoly(large, np.array([[36, 124], [115, 52], [194, 124]], np.int32), (120, 50, 50))
    cv2.rectangle(large, (74, 170), (110, 240), (90, 60, 40), -1)
    cv2.rectangle(large, (130, 150), (162, 184), (250, 240, 190), -1)
    cv2.circle(large, (238, 54), 26, (250, 215, 70), -1)
    cv2.line(large, (226, 240), (226, 168), (90, 60, 40), 10)
    cv2.circle(large, (226, 150), 34, (60, 125, 60), -1)
    return np.asarray(cv2.resize(large, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA))


def row(kind: str) -> np.ndarray:
    """The name, the drawing, and variants of it."""
    augmenters = (KINDS[kind](probability=1.0),)
    images = [drawing(), *(augmented(drawing(), augmenters, variant_seed(0, kind, n)) for n in range(VARIANTS))]
    name = np.full((SIDE_PX, NAME_PX, 3), PAPER, np.uint8)
    cv2.putText(name, kind, (4, SIDE_PX // 2 + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    gap = np.full((SIDE_PX, GAP_PX, 3), PAPER, np.uint8)
    line = np.concatenate([name, *(part for image in images for part in (image, gap)), gap, gap], axis=1)
    return np.concatenate([line, np.full((GAP_PX, line.shape[1], 3), PAPER, np.uint8)])


def main(out: Path) -> None:
    """All augmenters in columns."""
    rows = [row(kind) for kind in KINDS]
    rows += [np.full_like(rows[0], PAPER)] * (-len(rows) % COLUMNS)
    per_column = len(rows) // COLUMNS
    columns = [np.concatenate(rows[first : first + per_column]) for first in range(0, len(rows), per_column)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "augmenters.jpg").write_bytes(encode_image(np.concatenate(columns, axis=1), "jpeg", jpeg_quality=60))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
