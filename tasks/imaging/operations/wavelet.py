"""Noise removal in an undecimated Haar transform."""

import numpy as np

MAX_LEVELS = 4


def wavelet_denoised(channel: np.ndarray, noise_sd: float) -> np.ndarray:
    """float32 [H, W] in grey levels -> float32 [H, W], noise of a deviation of `noise_sd` grey levels taken out.

    Details of up to four levels of an undecimated Haar transform are shrunk by soft thresholds that follow from
    noise and signal of each band: S. G. Chang, B. Yu, M. Vetterli, Adaptive wavelet thresholding for image denoising
    and compression, IEEE Transactions on Image Processing 9 (2000). Without decimation there are no blocks to see:
    R. R. Coifman, D. L. Donoho, Translation-invariant de-noising (1995).
    """
    height, width = channel.shape
    levels = min(MAX_LEVELS, max(1, int(np.log2(min(height, width)))))
    margin = 2**levels  # as far as one pixel reaches; mirrored, since the transform runs around the edges
    around = np.pad(channel, margin, mode="symmetric")
    return _level(around, noise_sd, 1, levels)[margin : margin + height, margin : margin + width]


def _level(image: np.ndarray, noise_sd: float, step_px: int, levels: int) -> np.ndarray:
    """One level of the transform, shrunk and undone, the coarser ones within it."""
    low, high = _split(image, step_px, 0)
    bands = [*_split(low, step_px, 1), *_split(high, step_px, 1)]
    band_sd = noise_sd / 2  # sums and differences of four pixels, a quarter of each
    means, *details = bands
    if levels > 1:
        means = _level(means, band_sd, 2 * step_px, levels - 1)
    across, down, diagonal = (_shrunk(detail, band_sd) for detail in details)
    return _merged(_merged(means, across, step_px, 1), _merged(down, diagonal, step_px, 1), step_px, 0)


def _split(image: np.ndarray, step_px: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Half sums and half differences of pixels that are `step_px` apart."""
    other = np.roll(image, -step_px, axis)
    return (image + other) / 2, (image - other) / 2


def _merged(low: np.ndarray, high: np.ndarray, step_px: int, axis: int) -> np.ndarray:
    """Undoes `_split`: each pixel stands in two pairs, of which the mean is taken."""
    return ((low + high) + np.roll(low - high, step_px, axis)) / 2


def _shrunk(band: np.ndarray, noise_sd: float) -> np.ndarray:
    """BayesShrink: soft threshold of noise variance by signal deviation; nothing is left where all is noise."""
    signal_variance = float(np.mean(np.square(band))) - noise_sd**2
    if signal_variance <= 0:
        return np.zeros_like(band)
    threshold = np.float32(noise_sd**2 / np.sqrt(signal_variance))
    return np.sign(band) * np.maximum(np.abs(band) - threshold, 0)
