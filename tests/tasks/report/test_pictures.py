import base64

import numpy as np
import pytest

from datasets.image_codec import decode_image, encode_image
from datasets.pixel_packs import PackWriter
from tasks.report.pictures import Album, data_uri, shrunk, side_by_side


def grey(height_px, width_px, level=7):
    return np.full((height_px, width_px, 1), level, dtype=np.uint8)


@pytest.fixture
def packed(tmp_path):
    with PackWriter(tmp_path / "a.pack") as pack:
        offset, length = pack.append(encode_image(grey(8, 8), "png"))
    return tmp_path, {"pack": "a.pack", "offset": offset, "length": length}


def test_a_data_uri_holds_the_image_itself():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    payload = base64.b64decode(data_uri(image).removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(decode_image(payload), image)


def test_the_image_of_a_row_comes_from_its_pack(packed):
    shared, row = packed
    with Album(shared) as album:
        np.testing.assert_array_equal(album.image(row), grey(8, 8))


@pytest.mark.parametrize(
    "change",
    [{"pack": None}, {"pack": "gone.pack"}, {"offset": 13}],
    ids=["row without a picture", "pack is gone", "pack is damaged"],
)
def test_a_row_whose_image_cannot_be_read_gets_a_placeholder(packed, change):
    shared, row = packed
    with Album(shared) as album:
        shown = album.cell(row | change, "cut.png")
    assert (shown.uri, shown.alt) == (None, "cut.png")


def test_pictures_over_the_budget_are_left_out_and_counted():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    album = Album(None, budget_bytes=len(data_uri(image)) + 10)
    shown = [album.picture(image, "x").uri is not None for _ in range(3)]
    assert (shown, album.left_out) == ([True, False, False], 2)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((256, 128, 3), (64, 32, 3)), ((32, 16, 1), (32, 16, 1)), ((1, 5000, 1), (1, 64, 1))],
    ids=["larger", "small enough", "a line"],
)
def test_the_longer_side_is_shrunk_to_the_limit(shape, expected):
    assert shrunk(np.zeros(shape, dtype=np.uint8), 64).shape == expected


def test_small_pictures_are_shown_enlarged_by_a_whole_factor():
    shown = Album(None).picture(grey(28, 30), "x")
    assert (shown.width_px, shown.height_px) == (90, 84)


def test_images_side_by_side_have_gaps_between_them():
    assert side_by_side([grey(4, 4)] * 3).shape == (4, 16, 1)


def test_there_is_no_strip_of_no_images():
    assert Album(None).strip([], "nothing") is None


@pytest.mark.parametrize(
    ("shape", "shown_px"),
    [((16, 16, 1), (64, 64)), ((40, 1, 1), (120, 3)), ((64, 8, 1), (128, 16))],
    ids=["small", "a line", "narrow"],
)
def test_small_pictures_are_shown_enlarged_within_their_cell(shape, shown_px):
    picture = Album(None).picture(np.zeros(shape, dtype=np.uint8), "x")
    assert (picture.height_px, picture.width_px) == shown_px
