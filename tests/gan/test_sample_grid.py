from pathlib import Path

import numpy as np
from PIL import Image

from gan.sample_grid import grid_of, write_grid


def test_images_stand_row_by_row_with_gaps() -> None:
    images = np.arange(1, 5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 3, 1), np.uint8)
    grid = grid_of(images, columns=3)
    assert grid.shape == (12, 17, 1)
    assert [grid[3, column, 0] for column in (3, 8, 13)] == [1, 2, 3]
    assert (grid[8, 3, 0], grid[8, 8, 0], grid[0, 0, 0]) == (4, 128, 128)


def test_a_colour_grid_is_written_in_rgb_and_enlarged(tmp_path: Path) -> None:
    red = np.zeros((1, 16, 16, 3), np.uint8)
    red[..., 0] = 255
    write_grid(red, 1, tmp_path / "new" / "grid.png")
    with Image.open(tmp_path / "new" / "grid.png") as picture:
        assert picture.size == (52, 52)
        assert picture.getpixel((25, 25)) == (255, 0, 0)
