from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.discriminator import Discriminator, load_discriminator, save_discriminator
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.rejection import CALIBRATION_IMAGES, Judge, LowScore, sample_accepted
from gan.sampling import Generator

SPEC = ModelSpec(resolution_px=16, channels=1, classes=3, latent_size=6, width=4, max_width=16)
LABELS = np.repeat(np.arange(3), 50)


class Darker:
    """Rejects images whose mean is above a limit of their class."""

    name = "too_bright"
    sha256 = "0" * 64

    def __init__(self, *limits: float) -> None:
        self.limits = np.array(limits)

    def rejects(self, numbers: np.ndarray, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return images.mean(axis=(1, 2, 3)) > self.limits[labels]


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator(FAMILIES["conv"].build_generator(SPEC, 1), SPEC, ("a", "b", "c"))


@pytest.fixture(scope="module")
def limits(generator: Generator) -> np.ndarray:
    """The median brightness of each class."""
    return np.median(generator.sample(LABELS, seed=9).mean(axis=(1, 2, 3)).reshape(3, 50), axis=1)


@pytest.fixture(scope="module")
def discriminator() -> Discriminator:
    return Discriminator(FAMILIES["conv"].build_partner(SPEC, 2), SPEC)


def test_without_judges_samples_are_those_of_the_generator(generator: Generator) -> None:
    made = sample_accepted(generator, LABELS, 5, [], max_attempts=1)
    np.testing.assert_array_equal(made.images, generator.sample(LABELS, seed=5))


def test_no_rejected_image_is_left_and_others_are_as_they_were(generator: Generator, limits: np.ndarray) -> None:
    judge = Darker(*limits)
    made = sample_accepted(generator, LABELS, 5, [judge], max_attempts=50)
    first = generator.sample(LABELS, seed=5)
    down = judge.rejects(np.arange(150), first, LABELS)
    assert 20 < down.sum() < 130
    assert not judge.rejects(np.arange(150), made.images, LABELS).any()
    np.testing.assert_array_equal(made.images[~down], first[~down])
    assert made.given_up.tolist() == [0, 0, 0]


def test_rejections_are_counted_by_class_and_by_the_first_judge(generator: Generator, limits: np.ndarray) -> None:
    class All(Darker):
        name = "all"

        def rejects(self, numbers: np.ndarray, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
            return labels == 1

    judges: Sequence[Judge] = [All(), Darker(*limits)]
    made = sample_accepted(generator, LABELS, 5, judges, max_attempts=3)
    assert made.rejected["all"].tolist() == [0, 3 * 50, 0]
    assert made.given_up[1] == 50
    assert made.rejected["too_bright"][1] == 0
    assert made.rejected["too_bright"][0] >= 10


@pytest.mark.parametrize("cut", [1, 37, 100])
def test_parts_made_apart_are_the_same(generator: Generator, limits: np.ndarray, cut: int) -> None:
    judge = Darker(*limits)
    whole = sample_accepted(generator, LABELS, 5, [judge], max_attempts=4)
    parts = [
        sample_accepted(generator, LABELS[:cut], 5, [judge], max_attempts=4),
        sample_accepted(generator, LABELS[cut:], 5, [judge], max_attempts=4, first=cut),
    ]
    np.testing.assert_array_equal(np.concatenate([part.images for part in parts]), whole.images)
    counts = np.sum([part.rejected["too_bright"] for part in parts], axis=0)
    assert counts.tolist() == whole.rejected["too_bright"].tolist()


@pytest.mark.parametrize("share", [0.25, 0.8])
def test_the_discriminator_keeps_about_the_share_of_every_class(
    generator: Generator, discriminator: Discriminator, share: float
) -> None:
    judge = LowScore(discriminator, generator, share, seed=0)
    labels = np.repeat(np.arange(3, dtype=np.int32), CALIBRATION_IMAGES)
    images = generator.sample(labels, seed=11)
    kept = ~judge.rejects(np.arange(len(labels)), images, labels)
    np.testing.assert_allclose(kept.reshape(3, -1).mean(axis=1), share, atol=0.15)


def test_a_score_depends_on_the_image_and_not_on_its_neighbours(discriminator: Discriminator) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 1), dtype=np.uint8)
    numbers, labels = np.arange(40), np.zeros(40, np.int32)
    whole = discriminator.scores(numbers, images, labels)
    np.testing.assert_array_equal(discriminator.scores(numbers[7:9], images[7:9], labels[7:9]), whole[7:9])


def test_a_saved_discriminator_scores_the_same(discriminator: Discriminator, tmp_path: Path) -> None:
    network = FAMILIES["conv"].build_partner(SPEC, 2)
    save_discriminator(network.get_weights(), SPEC, tmp_path)
    loaded = load_discriminator(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1), dtype=np.uint8)
    arguments = np.arange(5), images, np.zeros(5, np.int32)
    assert loaded.weights_sha256 == discriminator.weights_sha256
    np.testing.assert_array_equal(loaded.scores(*arguments), discriminator.scores(*arguments))


def test_where_there_is_no_discriminator_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"set generate\.rejection\.keep_share to 1, or train a family that has a"):
        load_discriminator(tmp_path)
