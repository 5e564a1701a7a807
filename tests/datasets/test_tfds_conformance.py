"""TensorFlow Datasets opens what we wrote, in an environment that has no part of this project."""

import json
import subprocess

import numpy as np
import pytest

from datasets import load_numpy

READER = """
import importlib.util, json, os, sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
found = [name for name in ("flows", "tasks", "gan", "datasets") if importlib.util.find_spec(name)]
assert not found, f"this project is importable: {found}"

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

AS_STORED = {"image": tfds.decode.SkipDecoding()}
DECODE = {
    "png": tf.io.decode_png,
    "jpeg": lambda data: tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE"),
    "uint8": lambda data: tf.io.decode_raw(data, tf.uint8),
    "float32": lambda data: tf.io.decode_raw(data, tf.float32),
}

for folder, out, encoding in json.loads(sys.argv[1]):
    builder = tfds.builder_from_directory(folder)
    info = builder.info
    label = info.features["label"] if "label" in info.features else None
    facts = {
        "name": builder.name,
        "version": str(info.version),
        "splits": {name: split.num_examples for name, split in info.splits.items()},
        "shape": list(info.features["image"].shape),
        "class_names": label.names if label else None,
        "supervised_keys": info.supervised_keys,
        "license": info.redistribution_info.license,
    }
    arrays = {}
    for split in info.splits:
        records = list(tfds.as_numpy(builder.as_dataset(split=split)))
        arrays |= {f"{split}/{key}": np.array([record[key] for record in records]) for key in records[0]}
    decode = DECODE[encoding]
    if encoding in ("png", "jpeg"):
        stored = tfds.as_numpy(builder.as_dataset(split="train", decoders=AS_STORED))
        arrays["train/accurate"] = np.array([decode(record["image"]).numpy() for record in stored])
    facts["dtype"] = np.dtype(info.features["image"].np_dtype).name
    plain = {"image": tf.io.FixedLenFeature([], tf.string), "id": tf.io.FixedLenFeature([], tf.string)}
    paths = sorted(tf.io.gfile.glob(folder + "/*-train.tfrecord-*"))
    examples = [tf.io.parse_single_example(record, plain) for record in tf.data.TFRecordDataset(paths)]
    images = [tf.reshape(decode(example["image"]), facts["shape"]).numpy() for example in examples]
    arrays["plain/image"] = np.array(images)
    with open(out + ".json", "w", encoding="utf-8") as file:
        json.dump(facts, file)
    arrays["half"] = np.array([record["id"] for record in tfds.as_numpy(builder.as_dataset(split="train[50%:]"))])
    np.savez(out + ".npz", **arrays)
"""

CASES = {
    "gray_png": {"shape": (8, 12, 1), "encoding": "png"},
    "rgb_png_unlabelled": {"shape": (12, 8, 3), "encoding": "png", "class_names": None},
    "rgb_jpeg": {"shape": (32, 24, 3), "encoding": "jpeg"},
    "gray_jpeg_unlabelled": {"shape": (16, 16, 1), "encoding": "jpeg", "class_names": None},
    "gray_raw": {"shape": (8, 12, 1), "encoding": "raw"},
    "rgb_raw_unlabelled": {"shape": (12, 8, 3), "encoding": "raw", "class_names": None},
    "rgb_float": {"shape": (12, 8, 3), "encoding": "raw", "pixels": "float32", "method": "standardise"},
    "gray_float_per_image": {"shape": (8, 12, 1), "encoding": "raw", "pixels": "float32", "method": "percentile_clip"},
}
FLOATS = [name for name in CASES if "pixels" in CASES[name]]


def how_stored(name: str) -> str:
    encoding = CASES[name]["encoding"]
    return CASES[name].get("pixels", "uint8") if encoding == "raw" else encoding


