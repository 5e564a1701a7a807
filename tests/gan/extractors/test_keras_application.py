import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.errors import BadInput
from gan.extractors.applications import APPLICATIONS
from gan.extractors.keras_application import KerasApplicationExtractor
from gan.extractors.resizing import resized
from gan.extractors.settings import ExtractorSettings

ROOT = Path(__file__).resolve().parents[3]
NAME = "MobileNet"


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.applications.MobileNet(
        include_top=False, weights=None, input_shape=(224, 224, 3), pooling="avg", name="mobile"
    )


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mobilenet_no_top.weights.h5"
    save_weights(network, path)
    return path


def save_weights(network, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of itself under NumPy 2
        network.save_weights(path)


def settings_of(path, **values):
    return ExtractorSettings(kind=f"keras:{NAME}", path=path, weights_sha256="0" * 64, **values)


def test_every_network_of_keras_is_known():
    made = {name for name in dir(keras.applications) if name[0].isupper()}
    assert set(APPLICATIONS) == made


@pytest.mark.parametrize("module", sorted({module for module, _ in APPLICATIONS.values()}))
def test_every_network_has_its_own_scaling_of_values(module):
    grey = np.full((1, 2, 2, 3), 128.0, np.float32)
    assert getattr(keras.applications, module).preprocess_input(grey).shape == (1, 2, 2, 3)


def test_features_are_those_of_the_network_on_resized_and_scaled_images(network, weights, pictures):
    extractor = KerasApplicationExtractor(settings_of(weights), weights)
    values = resized(pictures, 224, 224, "clean") / 127.5 - 1.0
    np.testing.assert_allclose(extractor.features(pictures), np.asarray(network(values)), rtol=1e-4, atol=1e-6)
    assert re.fullmatch(r"keras:MobileNet sha256:[0-9a-f]{12} resize:clean", extractor.identity)
    assert (extractor.name, extractor.standardise, extractor.probabilities(pictures)) == (
        "keras:MobileNet",
        True,
        None,
    )


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    save_weights(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]), path)
    with pytest.raises(BadInput, match=re.escape(f"{path} does not hold weights of MobileNet (")):
        KerasApplicationExtractor(settings_of(path), path)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"no weights")
    with pytest.raises(BadInput, match=re.escape(f"{path} does not hold weights of MobileNet (")):
        KerasApplicationExtractor(settings_of(path), path)


def test_without_a_network_the_sentence_says_what_to_do(tmp_path):
    code = (
        "from gan.extractors.keras_application import application_network\n"
        "from datasets.errors import BadInput\n"
        "try: application_network('MobileNet', None)\n"
        "except BadInput as error: print(error)\n"
    )
    nobody = "http://127.0.0.1:9"
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "https_proxy": nobody, "HTTPS_PROXY": nobody}
    environment = {name: value for name, value in environment.items() if name.lower() != "no_proxy"}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    (sentence,) = run.stdout.splitlines()
    assert sentence.startswith("keras:MobileNet: Keras could not download its weights (URL fetch failure on https://")
    assert sentence.endswith("; without a network, give the file in extractor.path with extractor.weights_sha256")
