"""Images of a set that repeat each other."""

import numpy as np
import pytest

from datasets.errors import BadInput
from datasets.gate_file import Outcome
from datasets.readers import LoadedSplit
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.limits import apply_limit
from tasks.synthetic_gate.repeats import nearest_other, repeat_metrics, repeated
from tasks.synthetic_gate.settings import SyntheticGateSettings


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)


def found(synthetic, train=None):
    train = noise(400) if train is None else train
    parts = (
        LoadedSplit(images, None, list(map(str, range(len(images)))), None)
        for images in (train, train, train, synthetic)
    )
    settings = SyntheticGateSettings()
    return {one.name: apply_limit(one, settings.limit_of(one.name), 30) for one in repeat_metrics(Evidence(*parts))}


def test_an_image_that_is_there_twice_is_at_no_distance_from_another():
    images = noise(5)
    images[3] = images[1]
    assert repeated(images).tolist() == [False, True, False, True, False]
    assert (nearest_other(images) == 0).tolist() == [False, True, False, True, False]


def test_new_images_are_no_repeats():
    metrics = found(noise(300, seed=1))
    assert {metric.outcome for metric in metrics.values()} == {Outcome.PASSED}
    assert (metrics["exact_repeats"].value, metrics["exact_repeats"].n) == (0, 200)


def test_few_images_over_and_over_are_refused():
    metrics = found(np.tile(noise(50, seed=1), (6, 1, 1, 1)))
    assert metrics["exact_repeats"].outcome is Outcome.REFUSED
    assert metrics["exact_repeats"].value > 0.9


def test_few_images_with_a_little_noise_warn():
    few = np.tile(noise(50, seed=1), (6, 1, 1, 1)).astype(np.int16)
    varied = (few + np.random.default_rng(2).integers(-3, 4, few.shape)).clip(0, 255).astype(np.uint8)
    metrics = found(varied)
    assert (metrics["exact_repeats"].outcome, metrics["near_repeats"].outcome) == (Outcome.PASSED, Outcome.WARNED)


def test_real_images_that_repeat_each_other_raise_the_floor():
    repeating = np.repeat(noise(100), 4, axis=0)
    assert found(np.repeat(noise(100, seed=1), 4, axis=0), repeating)["exact_repeats"].outcome is Outcome.PASSED


def test_one_image_has_no_other():
    with pytest.raises(BadInput, match=r"^2 neighbours were asked of 1 vectors; ask for 1 to 1$"):
        found(noise(1))
