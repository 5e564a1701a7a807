from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan.settings import TrainingSettings
from gan.training import TrainingResult, train
from gan.training_log import read_log
from gan.warm_start import gone_and_new, image_numbers

Images = tuple[np.ndarray, np.ndarray]
NAMES = ("flat", "rising", "falling")
OTHER_STATE = (
    "cold start: the last version was trained with another train.precision, penalty, path_length, beta2 or "
    "discriminator_augmentation"
)


@pytest.fixture(scope="module")
def settings(small_training: TrainingSettings) -> TrainingSettings:
    """20 steps."""
    record = small_training.model_dump() | {"budget_images": 320, "evaluate_every_images": 160}
    classifier = {"width": 4, "feature_size": 8, "budget_images": 320, "batch_size": 32}
    return TrainingSettings.model_validate(record | {"extractor": classifier})


@pytest.fixture(scope="module")
def earlier(
    stripes: Images, few_stripes: Images, settings: TrainingSettings, tmp_path_factory: pytest.TempPathFactory
) -> TrainingResult:
    return train(*stripes, NAMES, *few_stripes, settings, 0, tmp_path_factory.mktemp("earlier"))


def with_new(stripes: Images, count: int) -> Images:
    """The same images, and so many others."""
    images, labels = stripes
    return np.concatenate([images, 255 - images[:count]]), np.concatenate([labels, labels[:count]])


def test_a_few_new_images_begin_warm_with_the_end_of_the_budget(
    stripes: Images, few_stripes: Images, settings: TrainingSettings, earlier: TrainingResult, tmp_path: Path
) -> None:
    data = with_new(stripes, 6)
    result = train(*data, NAMES, *few_stripes, settings, 0, tmp_path, earlier=earlier.folder)
    assert (result.began_at_images, result.images_seen) == (224, 320)
    assert result.notes == (f"warm start: 4.8% of the training images are new since {earlier.folder.name}",)
    assert read_log(tmp_path)[0]["event"] == "warm_start"


@pytest.mark.parametrize(
    ("count", "update", "reason"),
    [
        (60, {}, "cold start: 33.3% of the training images are new, train.warm_start_changed_share is 10%"),
        (0, {"width": 3}, "cold start: the last version's networks or classes are others"),
        (0, {"penalty": {"every_steps": 2}}, OTHER_STATE),
        (0, {"discriminator_augmentation": {"policies": ["cutout"]}}, OTHER_STATE),
        (0, {"precision": "mixed_float16"}, OTHER_STATE),
        (0, {"beta2_start": 0.9}, OTHER_STATE),
    ],
    ids=["many new", "other networks", "other penalty", "other augmentation", "other precision", "other memory"],
)
def test_otherwise_the_start_is_cold_and_says_why(
    stripes: Images,
    few_stripes: Images,
    settings: TrainingSettings,
    earlier: TrainingResult,
    tmp_path: Path,
    count: int,
    update: dict[str, Any],
    reason: str,
) -> None:
    changed_settings = TrainingSettings.model_validate(settings.model_dump() | {"budget_images": 16} | update)
    data = with_new(stripes, count)
    result = train(*data, NAMES, *few_stripes, changed_settings, 0, tmp_path, earlier=earlier.folder)
    assert (result.began_at_images, result.notes) == (0, (reason,))


def test_always_does_not_ask_how_many_are_new(
    stripes: Images, few_stripes: Images, settings: TrainingSettings, earlier: TrainingResult, tmp_path: Path
) -> None:
    always = settings.model_copy(update={"warm_start": "always"})
    result = train(*with_new(stripes, 60), NAMES, *few_stripes, always, 0, tmp_path, earlier=earlier.folder)
    assert result.began_at_images == 224


@pytest.mark.parametrize("policy", ["auto", "always"])
def test_what_was_learned_from_an_image_that_is_gone_is_not_gone_on_with(
    stripes: Images,
    few_stripes: Images,
    settings: TrainingSettings,
    earlier: TrainingResult,
    tmp_path: Path,
    policy: str,
) -> None:
    images, labels = stripes
    short = settings.model_copy(update={"budget_images": 16, "warm_start": policy})
    result = train(images[1:], labels[1:], NAMES, *few_stripes, short, 0, tmp_path, earlier=earlier.folder)
    reason = "cold start: 1 of the images that were learned from are no training images now"
    assert (result.began_at_images, result.notes) == (0, (reason,))


def test_what_cannot_be_read_is_a_reason_for_a_cold_start(
    stripes: Images, few_stripes: Images, settings: TrainingSettings, tmp_path: Path
) -> None:
    short = settings.model_copy(update={"budget_images": 16})
    result = train(*stripes, NAMES, *few_stripes, short, 0, tmp_path / "run", earlier=tmp_path / "absent")
    assert result.notes[0].startswith("cold start: the last version's training cannot be read (")


def test_labels_and_pixels_count_but_not_the_order(stripes: Images) -> None:
    images, labels = stripes
    numbers = image_numbers(images, labels)
    assert gone_and_new(numbers, image_numbers(images[::-1], labels[::-1])) == (0, 0)
    assert min(gone_and_new(numbers, image_numbers(images, 1 - labels))) > len(images) / 2
