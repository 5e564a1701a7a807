import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.extractors.base import blocks, features_in_batches, identity_of
from gan.extractors.embedded import random_conv_extractor

ROOT = Path(__file__).resolve().parents[3]
IMAGES = np.random.default_rng(0).integers(0, 256, (23, 16, 16, 1)).astype(np.uint8)


def test_features_in_batches_are_those_of_all_at_once():
    extractor = random_conv_extractor((16, 16, 1), seed=0)
    seen = []
    found = features_in_batches(extractor, blocks(IMAGES, 10), 23, lambda done, total: seen.append((done, total)))
    np.testing.assert_allclose(found, extractor.features(IMAGES), rtol=1e-5, atol=1e-6)
    assert seen == [(10, 23), (20, 23), (23, 23)]


def test_batches_are_read_one_at_a_time():
    extractor = random_conv_extractor((16, 16, 1), seed=0)
    read = []

    def reading():
        for number, block in enumerate(blocks(IMAGES, 10)):
            read.append(number)
            yield block

    features_in_batches(extractor, reading(), 23, lambda done, total: read.append("taken"))
    assert read == [0, "taken", 1, "taken", 2, "taken"]


def test_no_images_are_refused():
    sentence = "there are no images to take features of; give at least one"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        features_in_batches(random_conv_extractor((16, 16, 1), seed=0), [], 0)


def test_the_identity_begins_with_the_name_and_ends_with_the_resize_rule():
    assert (
        identity_of("file", "1f3a5c7799aa0000", "clean", "range:unit")
        == "file sha256:1f3a5c7799aa range:unit resize:clean"
    )


def test_tensorflow_is_not_imported_before_it_is_needed():
    modules = ", ".join(f"gan.extractors.{name}" for name in ("settings", "base", "folds", "weights", "opening"))
    code = f"import {modules}, sys; print('tensorflow' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
