from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.sample_grid import between, grid_of, read_picture, shown, write_picture


def test_images_stand_row_by_row_with_gaps() -> None:
    images = np.arange(1, 5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 3, 1), np.uint8)
    grid = grid_of(images, columns=3)
    assert grid.shape == (12, 17, 1)
    assert [grid[3, column, 0] for column in (3, 8, 13)] == [1, 2, 3]
    assert (grid[8, 3, 0], grid[8, 8, 0], grid[0, 0, 0]) == (4, 128, 128)


def test_a_colour_grid_is_written_in_rgb_and_enlarged(tmp_path: Path) -> None:
    red = np.zeros((1, 16, 16, 3), np.uint8)
    red[..., 0] = 255
    write_picture(shown(red, 1), tmp_path / "new" / "grid.png")
    with Image.open(tmp_path / "new" / "grid.png") as picture:
        assert picture.size == (52, 52)
        assert picture.getpixel((25, 25)) == (255, 0, 0)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_read_as_it_was_written(tmp_path: Path, channels: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    write_picture(picture, tmp_path / "picture.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "picture.png"), picture)


def test_the_way_between_latents_keeps_to_the_sphere_in_even_steps() -> None:
    start, end = np.float32([2, 0, 0]), np.float32([0, 0, 2])
    way = between(start, end, 5)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 2, rtol=1e-6)
    np.testing.assert_allclose(way[[0, -1]], [start, end], atol=1e-6)
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-5)


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_latents_on_one_line_are_joined_by_it(factor: float) -> None:
    start = np.float32([1, 2])
    np.testing.assert_allclose(between(start, factor * start, 3)[1], (1 + factor) / 2 * start, atol=1e-6)
