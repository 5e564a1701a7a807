"""Prepares a folder of images and publishes it, for the tests of publishing; they import the fixture."""

import numpy as np
import pytest

from datasets.image_codec import encode_image
from tasks.augment import augment
from tasks.gate_data import DataGateSettings, gate_data
from tasks.publish import PublishSettings, publish_real
from tasks.shard import ShardSettings, shard_real


def prepare(workbench, augmentation, folder, gate=None, **settings):
    """All stages before publishing."""
    workbench.prepare(folder, **settings)
    workbench.run("augment", augment, augmentation, "split")
    workbench.run("shard", shard_real, ShardSettings(), "split", "augment")
    workbench.run("gate_data", gate_data, gate or DataGateSettings(), "curate", "split", "shard")


@pytest.fixture
def publish(workbench, no_augmentation):
    """Prepare and publish a folder; returns the summary of publishing."""

    def run(folder, gate=None, how=None, **settings):
        prepare(workbench, no_augmentation, folder, gate, **settings)
        return workbench.run("publish_data", publish_real, how or PublishSettings(), "shard", "gate_data")

    return run


def add_image(folder, member, seed):
    """Write a grey image of noise into a folder of images."""
    image = np.random.default_rng(seed).integers(0, 255, (16, 16, 1), dtype=np.uint8)
    path = folder / member
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode_image(image, "png"))
