"""The ends of what can be trained on: each trains, or is refused with a sentence that says why."""

import re
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.sampling import load_generator
from gan.settings import TrainingSettings, few_per_class
from gan.training import train


@pytest.fixture
def tiny(small_training: TrainingSettings) -> TrainingSettings:
    """Two steps of 16 images."""
    record = small_training.model_dump() | {"budget_images": 32, "evaluate_every_images": 32}
    classifier = {"width": 4, "feature_size": 8, "budget_images": 64, "batch_size": 16}
    return TrainingSettings.model_validate(record | {"extractor": classifier})


def noise(count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(count).integers(0, 256, (count, 16, 16, 1)).astype(np.uint8)
    return images, np.arange(count, dtype=np.int32) % classes


@pytest.mark.parametrize(
    ("count", "classes", "told_of"),
    [(4, 1, 0), (20, 2, 2), (20, 1, 0), (1000, 100, 100), (500, 100, 0)],
    ids=["4 images", "20 images", "1 class", "100 classes of 10", "100 classes of 5"],
)
def test_little_data_trains(count: int, classes: int, told_of: int, tiny: TrainingSettings, tmp_path: Path) -> None:
    names = tuple(map(str, range(classes)))
    result = train(*noise(count, classes), names, *noise(8, classes), tiny, 0, tmp_path)
    assert np.isfinite(result.best.frechet_distance)
    assert load_generator(tmp_path).spec.classes == told_of


def test_classes_that_were_left_out_are_told_of(tiny: TrainingSettings, tmp_path: Path) -> None:
    names = tuple(map(str, range(10)))
    result = train(*noise(50, 10), names, *noise(10, 10), tiny, 0, tmp_path)
    assert result.notes == (
        "50 training images of 10 classes are 5.0 per class, at least 8 on average are needed to learn by class: "
        "learned without classes",
    )


def test_classes_that_must_be_learned_need_enough_images(tiny: TrainingSettings, tmp_path: Path) -> None:
    sentence = (
        "50 training images of 10 classes are 5.0 per class, at least 8 on average are needed to learn by class; "
        "add images, or set train.conditional to no"
    )
    settings = tiny.model_copy(update={"conditional": "yes"})
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        train(*noise(50, 10), tuple(map(str, range(10))), *noise(10, 10), settings, 0, tmp_path)


def test_one_image_is_refused(tiny: TrainingSettings, tmp_path: Path) -> None:
    sentence = "1 training images; at least 2 are needed; add images"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        train(*noise(1, 1), ("only",), *noise(8, 1), tiny, 0, tmp_path)


def test_images_that_are_not_square_are_refused(tiny: TrainingSettings, tmp_path: Path) -> None:
    sentence = "images have shape (4, 16, 32, 1); a generator needs [N, side, side, 1 or 3]"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}"):
        train(np.zeros((4, 16, 32, 1), np.uint8), None, None, noise(8, 1)[0], None, tiny, 0, tmp_path)


def test_classes_without_images_do_not_count() -> None:
    assert few_per_class([8, 0, 0, 8]) is None
