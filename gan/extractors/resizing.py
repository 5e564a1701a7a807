"""How images get the size that a network wants. The rule changes every distance, so it is part of the identity."""

import numpy as np
from PIL import Image

from datasets.errors import BadInput
from gan.extractors.settings import ResizeRule

RGB = 3


def resized(images: np.ndarray, height_px: int, width_px: int, rule: ResizeRule) -> np.ndarray:
    """uint8 [N, H, W, C] -> float32 [N, height_px, width_px, C] in [0, 255].

    `clean`: Pillow's bicubic, each channel in floating point, clipped, not rounded (Parmar et al., arXiv:2104.11222).
    `legacy`: TensorFlow 1's bilinear, which has neither antialiasing nor centred pixels. Images that have the size
    stay as they are.
    """
    if images.shape[1:3] == (height_px, width_px):
        return images.astype(np.float32)
    if rule == "legacy":
        import tensorflow as tf

        size = tf.constant([height_px, width_px])
        values = tf.constant(images, tf.float32)
        return tf.raw_ops.ResizeBilinear(
            images=values, size=size, align_corners=False, half_pixel_centers=False
        ).numpy()
    return np.stack([_clean(image, height_px, width_px) for image in images])


def with_channels(images: np.ndarray, channels: int, what: str) -> np.ndarray:
    """uint8 [N, H, W, channels]: gray images become three equal channels. Raises BadInput for another difference."""
    if images.shape[3] == channels:
        return images
    if images.shape[3] == 1 and channels == RGB:
        return np.repeat(images, RGB, axis=3)
    raise BadInput(f"images have {images.shape[3]} channels and {what} reads {channels}; choose another extractor")


def _clean(image: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
    planes = [
        Image.fromarray(image[..., channel].astype(np.float32)).resize((width_px, height_px), Image.Resampling.BICUBIC)
        for channel in range(image.shape[2])
    ]
    return np.clip(np.stack([np.asarray(plane) for plane in planes], axis=-1), 0.0, 255.0)
