"""Near-duplicates among digits, photographs, and made-up hashes."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from tasks.imaging.decode import decode
from tasks.imaging.duplicates import groups, near_pairs
from tasks.imaging.measures import measure

_DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")


def fingerprints(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes, mirror hashes and thumbnails as `near_pairs` takes them."""
    measures = [measure(image) for image in images]
    thumbnails = [np.frombuffer(one["thumbnail"], np.uint8) for one in measures]
    return (
        np.array([one["phash"] for one in measures], np.uint64),
        np.array([one["phash_mirror"] for one in measures], np.uint64),
        np.array(thumbnails, np.uint8).reshape(-1, 1024),
    )


def share_found(originals: list[np.ndarray], copies: list[np.ndarray]) -> float:
    """Share of copies that are paired with their original in a set of both."""
    pairs = {tuple(pair) for pair in near_pairs(*fingerprints([*originals, *copies])).tolist()}
    return sum((index, index + len(originals)) in pairs for index in range(len(originals))) / len(originals)


@pytest.fixture(scope="module")
def digits() -> list[np.ndarray]:
    return list(np.rint(load_digits().images * (255 / 16)).astype(np.uint8)[..., np.newaxis])


def as_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    colours = "GRAY" if image.shape[2] == 1 else "RGB"
    subsampling = "Gray" if image.shape[2] == 1 else "420"
    payload = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, colours, subsampling)
    return simplejpeg.decode_jpeg(payload, colours)


def brighter(image: np.ndarray, factor: float) -> np.ndarray:
    return np.clip(np.rint(image * factor), 0, 255).astype(np.uint8)


def test_no_two_of_the_1797_digits_are_copies(digits: list[np.ndarray]) -> None:
    assert len(near_pairs(*fingerprints(digits))) == 0


DIGIT_COPIES = {
    "noise": lambda image, rng: np.clip(image + rng.integers(-2, 3, image.shape), 0, 255).astype(np.uint8),
    "3 % brighter": lambda image, rng: brighter(image, 1.03),
    "5 % darker": lambda image, rng: brighter(image, 0.95),
    "8 levels up": lambda image, rng: np.clip(image.astype(int) + 8, 0, 255).astype(np.uint8),
    "JPEG 95": lambda image, rng: as_jpeg(image, 95),
    "mirrored": lambda image, rng: image[:, ::-1].copy(),
}


@pytest.mark.parametrize("name", DIGIT_COPIES)
def test_copies_of_digits_are_found(digits: list[np.ndarray], name: str) -> None:
    rng = np.random.default_rng(0)
    some = digits[::6]
    assert share_found(some, [DIGIT_COPIES[name](image, rng) for image in some]) == 1.0


def test_nearly_all_digits_are_found_after_jpeg_85(digits: list[np.ndarray]) -> None:
    # At 8x8 pixels, quality 85 changes some hashes by more bits than the radius allows.
    assert share_found(digits[::3], [as_jpeg(image, 85) for image in digits[::3]]) > 0.98


PHOTO_COPIES = {
    "JPEG 70": lambda image: as_jpeg(image, 70),
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "3 % brighter": lambda image: brighter(image, 1.03),
    "mirrored": lambda image: image[:, ::-1].copy(),
}


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    if not _DATA or not (Path(_DATA) / "clothing").is_dir():
        pytest.skip("AUGMENT_DATASET_TEST_DATA is unset, or holds no clothing/")
    files = sorted((Path(_DATA) / "clothing").rglob("*.jpg"))[::30]
    return [decode(file.read_bytes()).image for file in files]


@pytest.mark.parametrize("name", PHOTO_COPIES)
def test_copies_of_photographs_are_found(photographs: list[np.ndarray], name: str) -> None:
    # One in a hundred may be missed: fine stripes look different in another size.
    assert share_found(photographs, [PHOTO_COPIES[name](image) for image in photographs]) > 0.99


def test_no_two_of_the_photographs_are_copies(photographs: list[np.ndarray]) -> None:
    assert len(near_pairs(*fingerprints(photographs))) == 0


def test_flat_images_are_in_no_pair() -> None:
    images = [np.full((20, 20, 1), level, np.uint8) for level in (0, 0, 100, 255)]
    assert len(near_pairs(*fingerprints(images))) == 0


def noise_images(count: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8))


def test_equal_images_are_paired_with_the_first_only() -> None:
    first, other = noise_images(2)
    assert near_pairs(*fingerprints([first, other, first, first])).tolist() == [[0, 2], [0, 3]]


def test_copies_are_paired_with_what_resembles_their_first() -> None:
    first = noise_images(1)[0]
    near = brighter(first, 0.97)
    pairs = near_pairs(*fingerprints([first, near, first, near])).tolist()
    assert pairs == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3]]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(count: int) -> None:
    assert near_pairs(*fingerprints(noise_images(count))).shape == (0, 2)


def test_thousands_of_equal_hashes_end_in_time() -> None:
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 256, (2500, 1024), dtype=np.uint8)
    hashes = np.full(2500, 12345, np.uint64)
    assert len(near_pairs(hashes, hashes, thumbnails)) == 0


def test_chain_is_cut() -> None:
    # 0-1-2-3: the ends do not match, so they are not in one group.
    assert groups(4, np.array([[0, 1], [1, 2], [2, 3]])).tolist() == [0, 0, 0, 3]


def test_group_is_named_by_its_lowest_member() -> None:
    assert groups(5, np.array([[1, 4], [3, 4]])).tolist() == [0, 1, 2, 1, 1]


def test_without_pairs_everyone_is_alone() -> None:
    assert groups(3, np.empty((0, 2), np.int64)).tolist() == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] < pair[1])))
def test_every_group_has_a_member_that_matches_all_others(pairs: set[tuple[int, int]]) -> None:
    group = groups(12, np.array(sorted(pairs), np.int64).reshape(-1, 2))
    for name in set(group.tolist()):
        members = np.flatnonzero(group == name).tolist()
        assert min(members) == name
        assert any(
            all(one == other or (min(one, other), max(one, other)) in pairs for other in members) for one in members
        )
