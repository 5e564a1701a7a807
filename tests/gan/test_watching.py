from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan.film_settings import FilmSettings
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sampling import Generator
from gan.settings import TrainingSettings
from gan.watching import Watch
from tests.gan.tensorboard_points import read_points


def generator(classes: int = 3) -> Generator:
    spec = ModelSpec(resolution_px=16, channels=1, classes=classes, latent_size=6, width=4, max_width=16)
    return Generator(FAMILIES["conv"].build_generator(spec, 1), spec, ("a", "b", "c") if classes else None)


def watch(folder: Path, classes: int = 3, **changes: object) -> Watch:
    settings = TrainingSettings(batch_size=10, budget_images=400, evaluate_every_images=200).model_copy(update=changes)
    return Watch(generator(classes), settings, 0, folder)


@pytest.mark.parametrize(("classes", "rows"), [(3, 3), (0, 10)])
def test_an_interpolation_has_a_row_per_class(tmp_path: Path, classes: int, rows: int) -> None:
    watch(tmp_path, classes).evaluated(200)
    with Image.open(tmp_path / "interpolation" / "000000200.png") as picture:
        assert picture.size == (10 * 50 + 2, rows * 50 + 2)


def test_the_same_weights_give_the_same_pictures_at_any_time(tmp_path: Path) -> None:
    watching = watch(tmp_path)
    watching.evaluated(200)
    watching.evaluated(400)
    for folder in ("samples", "interpolation"):
        first, second = sorted((tmp_path / folder).iterdir())
        assert first.read_bytes() == second.read_bytes()


def test_tensorboard_gets_numbers_and_pictures_and_a_resume_contradicts_none(tmp_path: Path) -> None:
    for _ in range(2):
        watching = watch(tmp_path, tensorboard=True)
        watching.cut(0)
        watching.numbers("losses", 200, {"generator_loss": 0.5, "extractor": "a name"})
        watching.evaluated(200)
        watching.close()
    assert read_points(tmp_path) == [
        ("losses/generator_loss", 200, 0.5),
        ("samples", 200, None),
        ("interpolation", 200, None),
    ]


def test_nothing_is_written_for_tensorboard_unless_it_is_asked_for(tmp_path: Path) -> None:
    watching = watch(tmp_path, film=FilmSettings(format="none"))
    watching.numbers("losses", 200, {"generator_loss": 0.5})
    watching.evaluated(200)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["interpolation", "samples"]


def test_frames_between_evaluations(tmp_path: Path) -> None:
    watching = watch(tmp_path, film=FilmSettings(every_images=55))
    for images_seen in range(10, 401, 10):
        watching.after_step(images_seen)
    frames = sorted(path.name for path in (tmp_path / "film").glob("*.png"))
    assert frames == [f"frame-{number:06}.png" for number in range(1, 9)]


def test_watching_draws_no_numbers_that_training_uses(tmp_path: Path) -> None:
    np.random.seed(7)
    before = np.random.get_state()[1].copy()
    watch(tmp_path).evaluated(200)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
