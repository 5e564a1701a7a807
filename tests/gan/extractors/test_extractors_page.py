"""docs/extractors.md: its Python runs, its settings are valid, and the figures of its wrong formula are these."""

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from keras import layers
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from flows.settings import validate
from gan.extractors.model_file import ModelFileExtractor
from gan.extractors.settings import KINDS, ExtractorSettings
from gan.metrics.frechet import frechet_distance, statistics

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "extractors.md").read_text(encoding="utf-8")


def test_the_python_of_the_page_runs(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout == "random-conv (100, 64) float32\n"


def test_the_settings_of_the_page_are_valid():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    source = {"dataset": "photos", "source": {"path": "photos"}}
    assert validate(yaml.safe_load(text) | source, "page").synthetic_gate.extractor.resize == "clean"


def test_the_page_names_every_kind():
    assert re.findall(r"^\| `([\w:<>-]+)` \|", PAGE.split("## FID")[0], flags=re.MULTILINE) == list(KINDS)


def elementwise_root_distance(first, second):
    """The wrong formula of the page, for its figures alone."""
    covariances = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(covariances[0] @ covariances[1])
    means = np.sum((first.mean(axis=0) - second.mean(axis=0)) ** 2)
    return float(means + np.trace(covariances[0] + covariances[1] - 2 * root))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "small.keras"
    kernels = [keras.initializers.HeNormal(seed=seed) for seed in (0, 1)]
    network = keras.Sequential(
        [
            keras.Input((None, None, 1)),
            layers.Conv2D(16, 3, activation="relu", kernel_initializer=kernels[0]),
            layers.Conv2D(32, 3, strides=2, activation="relu", kernel_initializer=kernels[1]),
            layers.GlobalAveragePooling2D(),
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of itself under NumPy 2
        network.save(path)
    return path


def features_of(path, value_range, *sets):
    settings = ExtractorSettings(kind="file", path=path, weights_sha256="0" * 64, value_range=value_range)
    extractor = ModelFileExtractor(path, settings)
    return [extractor.features(images).astype(np.float64) for images in sets]


def test_the_wrong_formula_gives_the_figures_of_the_page(network):
    digits = (load_digits().images * (255 / 16)).round().astype(np.uint8)[..., None]
    first, second = digits[:600], digits[600:1200]
    blurred = gaussian_filter(second.astype(float), (0, 1, 1, 0)).round().astype(np.uint8)
    right = features_of(network, "symmetric", first, second, blurred)
    unscaled = features_of(network, "bytes", first, second, blurred)
    table = PAGE.split("## Two mistakes")[1].split("##")[0]
    rows = [line.strip("| ").split(" | ")[1:] for line in table.splitlines() if line.startswith("| ")][1:]
    written = [[float(cell.replace(",", "")) for cell in row] for row in rows]
    made = [
        [
            frechet_distance(statistics(right[0]), statistics(right[number])),
            elementwise_root_distance(right[0], right[number]),
            elementwise_root_distance(unscaled[0], unscaled[number]),
        ]
        for number in range(3)
    ]
    np.testing.assert_allclose(made, written, rtol=5e-3, atol=5e-4)