@pytest.fixture(scope="module")
def opened(tmp_path_factory, build_dataset_in, make_images, bare_python):
    """What TFDS says of every case, and the folder it was read from: one start of TensorFlow for all."""
    root = tmp_path_factory.mktemp("conformance")
    folders = {}
    for name, settings in CASES.items():
        options = {key: value for key, value in settings.items() if key != "shape"}
        images = make_images(10, settings["shape"])
        splits = {"train": images[:7], "test": images[7:], "train_augmented": images[:2], "validation": images[:0]}
        folders[name] = build_dataset_in(root, name, splits, **options)
    jobs = json.dumps([[str(folder), str(root / name), how_stored(name)] for name, folder in folders.items()])
    command = [str(bare_python), "-I", "-c", READER, jobs]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return {
        name: (folder, json.loads((root / f"{name}.json").read_text()), dict(np.load(root / f"{name}.npz")))
        for name, folder in folders.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_tfds_knows_what_the_data_set_is(opened, name):
    _, facts, _ = opened[name]
    labelled = "class_names" not in CASES[name]
    assert facts == {
        "name": name,
        "version": "1.0.0",
        "splits": {"train": 7, "test": 3, "train_augmented": 2},
        "shape": list(CASES[name]["shape"]),
        "class_names": ["bag", "été", "t-shirt"] if labelled else None,
        "supervised_keys": ["image", "label"] if labelled else None,
        "license": "CC0-1.0",
        "dtype": CASES[name].get("pixels", "uint8"),
    }


def in_order_of_ids(opened, name: str, split: str, key: str) -> np.ndarray:
    """What TFDS read, in the order in which load_numpy reads: TFDS mixes the shards."""
    arrays = opened[name][2]
    ids = [text.decode() for text in arrays[f"{split}/id"].tolist()]
    assert len(set(ids)) == len(ids)
    return arrays[f"{split}/{key}"][[ids.index(own) for own in load_numpy(opened[name][0], split).ids]]


@pytest.mark.parametrize("split", ["train", "test", "train_augmented"])
@pytest.mark.parametrize("name", [name for name in CASES if how_stored(name) in ("png", "uint8")])
def test_tfds_reads_the_same_pixels_from_png_and_raw(opened, name, split):
    assert np.array_equal(in_order_of_ids(opened, name, split, "image"), load_numpy(opened[name][0], split).images)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name]["encoding"] == "jpeg"])
def test_tfds_reads_nearly_the_same_pixels_from_jpeg(opened, name):
    # Its decoder takes the faster and less exact of the two transforms, and lets nobody choose.
    difference = in_order_of_ids(opened, name, "train", "image").astype(int) - load_numpy(opened[name][0]).images
    assert np.abs(difference).max() <= 8
    assert np.abs(difference).mean() < 2


@pytest.mark.parametrize("split", ["train", "test", "train_augmented"])
@pytest.mark.parametrize("name", FLOATS)
def test_tfds_reads_the_values_that_were_normalised(opened, name, split):
    read = in_order_of_ids(opened, name, split, "image")
    expected = load_numpy(opened[name][0], split, scale="as_published").images
    assert read.dtype == expected.dtype == np.float32
    assert np.array_equal(read, expected)


def test_tfds_reads_the_constants_of_each_image(opened):
    ranges = in_order_of_ids(opened, "gray_float_per_image", "train", "pixel_range")
    constants = load_numpy(opened["gray_float_per_image"][0], scale="as_published").constants
    assert np.array_equal(ranges[:, 0], constants.shift.ravel())
    assert np.array_equal(ranges[:, 1], (constants.shift + constants.divisor).ravel())


@pytest.mark.parametrize("name", CASES)
def test_plain_tf_data_reads_the_same_values(opened, name):
    scale = "as_published" if name in FLOATS else "none"
    assert np.array_equal(opened[name][2]["plain/image"], load_numpy(opened[name][0], scale=scale).images)


@pytest.mark.parametrize("name", [name for name in CASES if how_stored(name) in ("png", "jpeg")])
def test_what_tfds_does_not_decode_has_the_same_pixels(opened, name):
    assert np.array_equal(in_order_of_ids(opened, name, "train", "accurate"), load_numpy(opened[name][0]).images)


@pytest.mark.parametrize("split", ["train", "test", "train_augmented"])
@pytest.mark.parametrize("name", [name for name in CASES if "class_names" not in CASES[name]])
def test_tfds_reads_the_same_labels(opened, name, split):
    labels = in_order_of_ids(opened, name, split, "label")
    assert labels.tolist() == load_numpy(opened[name][0], split).labels.tolist()


@pytest.mark.parametrize("name", CASES)
def test_unlabelled_data_sets_have_no_label_for_tfds(opened, name):
    assert ("train/label" in opened[name][2]) is ("class_names" not in CASES[name])


def test_tfds_reads_what_a_record_is_and_comes_from(opened):
    _, _, arrays = opened["gray_png"]
    assert set(arrays["train/kind"]) == {b"real"}
    assert set(arrays["train/derived_from"]) == {b""}
    assert {len(digest) for digest in arrays["train/sha256"]} == {64}


def test_tfds_reads_a_part_of_a_split(opened):
    assert len(opened["gray_png"][2]["half"]) in (3, 4)
