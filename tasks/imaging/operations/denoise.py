"""Noise removal by classical filters."""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.operations.noise_level import noise_sd
from tasks.imaging.operations.wavelet import wavelet_denoised

NoiseMethod = Literal["gaussian", "bilateral", "nlm", "tv_chambolle", "tv_bregman", "wavelet"]
WindowMethod = Literal["median", "open", "close"]

# Where each method came nearest to clean photographs with planted noise of 5 to 40 levels (docs/pixel-operations.md).
_GAUSSIAN_SIGMA_PX = (0.35, 0.024)  # without noise, and more per level of it
_BILATERAL_LEVELS_PER_SD = {1: 2.5, 3: 4.0}  # by channels, whose differences are added up
_BILATERAL_SIDE_PX, _BILATERAL_SIGMA_PX = 5, 2.0
_NLM_LEVELS_PER_SD = {1: 1.0, 3: 0.6}
_CHAMBOLLE_WEIGHT_PER_SD = 0.6 / 255
_BREGMAN_SD_PER_WEIGHT = 255.0
_BREGMAN_MARGIN_PX = 2  # its own edges are off by a level, and sides of one pixel come out as anything


class DenoiseSettings(BaseModel):
    """Noise removal, as strong as the noise is said, or with `auto` found, to be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["denoise"] = Field("denoise", description="removes noise")
    method: Literal["auto", NoiseMethod, WindowMethod] = Field(
        "auto", description="auto, gaussian, median, bilateral, nlm (slow), tv_*, wavelet, open or close"
    )
    noise_sd: float = Field(
        10.0, ge=0.5, le=100, description="deviation of the noise, in levels of 0 to 255; auto finds it out"
    )
    side_px: Literal[3, 5, 7] = Field(3, description="window of median, open and close: 3, 5 or 7")
    auto_method: NoiseMethod = Field("bilateral", description="what auto uses where there is noise")
    auto_min_sd: float = Field(8.0, ge=0.5, le=100, description="auto leaves images alone below this noise")


def denoise(image: np.ndarray, settings: DenoiseSettings) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [H, W, C]. `auto` gives the image itself where it finds too little noise."""
    if settings.method == "auto":
        found_sd = noise_sd(image)
        return image if found_sd < settings.auto_min_sd else NOISE_METHODS[settings.auto_method](image, found_sd)
    if settings.method in NOISE_METHODS:
        return NOISE_METHODS[settings.method](image, settings.noise_sd)
    return WINDOW_METHODS[settings.method](image, settings.side_px).reshape(image.shape)


def _gaussian(image: np.ndarray, sd: float) -> np.ndarray:
    least_px, per_sd_px = _GAUSSIAN_SIGMA_PX
    return cv2.GaussianBlur(image, (0, 0), least_px + per_sd_px * sd).reshape(image.shape)


def _bilateral(image: np.ndarray, sd: float) -> np.ndarray:
    """C. Tomasi, R. Manduchi, Bilateral filtering for gray and color images, ICCV (1998)."""
    levels = _BILATERAL_LEVELS_PER_SD[image.shape[2]] * sd
    image = np.ascontiguousarray(image)
    return cv2.bilateralFilter(image, _BILATERAL_SIDE_PX, levels, _BILATERAL_SIGMA_PX).reshape(image.shape)


def _nlm(image: np.ndarray, sd: float) -> np.ndarray:
    """A. Buades, B. Coll, J.-M. Morel, A non-local algorithm for image denoising, CVPR (2005)."""
    levels = _NLM_LEVELS_PER_SD[image.shape[2]] * sd
    if image.shape[2] == 1:
        return cv2.fastNlMeansDenoising(image, None, levels).reshape(image.shape)
    return cv2.fastNlMeansDenoisingColored(image, None, levels, levels)


def _tv_chambolle(image: np.ndarray, sd: float) -> np.ndarray:
    """A. Chambolle, An algorithm for total variation minimization and applications, JMIV 20 (2004)."""
    from skimage.restoration import denoise_tv_chambolle

    return _levels_of(denoise_tv_chambolle(_unit(image), weight=_CHAMBOLLE_WEIGHT_PER_SD * sd, channel_axis=-1))


def _tv_bregman(image: np.ndarray, sd: float) -> np.ndarray:
    """T. Goldstein, S. Osher, The split Bregman method for L1-regularized problems, SIAM JIS 2 (2009)."""
    from skimage.restoration import denoise_tv_bregman

    margin = _BREGMAN_MARGIN_PX
    around = cv2.copyMakeBorder(_unit(image), margin, margin, margin, margin, cv2.BORDER_REFLECT)
    around = around.reshape(*around.shape[:2], image.shape[2])
    weight = _BREGMAN_SD_PER_WEIGHT / sd
    smooth = [denoise_tv_bregman(around[:, :, channel], weight=weight) for channel in range(image.shape[2])]
    return _levels_of(np.stack(smooth, axis=-1)[margin:-margin, margin:-margin])


def _wavelet(image: np.ndarray, sd: float) -> np.ndarray:
    channels = [wavelet_denoised(image[:, :, channel].astype(np.float32), sd) for channel in range(image.shape[2])]
    return np.clip(np.rint(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)


def _median(image: np.ndarray, side_px: int) -> np.ndarray:
    return cv2.medianBlur(np.ascontiguousarray(image), side_px)


def _open(image: np.ndarray, side_px: int) -> np.ndarray:
    """Bright specks go: erosion, then dilation."""
    return cv2.morphologyEx(image, cv2.MORPH_OPEN, _disc(side_px))


def _close(image: np.ndarray, side_px: int) -> np.ndarray:
    """Dark specks go: dilation, then erosion."""
    return cv2.morphologyEx(image, cv2.MORPH_CLOSE, _disc(side_px))


def _disc(side_px: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side_px, side_px))


def _unit(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, C] -> float32 [H, W, C] in [0, 1]."""
    return image.astype(np.float32) / 255


def _levels_of(unit: np.ndarray) -> np.ndarray:
    """Float in about [0, 1] -> uint8."""
    return np.clip(np.rint(unit * 255), 0, 255).astype(np.uint8)


NOISE_METHODS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "gaussian": _gaussian,
    "bilateral": _bilateral,
    "nlm": _nlm,
    "tv_chambolle": _tv_chambolle,
    "tv_bregman": _tv_bregman,
    "wavelet": _wavelet,
}
"""Methods that take the deviation of the noise, in grey levels."""

WINDOW_METHODS: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"median": _median, "open": _open, "close": _close}
"""Methods that take the side of a window."""
