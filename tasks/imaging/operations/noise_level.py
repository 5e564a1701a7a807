"""How noisy an image is, from the image alone."""

import cv2
import numpy as np

# Sees neither flats nor slopes nor straight edges along the axes; makes noise of deviation 1 to one of deviation 6.
_LAPLACIAN_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_MEAN_OF_ABSOLUTE_NORMAL = float(np.sqrt(2 / np.pi))
_BLOCK_PX = 8
_FLATTEST_SHARE = 0.25
_QUANTILE_OF_MEAN = 0.9  # that quantile of the blocks of white noise, by their mean; 0.88 (large) to 0.95 (16 x 16 px)
_OPEN_PERCENT = 80  # of the pixels of a block that counts are neither black nor white
_MIN_SIDE_PX = 3


def noise_sd(image: np.ndarray) -> float:
    """Standard deviation of white noise in uint8 [H, W, C], in grey levels (0 to about 128); 0 below 3 x 3 pixels.

    From the mean absolute response to a difference of two Laplacians in blocks of 8 x 8 pixels: the first quartile
    of the blocks, since texture only adds to it. Blocks with more than a few pixels of pure black or white do not
    count, for noise is clipped there. Of colours the mean of the channels.

    J. Immerkaer, Fast noise variance estimation, Computer Vision and Image Understanding 64 (1996), here by blocks.
    """
    if min(image.shape[:2]) < _MIN_SIDE_PX:
        return 0.0
    return float(np.mean([_channel_sd(image[:, :, channel]) for channel in range(image.shape[2])]))


def _channel_sd(channel: np.ndarray) -> float:
    response = np.abs(cv2.filter2D(channel, cv2.CV_16S, _LAPLACIAN_DIFFERENCE)[1:-1, 1:-1])
    is_open = (channel[1:-1, 1:-1] - np.uint8(1)) < 254  # neither 0, which becomes 255, nor 255
    means = _block_means(response)[_block_means(is_open.astype(np.uint8) * 100) > _OPEN_PERCENT]
    if len(means) == 0:
        return 0.0
    return float(np.quantile(means, _FLATTEST_SHARE)) / (6 * _MEAN_OF_ABSOLUTE_NORMAL * _QUANTILE_OF_MEAN)


def _block_means(values: np.ndarray) -> np.ndarray:
    """[H, W] -> means of its blocks, [N], rounded; what is left over at the right and below is left out."""
    side = min(_BLOCK_PX, *values.shape)
    rows, columns = values.shape[0] // side, values.shape[1] // side
    whole = values[: rows * side, : columns * side]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).ravel()
