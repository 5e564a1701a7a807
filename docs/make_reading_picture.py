"""Make docs/images/augment_reading.jpg: a column per augmentation, the original above four draws of it.

    python -m docs.make_reading_picture DATA

DATA holds `clothing/`, whose photographs are CC0.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from datasets.image_codec import encode_image
from datasets.tf_augmentations import STRENGTHS, augmented

SIDE_PX, DRAWS = 80, 4


def main(data: Path, out: Path) -> None:
    """Write the picture."""
    import tensorflow as tf

    files = sorted((data / "clothing").rglob("*.jpg"))[:: 3781 // len(STRENGTHS)][: len(STRENGTHS)]
    read = [
        cv2.resize(cv2.imread(str(file))[..., ::-1], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for file in files
    ]
    images, labels = tf.constant(np.stack(read)), tf.range(len(read), dtype=tf.int64)
    rows = [images.numpy()]
    for draw in range(DRAWS):
        seed = tf.constant([draw, 1], tf.int64)
        alone = [augmented(images, labels, seed, {name: STRENGTHS[name].usual}, len(read))[0] for name in STRENGTHS]
        rows.append(np.stack([batch[number].numpy() for number, batch in enumerate(alone)]))
    grid = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    (out / "augment_reading.jpg").write_bytes(encode_image(grid, "jpeg", 85))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent / "images")
