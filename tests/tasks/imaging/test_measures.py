"""Measures against plain definitions."""

import hashlib

import numpy as np
import pytest
import simplejpeg
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.fft import dctn

from datasets.manifest import SCHEMA
from tasks.imaging.decode import decode
from tasks.imaging.measures import MEASURED_SIDES, channel_sums, measure, measures_of, perceptual_hashes, sample

IMAGES = npst.arrays(
    np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])), elements=st.integers(0, 255)
)


def textured(height_px: int = 96, width_px: int = 80, seed: int = 0) -> np.ndarray:
    """Smooth random colour image, uint8 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    waves = rng.uniform(-1, 1, (3, 6, 4))
    y, x = np.mgrid[0:height_px, 0:width_px] / max(height_px, width_px)
    image = sum(
        waves[:, k, 3, None, None] * np.cos(9 * (waves[:, k, 0, None, None] * x + waves[:, k, 1, None, None] * y) + k)
        for k in range(6)
    )
    return np.clip(127 + 50 * image, 0, 255).astype(np.uint8).transpose(1, 2, 0).copy()


def test_names_are_columns_of_the_manifest() -> None:
    assert set(measure(textured())) <= set(SCHEMA.names)


@settings(max_examples=60, deadline=None)
@given(IMAGES)
def test_grey_statistics_match_their_definitions(image: np.ndarray) -> None:
    grey = image[:, :, :1]
    measures = measure(grey)
    assert measures["mean"] == pytest.approx(grey.mean(), abs=1e-9)
    assert measures["std"] == pytest.approx(grey.std(), abs=1e-6)
    assert measures["brightness_p05"] == np.percentile(grey, 5, method="inverted_cdf")
    assert measures["brightness_p95"] == np.percentile(grey, 95, method="inverted_cdf")
    assert measures["clipped_fraction"] == pytest.approx(np.isin(grey, (0, 255)).mean())


@settings(max_examples=60, deadline=None)
@given(IMAGES)
def test_channel_sums_are_exact(image: np.ndarray) -> None:
    wide = image.astype(np.int64)
    assert channel_sums(image) == (wide.sum((0, 1)).tolist(), (wide * wide).sum((0, 1)).tolist())


def test_channel_sums_are_exact_beyond_32_bit_floats() -> None:
    # 2**24 + 1 equal pixels: a 32-bit float cannot count the last one.
    image = np.full((1, 2**24 + 1, 1), 255, np.uint8)
    assert channel_sums(image) == ([255 * (2**24 + 1)], [255 * 255 * (2**24 + 1)])


def test_entropy_of_two_equally_frequent_levels_is_one_bit() -> None:
    assert measure(np.array([[[0], [255]]], np.uint8))["entropy_bits"] == pytest.approx(1.0)


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    grey = textured()[:, :, :1]
    padded = np.pad(grey[:, :, 0].astype(np.int64), 1, mode="reflect")
    edges = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * padded[1:-1, 1:-1]
    assert measure(grey)["sharpness"] == pytest.approx(edges.var())


def test_blur_lowers_sharpness() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 1), dtype=np.uint8)
    smooth = noise // 2 + np.roll(noise, 1, axis=0) // 2
    assert measure(smooth)["sharpness"] < measure(noise)["sharpness"]


def test_pixel_sha256_is_of_shape_and_digest_of_pixels() -> None:
    image = textured()
    expected = hashlib.sha256(b"(96, 80, 3)" + xxhash.xxh3_128(image.tobytes()).digest()).hexdigest()
    assert measure(image)["pixel_sha256"] == expected


def test_pixel_sha256_does_not_depend_on_memory_layout() -> None:
    image = textured()
    assert measure(np.asfortranarray(image))["pixel_sha256"] == measure(image)["pixel_sha256"]


def test_equal_bytes_of_another_shape_differ() -> None:
    image = textured(40, 60)
    assert measure(image)["pixel_sha256"] != measure(image.reshape(60, 40, 3))["pixel_sha256"]


def test_thumbnail_is_32_by_32_grey_bytes() -> None:
    assert measure(np.full((100, 7, 3), 90, np.uint8))["thumbnail"] == bytes([90]) * 1024


def test_mirror_hash_is_the_hash_of_the_mirror_image() -> None:
    image = textured(256, 256)
    differing = measure(image)["phash_mirror"] ^ measure(image[:, ::-1].copy())["phash"]
    assert differing.bit_count() <= 1


def test_flat_images_have_no_set_bits() -> None:
    assert measure(np.full((50, 60, 3), 77, np.uint8))["phash"] == 0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3000, 3), (3000, 1, 1), (8, 8, 1), (1100, 1300, 3)])
def test_any_shape_can_be_measured(shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert all(np.isfinite(value) for value in measure(image).values() if isinstance(value, float))


def test_hash_hardly_changes_with_size() -> None:
    large = measure(textured(512, 512, seed=3))["phash"]
    small = measure(textured(512, 512, seed=3)[::2, ::2].copy())["phash"]
    assert (large ^ small).bit_count() <= 2


def test_many_are_measured_as_each_alone() -> None:
    images = [textured(40 + 9 * seed, 300 - 20 * seed, seed) for seed in range(6)]
    columns = measures_of([sample(image) for image in images])
    together = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    assert together == [measure(image) for image in images]


@settings(max_examples=30, deadline=None)
@given(npst.arrays(np.uint8, (3, 32, 32), elements=st.integers(0, 255)))
def test_hashes_are_signs_of_the_cosine_transform(thumbnails: np.ndarray) -> None:
    hashes, _ = perceptual_hashes(thumbnails.reshape(3, -1))
    for code, thumbnail in zip(hashes.tolist(), thumbnails, strict=True):
        waves = dctn(thumbnail.astype(float), norm="ortho")[:8, :8].ravel()
        waves[0] = 0
        clear = np.abs(waves - 1) > 0.01
        bits = np.array([code >> place & 1 for place in range(64)], bool)
        assert (bits == (waves > 1))[clear].all()


def test_measures_do_not_follow_the_size_at_which_a_jpeg_is_decoded() -> None:
    payload = simplejpeg.encode_jpeg(textured(1200, 1600, seed=5), 95)
    whole, reduced = (measure(decode(payload, None, sides).image) for sides in (None, MEASURED_SIDES))
    assert decode(payload, None, MEASURED_SIDES).image.shape == (150, 200, 3)
    for name in ("mean", "std", "entropy_bits", "sharpness"):
        assert whole[name] == pytest.approx(reduced[name], rel=0.05)
    assert (whole["phash"] ^ reduced["phash"]).bit_count() <= 1
