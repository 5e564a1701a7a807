"""A film of training: one grid of the same latents per frame, as an animated GIF or an MP4.

Frames are kept as PNG files by number, so that a resumed run goes on with the film of the run before it. Which frames
stay follows from their numbers alone: the film of a run that was killed is that of one that was not.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from datasets.atomic_file import atomic_file
from gan.film_settings import FilmSettings
from gan.sample_grid import enlarged, grid_of, read_picture, write_picture

FILM_FOLDER = "film"
_MOST_SIDE_PX = 640
_MOST_COLUMNS = 10
_BAR_PX = 6
_LAST_FRAME_S = 1.5


def shape_of_grid(classes: int, side_px: int) -> tuple[int, int]:
    """(rows, columns) of a frame of at most 640 px: a row per class, as far as there is room."""
    room = max(1, _MOST_SIDE_PX // (side_px + 2))
    columns = min(_MOST_COLUMNS, room)
    return min(classes or columns, room), columns


def frame_of(images: np.ndarray, columns: int, done: float) -> np.ndarray:
    """uint8 [N, H, W, C] -> uint8 [h, w, C]: a grid above a bar that is filled up to `done` in [0, 1]."""
    rows = -(-len(images) // columns)
    across = max(rows, columns) * (images.shape[1] + 2) + 2
    grid = grid_of(enlarged(images, _MOST_SIDE_PX // across), columns)
    bar = np.full((_BAR_PX, *grid.shape[1:]), 128, dtype=np.uint8)
    bar[1:-1, : round(min(max(done, 0.0), 1.0) * grid.shape[1])] = 255
    frame = np.concatenate([grid, bar])
    # Video codecs want even sides.
    return np.pad(frame, ((0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)), mode="edge")


def kept(numbers: Sequence[int], stride: int) -> list[int]:
    """Those of some ascending frame numbers that are multiples of `stride`, and the last."""
    return [number for number in numbers if number % stride == 0 or number == numbers[-1]]


def smallest_stride(numbers: Sequence[int], most: int) -> int:
    """The smallest power of two that leaves at most `most` of the frames 0, 1, ... up to the last number."""
    stride = 1
    while numbers and numbers[-1] // stride + 2 > most and stride <= numbers[-1]:
        stride *= 2
    return stride


def gif_of(frames: Sequence[np.ndarray], seconds_per_frame: float) -> bytes:
    """An endless GIF of uint8 [h, w, C] frames of one size; the last one stays longer."""
    pictures = [Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in frames]
    times_ms = [round(1000 * seconds_per_frame)] * (len(frames) - 1) + [round(1000 * _LAST_FRAME_S)]
    payload = io.BytesIO()
    rest = {"save_all": True, "append_images": pictures[1:], "duration": times_ms, "loop": 0}
    pictures[0].save(payload, format="GIF", **rest)
    return payload.getvalue()


def write_mp4(frames: Sequence[np.ndarray], seconds_per_frame: float, path: Path) -> None:
    """MPEG-4 part 2, which media players show and most browsers do not. Frames have even sides."""
    height_px, width_px = frames[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), codec, 1.0 / seconds_per_frame, (width_px, height_px))
    if not writer.isOpened():
        raise RuntimeError(f"{path}: OpenCV cannot write MP4 here; set train.film.format to gif")
    for frame in frames:
        writer.write(np.ascontiguousarray(np.broadcast_to(frame, (*frame.shape[:2], 3))[..., ::-1]))
    writer.release()


class Film:
    """The film of one run, in `film/` of its folder. Frames are numbered from 0; `every_images` lies between them."""

    def __init__(self, folder: Path, settings: FilmSettings, every_images: int) -> None:
        self._folder = folder / FILM_FOLDER
        self._settings = settings
        self._every_images = every_images

    def cut(self, images_seen: int) -> None:
        """Forget the frames of after a number of images: the resumed run makes them again."""
        for number in self._numbers():
            if number * self._every_images > images_seen:
                self._path(number).unlink()

    def add(self, frame: np.ndarray, images_seen: int) -> None:
        """Keep a frame uint8 [h, w, C], and thin those that there are."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_picture(frame, self._path(-(-images_seen // self._every_images)))
        numbers = self._numbers()
        for number in set(numbers) - set(kept(numbers, smallest_stride(numbers, self._settings.most_frames))):
            self._path(number).unlink()

    def write(self) -> Path | None:
        """Write `training.gif` or `training.mp4`; the frames stay. Nothing without frames."""
        numbers = self._numbers()
        if not numbers:
            return None
        path = self._folder / f"training.{self._settings.format}"
        stride = smallest_stride(numbers, self._settings.most_frames)
        while not self._written(kept(numbers, stride), path) and len(kept(numbers, stride)) > 1:
            stride *= 2
        return path

    def _written(self, numbers: Sequence[int], path: Path) -> bool:
        """Whether the film of these frames fits; it is written in any case."""
        frames = [read_picture(self._path(number)) for number in numbers]
        if self._settings.format == "mp4":
            temporary = path.with_name(f".{path.name}.tmp.mp4")
            write_mp4(frames, self._settings.seconds_per_frame, temporary)
            temporary.replace(path)
        else:
            with atomic_file(path) as file:
                file.write(gif_of(frames, self._settings.seconds_per_frame))
        return path.stat().st_size <= self._settings.most_mib * 2**20

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem.removeprefix("frame-")) for path in self._folder.glob("frame-*.png"))

    def _path(self, number: int) -> Path:
        return self._folder / f"frame-{number:06}.png"
