"""`load` on raw and float32 shards, every scale against NumPy bit for bit, and reading by several workers."""

import re

import numpy as np
import pytest

from datasets import load, load_numpy
from datasets.errors import BadInput, FormatError
from datasets.image_record import ImageRecord, encode_record
from datasets.normalise import METHODS, denormalise
from datasets.tfds_layout import read_index
from datasets.tfrecord import write_tfrecord

pytestmark = pytest.mark.usefixtures("tf")
SHAPE = (8, 8, 1)
FLOATS = {"encoding": "raw", "pixels": "float32"}
STORED = {
    "png": {"method": "percentile_clip"},
    "raw": {"encoding": "raw", "method": "standardise"},
    "float": {**FLOATS, "method": "symmetric"},
    "float standardised": {**FLOATS, "method": "standardise"},
    "float per image": {**FLOATS, "method": "min_max"},
}


def images_in(dataset) -> np.ndarray:
    return np.concatenate([images for images, _ in dataset.as_numpy_iterator()])


@pytest.fixture(params=STORED)
def stored(request, build_dataset, make_images):
    return build_dataset("digits", {"train": make_images(11, (8, 12, 3), seed=3)}, **STORED[request.param])


@pytest.mark.parametrize("scale", ["as_published", *METHODS])
def test_batches_and_single_images_are_bit_for_bit_those_of_load_numpy(stored, scale):
    expected = load_numpy(stored, scale=scale)
    batches = images_in(load(stored, scale=scale, batch_size=4))
    singles = np.array([image for image, _ in load(stored, scale=scale).as_numpy_iterator()])
    assert batches.dtype == singles.dtype == expected.images.dtype
    assert np.array_equal(batches, expected.images)
    assert np.array_equal(singles, expected.images)


@pytest.mark.parametrize("name", STORED)
def test_levels_come_back_whatever_the_records_hold(build_dataset, make_images, name):
    images = make_images(5, SHAPE)
    folder = build_dataset("digits", {"train": images}, **STORED[name])
    published = load_numpy(folder, scale="as_published")
    assert np.array_equal(load_numpy(folder).images, images)
    if "clip" not in STORED[name]["method"]:
        assert np.array_equal(denormalise(published.images, published.constants), images)


def test_the_default_is_the_method_of_the_index(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(5, SHAPE)}, method="unit")
    assert np.array_equal(images_in(load(folder, batch_size=5)), load_numpy(folder, scale="unit").images)


def test_labels_stay_with_images_that_are_parsed_by_the_batch(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(11, SHAPE)}, encoding="raw")
    for images, labels in load(folder, batch_size=4, scale="none", shuffle=True).as_numpy_iterator():
        assert (images[:, 0, 0, 0] % 3 == labels).all()


@pytest.mark.parametrize("name", ["raw", "float", "float per image"])
def test_formats_are_mixed_by_their_levels(build_dataset, make_images, name):
    real = build_dataset("digits", {"train": make_images(30, SHAPE)})
    marked = make_images(10, SHAPE)
    marked[:, 0, 0] += 100
    synthetic = build_dataset("made", {"train": marked}, **STORED[name])
    images = images_in(load(real, synthetic=synthetic, ratio=0.25, scale="none", batch_size=16))
    assert sorted(images[:, 0, 0, 0].tolist()) == [*range(30), *range(100, 110)]


def test_raw_synthetic_images_are_mixed_before_decoding(build_dataset, make_images):
    images = make_images(30, SHAPE)
    real = build_dataset("digits", {"train": images}, encoding="raw")
    synthetic = build_dataset("made", {"train": images[:5]}, encoding="raw")
    mixed = images_in(load(real, synthetic=synthetic, ratio=0.25, scale="none", batch_size=16))
    assert sorted(mixed[:, 0, 0, 0].tolist()) == sorted([*range(30), *range(5), *range(5)])


def test_a_record_of_another_length_is_refused(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(1, SHAPE)}, encoding="raw")
    record = ImageRecord(image=bytes(63), id="a#0", kind="real", label=0)
    write_tfrecord(folder / "digits-train.tfrecord-00000-of-00001", [encode_record(record)])
    sentence = f"{folder}: record 'a#0': it has 63 bytes of pixels, index.json says 64; shard again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        load_numpy(folder)


def test_a_record_without_its_range_is_refused(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(1, SHAPE)}, **STORED["float per image"])
    record = ImageRecord(image=bytes(256), id="a#0", kind="real", label=0)
    write_tfrecord(folder / "digits-train.tfrecord-00000-of-00001", [encode_record(record)])
    sentence = f"{folder}: record 'a#0': it has no pixel_range, which min_max of index.json needs; shard again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        load_numpy(folder)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 40])
def test_every_record_is_read_by_exactly_one_worker(build_dataset, make_images, count, shuffle):
    folder = build_dataset("digits", {"train": make_images(30, SHAPE)}, encoding="raw")
    assert len(read_index(folder).splits["train"]) == 8
    seen = []
    for index in range(count):
        part = load(folder, scale="none", shuffle=shuffle, worker=(index, count))
        own = [int(image[0, 0, 0]) for image, _ in part.as_numpy_iterator()]
        assert len(own) == int(part.cardinality())
        seen += own
    assert sorted(seen) == list(range(30))


def test_workers_with_shards_enough_open_only_their_own(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(30, SHAPE)})
    (folder / "digits-train.tfrecord-00001-of-00008").unlink()
    own = [int(image[0, 0, 0]) for image, _ in load(folder, scale="none", worker=(0, 2)).as_numpy_iterator()]
    assert own == [*range(0, 4), *range(8, 12), *range(16, 20), *range(24, 28)]


def test_workers_share_synthetic_images_too(build_dataset, make_images):
    images = make_images(40, SHAPE)
    real = build_dataset("digits", {"train": images[:32]})
    synthetic = build_dataset("made", {"train": images[:32] + 100})
    marks = [
        int(image[0, 0, 0])
        for index in range(2)
        for image, _ in load(real, synthetic=synthetic, ratio=0.5, scale="none", worker=(index, 2))
    ]
    assert sorted(marks) == [*range(32), *range(100, 132)]


def test_without_determinism_nothing_is_lost(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(30, SHAPE)})
    images = images_in(load(folder, scale="none", shuffle=True, batch_size=7, deterministic=False))
    assert sorted(images[:, 0, 0, 0].tolist()) == list(range(30))


@pytest.mark.parametrize("worker", [(2, 2), (-1, 2), (0, 0)])
def test_workers_that_cannot_be_are_refused(build_dataset, make_images, worker):
    folder = build_dataset("digits", {"train": make_images(4, SHAPE)})
    sentence = f"got worker {worker}; allowed is (index, count) with an index from 0 to count - 1"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(folder, worker=worker)


def test_more_workers_than_synthetic_images_are_refused(build_dataset, make_images):
    real = build_dataset("digits", {"train": make_images(30, SHAPE)})
    synthetic = build_dataset("made", {"train": make_images(2, SHAPE)})
    sentence = f"{synthetic}: has fewer synthetic images than the 3 workers; use fewer workers"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        load(real, synthetic=synthetic, ratio=0.25, worker=(2, 3))


def test_an_unknown_scale_is_refused_without_tensorflow_too(build_dataset, make_images):
    folder = build_dataset("digits", {"train": make_images(1, SHAPE)})
    names = ", ".join(["as_published", *METHODS])
    with pytest.raises(BadInput, match=f"^got scale 'log'; allowed are {names}$"):
        load_numpy(folder, scale="log")
