"""Small images with classes that a network can tell apart."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gan.settings import ClassifierSettings, TrainingSettings


def striped(count: int, classes: int = 3, seed: int = 0, channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Noisy stripes uint8 [count, 16, 16, channels] whose direction is the label int32 [count]."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % classes
    y, x = np.mgrid[0:16, 0:16]
    angles = (np.pi * labels / classes)[:, None, None]
    phases = rng.uniform(0, 6, size=(count, 1, 1))
    waves = np.sin(0.9 * (np.cos(angles) * x + np.sin(angles) * y) + phases)
    images = 127 + 90 * waves + 10 * rng.normal(size=(count, 16, 16))
    return np.repeat(np.clip(images, 0, 255).astype(np.uint8)[..., None], channels, axis=3), labels


@pytest.fixture(scope="session")
def stripes() -> tuple[np.ndarray, np.ndarray]:
    """120 images of 3 classes."""
    return striped(120)


@pytest.fixture(scope="session")
def few_stripes() -> tuple[np.ndarray, np.ndarray]:
    """36 other images of the same classes."""
    return striped(36, seed=1)


@pytest.fixture(scope="session")
def small_classifier() -> ClassifierSettings:
    return ClassifierSettings(width=4, feature_size=8, budget_images=1920, batch_size=32)


@pytest.fixture(scope="session")
def small_training(small_classifier: ClassifierSettings) -> TrainingSettings:
    """100 steps of 16 images, with two evaluations and three checkpoints."""
    return TrainingSettings(
        preset="small",
        width=2,
        latent_size=4,
        batch_size=16,
        budget_images=1600,
        evaluate_every_images=800,
        evaluation_samples=60,
        checkpoint_every_images=640,
        extractor=small_classifier,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[Path], Path]:
    """Copies a folder, so that tests can share what was expensive to make."""
    return lambda folder: Path(shutil.copytree(folder, tmp_path / "copy"))
