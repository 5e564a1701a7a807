"""Noise: how much there is, and how it is removed."""

import cv2
import numpy as np
import pytest
from skimage.restoration import denoise_tv_bregman, denoise_tv_chambolle

from tasks.imaging.operations.denoise import NOISE_METHODS, DenoiseSettings, denoise
from tasks.imaging.operations.noise_level import noise_sd
from tasks.imaging.operations.wavelet import wavelet_denoised


def scene(side_px: int = 96, channels: int = 3) -> np.ndarray:
    """A clean picture with slopes, edges and a fine pattern."""
    rows, columns = np.mgrid[:side_px, :side_px]
    picture = np.stack([rows * 1.2 + 40, columns * 1.1 + 50, (rows + columns) * 0.6 + 60], axis=-1)
    picture[20:50, 30:70] = (200, 60, 90)
    picture[(rows - 65) ** 2 + (columns - 40) ** 2 < 300] = (60, 180, 210)
    picture[70:90, 70:90] += (20 * ((rows + columns) % 4 < 2))[70:90, 70:90, np.newaxis]
    return np.clip(picture[:, :, :channels], 0, 255).astype(np.uint8)


def noisy(image: np.ndarray, sd: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sd, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sd", [5.0, 10.0, 20.0, 30.0])
def test_planted_noise_is_estimated(sd: float, channels: int) -> None:
    assert noise_sd(noisy(scene(96, channels), sd)) == pytest.approx(sd, rel=0.15)


def test_a_clean_image_has_next_to_no_noise() -> None:
    assert noise_sd(scene()) < 1.5


def test_clipped_areas_do_not_hide_noise() -> None:
    image = np.full((96, 96, 1), 255, np.uint8)
    image[16:80, 16:80] = 120
    assert noise_sd(noisy(image, 15)) == pytest.approx(15, rel=0.15)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 50, 1), (50, 2, 3)])
def test_of_tiny_images_nothing_is_said(shape: tuple[int, int, int]) -> None:
    assert noise_sd(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)) == 0.0


def test_auto_gives_a_clean_image_back_uncopied() -> None:
    image = scene()
    assert denoise(image, DenoiseSettings(method="auto")) is image


@pytest.mark.parametrize("method", NOISE_METHODS)
def test_auto_is_its_method_with_the_estimate(method: str) -> None:
    image = noisy(scene(), 15)
    told = DenoiseSettings(method=method, noise_sd=noise_sd(image))
    found = DenoiseSettings(method="auto", auto_method=method)
    assert np.array_equal(denoise(image, found), denoise(image, told))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sd", [10.0, 25.0])
@pytest.mark.parametrize("method", [*NOISE_METHODS, "median", "auto"])
def test_denoising_brings_images_nearer_to_clean_ones(method: str, sd: float, channels: int) -> None:
    clean = scene(channels=channels)
    bad = noisy(clean, sd)
    result = denoise(bad, DenoiseSettings(method=method, noise_sd=sd))
    assert cv2.PSNR(result, clean) > cv2.PSNR(bad, clean) + 2.5


def test_opening_removes_bright_specks_and_closing_dark_ones() -> None:
    clean = np.full((30, 30, 1), 100, np.uint8)
    bright, dark = clean.copy(), clean.copy()
    bright[5::7, 5::7], dark[5::7, 5::7] = 255, 0
    assert np.array_equal(denoise(bright, DenoiseSettings(method="open")), clean)
    assert np.array_equal(denoise(dark, DenoiseSettings(method="close")), clean)


@pytest.mark.parametrize("method", ["open", "close"])
def test_opening_and_closing_again_change_nothing(method: str) -> None:
    once = denoise(noisy(scene(), 20), DenoiseSettings(method=method, side_px=5))
    assert np.array_equal(denoise(once, DenoiseSettings(method=method, side_px=5)), once)


def test_the_reference_calls_give_the_same_pixels() -> None:
    image = noisy(scene(), 10)
    unit = image.astype(np.float32) / 255
    expected = {
        "median": cv2.medianBlur(image, 3),
        "gaussian": cv2.GaussianBlur(image, (0, 0), 0.59),
        "bilateral": cv2.bilateralFilter(image, 5, 40, 2),
        "nlm": cv2.fastNlMeansDenoisingColored(image, None, 6, 6),
        "tv_chambolle": np.rint(255 * denoise_tv_chambolle(unit, weight=6 / 255, channel_axis=-1)).clip(0, 255),
    }
    for method, wanted in expected.items():
        assert np.array_equal(denoise(image, DenoiseSettings(method=method)), wanted), method


def test_bregman_is_that_of_scikit_image_but_at_the_edges() -> None:
    image = noisy(scene(channels=1), 10)
    wanted = np.rint(255 * denoise_tv_bregman(image[:, :, 0].astype(np.float32) / 255, weight=25.5))
    result = denoise(image, DenoiseSettings(method="tv_bregman"))[:, :, 0]
    assert np.abs(result - wanted)[8:-8, 8:-8].max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (33, 47)])
def test_without_noise_the_wavelet_transform_is_undone(shape: tuple[int, int]) -> None:
    channel = np.random.default_rng(0).random(shape, dtype=np.float32) * 255
    np.testing.assert_allclose(wavelet_denoised(channel, 0.0), channel, atol=1e-3)


def test_pure_noise_is_taken_out_by_wavelets() -> None:
    channel = np.random.default_rng(0).normal(100, 10, (128, 128)).astype(np.float32)
    result = wavelet_denoised(channel, 10.0)
    assert result.mean() == pytest.approx(channel.mean(), abs=0.2)
    assert result.std() < 1.5  # coarser than 16 pixels, where noise of 10 levels has a deviation of 0.6
