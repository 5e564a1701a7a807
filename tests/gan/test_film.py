from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan.film import Film, frame_of, gif_of, kept, shape_of_grid, smallest_stride
from gan.film_settings import FilmSettings


def frame(number: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (24, 24, channels), dtype=np.uint8)


def film_of(folder: Path, numbers: range, **changes: object) -> Film:
    film = Film(folder, FilmSettings(**changes), every_images=100)  # type: ignore[arg-type]
    for number in numbers:
        film.add(frame(number), 100 * number)
    return film


def frames_in(path: Path) -> int:
    with Image.open(path) as picture:
        return int(getattr(picture, "n_frames", 1))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "film").iterdir())


def test_a_bar_below_the_grid_says_how_far_training_is() -> None:
    images = np.zeros((4, 16, 16, 1), np.uint8)
    picture = frame_of(images, columns=2, done=0.5)
    bar = picture[-3, :, 0]
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert (bar == 255).sum() == pytest.approx(len(bar) / 2, abs=2)


@pytest.mark.parametrize(("classes", "side_px"), [(10, 16), (1000, 32), (0, 128)])
def test_frames_have_a_bounded_size(classes: int, side_px: int) -> None:
    rows, columns = shape_of_grid(classes, side_px)
    assert max(rows, columns) * (side_px + 2) <= 640


@given(st.integers(0, 5000), st.integers(2, 50))
def test_frames_are_thinned_evenly_to_what_is_allowed(last: int, most: int) -> None:
    numbers = list(range(last + 1))
    stride = smallest_stride(numbers, most)
    left = kept(numbers, stride)
    assert len(left) <= most
    assert left[-1] == last
    assert set(np.diff(left[:-1])) <= {stride}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_shows_every_frame_as_it_is_in_gray(channels: int, tmp_path: Path) -> None:
    frames = [frame(number, channels) for number in range(3)]
    (tmp_path / "film.gif").write_bytes(gif_of(frames, 0.2))
    with Image.open(tmp_path / "film.gif") as picture:
        assert (getattr(picture, "n_frames", 1), picture.info["duration"]) == (3, 200)
        picture.seek(1)
        shown = np.asarray(picture.convert("RGB"), dtype=int)
    expected = np.broadcast_to(frames[1], (24, 24, 3)).astype(int)
    assert np.abs(shown - expected).mean() < (1 if channels == 1 else 25)


def test_a_film_never_has_more_frames_than_allowed(tmp_path: Path) -> None:
    film = film_of(tmp_path, range(1, 40), most_frames=8)
    path = film.write()
    assert path is not None
    assert frames_in(path) == len(names(tmp_path)) - 1 <= 8


def test_a_film_that_is_too_large_is_thinned_until_it_fits(tmp_path: Path) -> None:
    whole = film_of(tmp_path / "whole", range(1, 17)).write()
    assert whole is not None
    half = whole.stat().st_size / 2
    path = film_of(tmp_path / "half", range(1, 17), most_mib=half / 2**20).write()
    assert path is not None
    assert path.stat().st_size <= half
    assert 2 <= frames_in(path) <= 8


def test_a_resumed_film_is_that_of_a_run_that_was_not_interrupted(tmp_path: Path) -> None:
    whole = film_of(tmp_path / "whole", range(1, 30), most_frames=6).write()
    film_of(tmp_path / "resumed", range(1, 23), most_frames=6)
    film = Film(tmp_path / "resumed", FilmSettings(most_frames=6), every_images=100)
    film.cut(1000)
    for number in range(11, 30):
        film.add(frame(number), 100 * number)
    resumed = film.write()
    assert whole is not None
    assert resumed is not None
    assert resumed.read_bytes() == whole.read_bytes()
    assert names(tmp_path / "resumed") == names(tmp_path / "whole")


def test_an_mp4_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    path = film_of(tmp_path, range(1, 5), format="mp4").write()
    assert path is not None
    assert path.name == "training.mp4"
    assert path.read_bytes()[4:8] == b"ftyp"


def test_without_frames_there_is_no_film(tmp_path: Path) -> None:
    assert Film(tmp_path, FilmSettings(), every_images=100).write() is None
