import random
import re
from collections import Counter

import numpy as np
import pytest

from datasets.errors import BadInput, FormatError
from datasets.normalise import Normalise
from datasets.readers import load_numpy
from datasets.record_stream import class_names, mean_and_std, stream
from datasets.tfrecord import read_tfrecord, write_tfrecord
from tests.tasks.tiny_versions import CLASSES, picture, tiny

FLOATS = Normalise((0.5,) * 3, (0.25,) * 3, "min_max")
STORED = [{"encoding": "png"}, {"encoding": "raw"}, {"encoding": "raw", "pixels": "float32", "normalise": FLOATS}]


@pytest.fixture
def folder(tmp_path):
    return tiny().write(tmp_path / "tiny" / "1.0.0")


def ids(*arguments, **options):
    return [item.id for item in stream(*arguments, **options)]


@pytest.mark.parametrize("changes", STORED, ids=str)
def test_levels_and_labels_whatever_the_shards_hold(tmp_path, changes):
    folder = tiny(**changes).write(tmp_path / "tiny" / "1.0.0")
    found = list(stream(folder.parent, "train"))
    assert [item.label for item in found] == [number % 3 for number in range(14)]
    assert np.array_equal([item.image for item in found], [picture(number) for number in range(14)])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("shuffle_buffer", [0, 4])
def test_every_record_reaches_exactly_one_worker(folder, count, shuffle_buffer):
    found = Counter(
        key
        for index in range(count)
        for key in ids(folder, "train", worker=(index, count), shuffle_buffer=shuffle_buffer, seed=1)
    )
    assert found == Counter(ids(folder, "train"))
    assert set(found.values()) == {1}


def test_splits_are_joined(folder):
    assert ids(folder, "train+test") == ids(folder, "train") + ids(folder, "test")


