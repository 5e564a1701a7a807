"""Makes the pictures of the README from the results of `make demo`. Run by `make docs-images`."""

import sys
from pathlib import Path

import cv2
import numpy as np

from datasets.image_codec import encode_image
from datasets.readers import LoadedSplit, load_numpy

ROWS, COLUMNS, SCALE, GAP_PX = 4, 20, 3, 12


def grid(split: LoadedSplit, rows: int, columns: int) -> np.ndarray:
    """uint8 [rows * H, columns * W, C]: the classes side by side, columns / classes of each, first images first."""
    assert split.labels is not None and split.class_names is not None
    per_class = columns // len(split.class_names)
    cells = [np.flatnonzero(split.labels == label)[: rows * per_class] for label in range(len(split.class_names))]
    pictures = [split.images[found].reshape(rows, per_class, *split.images.shape[1:]) for found in cells]
    blocks = np.concatenate(pictures, axis=1)  # [rows, columns, H, W, C]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in blocks], axis=0)


def main(demo: Path, out: Path) -> None:
    """Real digits above, synthetic ones below."""
    real = grid(load_numpy(demo / "published" / "digits", "test"), ROWS, COLUMNS)
    synthetic = grid(load_numpy(demo / "published" / "digits_synthetic", "train"), ROWS, COLUMNS)
    gap = np.full((GAP_PX // SCALE, *real.shape[1:]), 255, np.uint8)
    picture = np.concatenate([real, gap, synthetic], axis=0)
    large = cv2.resize(picture, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
    out.mkdir(parents=True, exist_ok=True)
    (out / "digits.png").write_bytes(encode_image(large[..., None], "png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
