"""Resize rules beside the numbers of others: clean-fid 0.1.35 and torch-fidelity 0.4.0 gave those below."""

import re

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.extractors.resizing import resized, with_channels

IMAGES = np.random.default_rng(11).integers(0, 256, (6, 5, 3)).astype(np.uint8)[None]


def test_clean_is_that_of_clean_fid():
    expected = [
        [58.7286, 171.4356, 90.7748, 101.5206],
        [98.9659, 207.4043, 153.7279, 65.6758],
        [166.5858, 190.9681, 162.1330, 196.7780],
        [124.3426, 150.2566, 97.7409, 147.7047],
    ]
    np.testing.assert_allclose(resized(IMAGES, 4, 4, "clean")[0, ..., 0], expected, atol=1e-4)
    larger = resized(IMAGES, 7, 9, "clean")
    assert float(larger.sum(dtype=np.float64)) == pytest.approx(25718.515240699053, abs=1e-6)


def test_legacy_is_that_of_tensorflow_1():
    expected = [
        [34.0, 140.75, 109.5, 114.25],
        [61.0, 199.625, 146.75, 70.625],
        [141.0, 226.0, 151.0, 204.25],
        [125.0, 153.625, 120.0, 155.0],
    ]
    np.testing.assert_allclose(resized(IMAGES, 4, 4, "legacy")[0, ..., 0], expected, atol=1e-4)
    larger = resized(IMAGES, 9, 7, "legacy")
    assert float(larger.sum(dtype=np.float64)) == pytest.approx(25486.9520072937, abs=1e-6)


@pytest.mark.parametrize("rule", ["clean", "legacy"])
def test_images_that_have_the_size_stay_as_they_are(rule):
    np.testing.assert_array_equal(resized(IMAGES, 6, 5, rule), IMAGES.astype(np.float32))


def test_clean_stays_within_what_a_pixel_can_be():
    checks = np.indices((8, 8)).sum(axis=0) % 2 * np.uint8(255)
    larger = resized(checks[None, ..., None].astype(np.uint8), 29, 29, "clean")
    assert (larger.min(), larger.max()) == (0.0, 255.0)


def test_gray_becomes_three_equal_channels():
    gray = IMAGES[..., :1]
    np.testing.assert_array_equal(with_channels(gray, 3, "it"), np.repeat(gray, 3, axis=3))


def test_colour_does_not_become_gray():
    sentence = "images have 3 channels and it reads 1; choose another extractor"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        with_channels(IMAGES, 1, "it")
