"""Views and edited copies, on made-up pictures with detail everywhere."""

import cv2
import numpy as np
import pytest

from tasks.imaging.duplicates import DuplicateSettings, near_copies
from tasks.imaging.measures import measure
from tasks.imaging.near_duplicates import edits


def picture(seed, side_px=256):
    """Waves of all lengths, the slow ones strongest, as in photographs; uint8 [side, side, 1]."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(40, 40)) / (1 + np.add.outer(np.arange(40), np.arange(40))) ** 1.2
    padded = np.zeros((side_px, side_px))
    padded[:40, :40] = waves
    grey = cv2.idct(padded)
    grey = 128 + 50 * (grey - grey.mean()) / grey.std()
    return grey.clip(0, 255).astype(np.uint8)[..., np.newaxis]


def turned(image, degrees):
    turn = cv2.getRotationMatrix2D((127.5, 127.5), degrees, 1)
    return cv2.warpAffine(image, turn, (256, 256))[..., np.newaxis]


def marked(image):
    return cv2.putText(image.copy(), "SAMPLE", (60, 140), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 1)


EDITS = {
    "3 % cut": lambda image: image[4:252, 2:250],
    "10 % cut off centre": lambda image: image[6:236, 19:249],
    "10 % cut all round": lambda image: image[13:243, 13:243],
    "cut and mirrored": lambda image: image[4:252, 250:2:-1],
    "turned": lambda image: turned(image, 2),
    "marked": marked,
}


def copies_among(images, **settings):
    measures = [measure(np.ascontiguousarray(image)) for image in images]
    codes = [np.array([one[name] for one in measures], np.uint64) for name in ("phash", "phash_mirror")]
    thumbnails = np.stack([np.frombuffer(one["thumbnail"], np.uint8) for one in measures])
    sides = np.array([min(image.shape[:2]) for image in images])
    return near_copies(np.arange(len(images)), *codes, thumbnails, sides, DuplicateSettings(**settings))


@pytest.mark.parametrize("name", EDITS)
def test_edited_copies_are_found(name):
    originals = [picture(seed) for seed in range(12)]
    pairs = copies_among([*originals, *(EDITS[name](image) for image in originals)]).pairs.tolist()
    assert [pair for pair in pairs if pair[1] - pair[0] != 12] == []
    assert len(pairs) >= 11


def test_different_pictures_are_no_copies():
    assert len(copies_among([picture(seed) for seed in range(150)], radius_bits=15).pairs) == 0


def test_edited_copies_are_not_looked_for_where_told_so():
    images = [picture(1), EDITS["10 % cut all round"](picture(1))]
    assert len(copies_among(images, find_edited=False).pairs) == 0


def test_edited_copies_of_small_images_are_not_looked_for():
    images = [picture(1), EDITS["10 % cut all round"](picture(1))]
    assert copies_among(images, min_edited_side_px=240).numbers["searched_for_edits"] == 1
    assert len(copies_among(images, min_edited_side_px=240).pairs) == 0


def test_view_hashes_are_those_that_measure_makes_of_the_picture_itself():
    measures = [measure(picture(seed)) for seed in range(40)]
    thumbnails = np.stack([np.frombuffer(one["thumbnail"], np.uint8) for one in measures])
    hashes = edits.view_hashes(thumbnails, np.arange(40))
    expected = np.array([one["phash"] for one in measures], np.uint64)
    assert np.bitwise_count(hashes[0] ^ expected).max() <= 1  # a wave may be as weak as rounding


@pytest.mark.parametrize(
    ("warp", "fits"),
    [
        ([[0.9, 0, 1.5], [0, 0.9, 0.2]], True),
        ([[1, -0.035, 0.5], [0.035, 1, -0.5]], True),
        ([[0.8, 0, 3], [0, 0.8, 3]], False),
        ([[1, 0, 4], [0, 1, 0]], False),
        ([[0.9, 0, 1.5], [0, 1.0, 0]], False),
        ([[1, 0.08, -1], [0.08, 1, -1]], False),
    ],
    ids=["cut", "turn", "zoomed too far", "shifted", "squeezed", "sheared"],
)
def test_only_cuts_and_turns_explain_an_alignment(warp, fits):
    assert edits._is_cut_or_turn(np.array(warp, np.float32)) is fits
