import re

import numpy as np
import pytest

from datasets.errors import BadInput
from datasets.image_codec import encode_image
from datasets.sources import open_source, source_settings
from tasks.impression import Impression, look


def test_grey_labelled_drawings(write_images, blob_image):
    folder = write_images({f"{label}/{number}.png": blob_image(0, number) for label in "ab" for number in range(3)})
    seen = look(open_source(source_settings(path=folder), folder))
    assert seen == Impression(
        images=6, labelled=True, typical_side_px=16, grey=True, photographs=False, characters=True
    )


def test_flat_photographs_in_colour_and_a_broken_one(write_images):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    folder = write_images({"1.jpg": encode_image(pixels, "jpeg"), "2.jpg": b"broken"})
    seen = look(open_source(source_settings(path=folder), folder))
    assert seen == Impression(images=2, labelled=False, typical_side_px=20, grey=False, photographs=True)


@pytest.mark.parametrize(("labels", "expected"), [("a7", True), (["7", "cat"], False)])
def test_characters_are_known_by_the_names_of_the_classes(write_images, blob_image, labels, expected):
    folder = write_images({f"{label}/1.png": blob_image(0, number) for number, label in enumerate(labels)})
    assert look(open_source(source_settings(path=folder), folder)).characters is expected


def test_one_image_in_colour_makes_the_set_coloured(write_images, blob_image):
    folder = write_images({"1.png": blob_image(0, 0), "2.png": np.zeros((16, 16, 3), np.uint8)})
    assert not look(open_source(source_settings(path=folder), folder)).grey


def test_a_folder_without_a_sound_image_is_refused(write_images, blob_image):
    folder = write_images({"1.png": encode_image(blob_image(0, 0), "png")[:60], "2.png": b""})
    sentence = "none of 2 files looked at in source can be decoded; give a folder of sound images"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        look(open_source(source_settings(path=folder), folder))
