"""What people look at while training runs: grids, interpolations, the film, TensorBoard. Changes no number of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan.film import Film, frame_of, shape_of_grid
from gan.sample_grid import between, shown, write_picture
from gan.sampling import Generator
from gan.seeds import derived_seed
from gan.settings import TrainingSettings

if TYPE_CHECKING:
    from gan.tensorboard_log import TensorBoardLog

SAMPLES_FOLDER = "samples"
INTERPOLATION_FOLDER = "interpolation"
_COLUMNS = 10
_ROWS_MOST = 20


class Watch:
    """Of one run in one folder. The generator given shows the averaged weights of the moment."""

    def __init__(self, generator: Generator, settings: TrainingSettings, seed: int, folder: Path) -> None:
        self._generator, self._settings, self._folder = generator, settings, folder
        self._grid_seed = derived_seed(seed, "grid")
        self._board: TensorBoardLog | None = None
        if settings.tensorboard:
            from gan import tensorboard_log  # which imports TensorFlow

            self._board = tensorboard_log.TensorBoardLog(folder)
        asked = settings.film.every_images or settings.evaluate_every_images
        self._film_every_images = max(1, asked // settings.batch_size) * settings.batch_size
        self._film = Film(folder, settings.film, self._film_every_images) if settings.film.format != "none" else None

    def cut(self, images_seen: int) -> None:
        """Training goes on from here: forget what was shown of later."""
        if self._board:
            self._board.cut(images_seen)
        if self._film:
            self._film.cut(images_seen)

    def numbers(self, group: str, images_seen: int, content: Mapping[str, Any]) -> None:
        """Numbers for TensorBoard: `losses`, `evaluation`, ... What is no number is left out."""
        if self._board:
            known = {name: value for name, value in content.items() if isinstance(value, int | float)}
            self._board.numbers(group, images_seen, known)

    def after_step(self, images_seen: int) -> None:
        """Film a frame where one is due."""
        if self._film and self._settings.film.every_images and images_seen % self._film_every_images == 0:
            self._film.add(self._frame(images_seen), images_seen)

    def evaluated(self, images_seen: int) -> None:
        """Write the grid, the interpolation and the film so far."""
        grid, interpolation = self._grid(), self._interpolation()
        write_picture(grid, self._folder / SAMPLES_FOLDER / f"{images_seen:09}.png")
        write_picture(interpolation, self._folder / INTERPOLATION_FOLDER / f"{images_seen:09}.png")
        if self._board:
            self._board.picture("samples", images_seen, grid)
            self._board.picture("interpolation", images_seen, interpolation)
            self._board.flush()
        if self._film:
            self._film.add(self._frame(images_seen), images_seen)
            self._film.write()

    def close(self) -> None:
        """Training has ended."""
        if self._board:
            self._board.close()

    def _grid(self) -> np.ndarray:
        classes = self._generator.spec.classes
        rows = min(classes or _COLUMNS, _ROWS_MOST)
        return shown(self._sample(rows, _COLUMNS), _COLUMNS)

    def _interpolation(self) -> np.ndarray:
        """A row per class; in every row the same way from one latent to another. Without classes, ten ways."""
        classes = self._generator.spec.classes
        rows = min(classes or _COLUMNS, _ROWS_MOST)
        ways = [self._way(0 if classes else row) for row in range(rows)]
        images = self._generator.render(np.concatenate(ways), self._labels(rows, _COLUMNS))
        return shown(images, _COLUMNS)

    def _way(self, number: int) -> np.ndarray:
        seed = derived_seed(self._grid_seed, "interpolation")
        ends = self._generator.latent(seed, 2 * number), self._generator.latent(seed, 2 * number + 1)
        return between(*ends, _COLUMNS)

    def _frame(self, images_seen: int) -> np.ndarray:
        rows, columns = shape_of_grid(self._generator.spec.classes, self._generator.spec.resolution_px)
        return frame_of(self._sample(rows, columns), columns, images_seen / self._settings.budget_images)

    def _sample(self, rows: int, columns: int) -> np.ndarray:
        wanted = self._labels(rows, columns) if self._generator.spec.classes else rows * columns
        return self._generator.sample(wanted, self._grid_seed)

    @staticmethod
    def _labels(rows: int, columns: int) -> np.ndarray:
        return np.repeat(np.arange(rows, dtype=np.int32), columns)