def test_the_order_follows_from_the_seed(folder):
    orders = [ids(folder, "train", shuffle_buffer=5, seed=seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != ids(folder, "train")


@pytest.fixture
def made(tmp_path):
    """A synthetic version of 5 images."""
    synthetic = tiny(name="tiny_synthetic", kind="synthetic", splits={"train": 5})
    return synthetic.write(tmp_path / "tiny_synthetic" / "1.0.0")


@pytest.mark.parametrize("shuffle_buffer", [0, 4])
def test_synthetic_images_are_spread_evenly(folder, made, shuffle_buffer):
    settings = {"synthetic": made, "ratio": 0.5, "seed": 1, "shuffle_buffer": shuffle_buffer}
    found = ids(folder, "train", **settings)
    is_synthetic = ["@synthetic" in key for key in found]
    assert {sum(is_synthetic[start : start + 4]) for start in range(0, 28, 4)} == {2}
    counts = Counter(key for key in found if "@synthetic" in key)
    assert sorted(counts.values()) == [2, 3, 3, 3, 3]
    assert found == ids(folder, "train", **settings)


def test_workers_share_synthetic_images(folder, made):
    settings = {"synthetic": made, "ratio": 0.5}
    found = [key for index in range(2) for key in ids(folder, "train", worker=(index, 2), **settings)]
    assert Counter(key for key in found if "@" not in key) == Counter(ids(folder, "train"))
    assert len(found) == 28


def test_synthetic_images_of_another_shape_are_refused(folder, tmp_path):
    other = tiny(height_px=6, kind="synthetic").write(tmp_path / "other" / "1.0.0")
    sentence = f"{other}: images [6, 6, 3], the real ones are [8, 6, 3]; train on this version"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        stream(folder, synthetic=other, ratio=0.5)


def test_no_global_randomness_is_touched(folder):
    random.seed(0)
    before = random.getstate()
    ids(folder, "train", shuffle_buffer=5)
    assert random.getstate() == before


def test_facts_of_a_data_set(folder):
    assert class_names(folder) == CLASSES
    assert mean_and_std(folder.parent) == ((0.5,) * 3, (0.25,) * 3)


@pytest.mark.parametrize("worker", [(2, 2), (-1, 2), (0, 2, 3), 1, "01", (0, 1.5), None], ids=str)
def test_a_worker_that_cannot_be(folder, worker):
    sentence = f"got worker {worker!r}; allowed is (index, count) with an index from 0 to count - 1"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        stream(folder, worker=worker)


def test_numbers_of_numpy_are_numbers(folder):
    numbers = {"worker": (np.int64(1), np.int32(2)), "shuffle_buffer": np.int64(4)}
    assert ids(folder, **numbers) == ids(folder, worker=(1, 2), shuffle_buffer=4)


@pytest.mark.parametrize("shuffle_buffer", [-5, 2.5, "4"])
def test_a_buffer_that_cannot_be(folder, shuffle_buffer):
    sentence = f"got shuffle_buffer {shuffle_buffer!r}; allowed are 1 or more images, or 0 for the order of the files"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        stream(folder, shuffle_buffer=shuffle_buffer)


def test_real_and_synthetic_data_sets_are_not_swapped(folder, made):
    end = "; swap them, so that synthetic names a synthetic data set"
    for real, synthetic, start in (
        (made, folder, f"{folder}: is a real data set, given as the synthetic one"),
        (folder, folder, f"{folder}: is a real data set, given as the synthetic one"),
        (made, made, f"{made}: is a synthetic data set, given as the real one"),
    ):
        for read in (stream, load_numpy):
            with pytest.raises(BadInput, match=f"^{re.escape(start + end)}$"):
                read(real, synthetic=synthetic, ratio=0.5)


@pytest.mark.parametrize("options", [{}, {"shuffle_buffer": 4}, {"worker": (1, 5)}, {"ratio": 0.3}], ids=str)
@pytest.mark.parametrize("more", [False, True])
def test_a_shard_with_another_count_than_the_index_is_refused(folder, made, options, more):
    shard = folder / "tiny-train.tfrecord-00001-of-00003"
    records = list(read_tfrecord(shard))
    write_tfrecord(shard, [*records, records[0]] if more else records[:-1])
    sentence = (
        f"{shard}: has {len(records) + (1 if more else -1)} records, index.json says {len(records)}; copy it again"
    )
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        list(stream(folder, "train", **options, synthetic=made if "ratio" in options else None))


def test_an_image_that_is_not_as_the_index_says(tmp_path):
    version = tiny()
    version.records["train"][0] = tiny(encoding="jpeg").records["train"][0]
    folder = version.write(tmp_path / "tiny" / "1.0.0")
    sentence = f"{folder}: record 'source/0.png#0': its image is jpeg, index.json says png; run augment-dataset verify"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        list(stream(folder))


def test_a_seed_gives_what_it_has_always_given(folder, made):
    """The last that two workers see, without and with synthetic images, which go round more than twice."""
    orders = [
        [int(re.search(r"(\d+)\.png", key)[1]) for key in ids(folder, worker=(index, 2), **settings)][-8:]
        for settings in ({"shuffle_buffer": 3}, {"shuffle_buffer": 3, "seed": 4, "synthetic": made, "ratio": 0.7})
        for index in (0, 1)
    ]
    assert orders == [
        [2, 1, 4, 3, 0, 13, 12, 5],
        [6, 9, 7, 8, 10, 11],
        [0, 4, 2, 4, 0, 13, 2, 0],
        [3, 1, 7, 3, 1, 11, 1, 3],
    ]


def test_workers_have_synthetic_images_of_their_own(folder, made):
    settings = {"synthetic": made, "ratio": 0.5}
    first, second = (
        {key for key in ids(folder, "train", worker=(index, 2), **settings) if "@" in key} for index in (0, 1)
    )
    assert (len(first), len(second), first & second) == (3, 2, set())


def test_synthetic_images_without_labels_go_with_real_ones_without_labels(folder, tmp_path):
    made = tiny(name="made", kind="synthetic", class_names=None).write(tmp_path / "made" / "1.0.0")
    sentence = f"{made}: its images have no labels, the real ones have; train on this version"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        stream(folder, synthetic=made, ratio=0.5)
    real = tiny(class_names=None).write(tmp_path / "unlabelled" / "1.0.0")
    assert len(ids(real, synthetic=made, ratio=0.5)) == 28
