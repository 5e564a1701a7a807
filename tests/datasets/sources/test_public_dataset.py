import gzip
import os
import pickle
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from datasets.errors import BadInput
from datasets.image_codec import decode_image
from datasets.sources.arrays.raw_pixels import pnm_bytes
from datasets.sources.base import SourceItem
from datasets.sources.public.names import KERAS_DATASETS
from datasets.sources.public.store import FetchedImage, ImageStore
from datasets.sources.public_dataset import PublicDatasetSettings, open_public_dataset

NOBODY = "http://127.0.0.1:9"
"""A port of this machine that nothing listens on: whatever wants to download fails at once."""


def settings_of(library, dataset, **values):
    return PublicDatasetSettings(**{"kind": "public_dataset", "library": library, "dataset": dataset, **values})


def nothing(done, total):
    pass


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network, and homes of Keras and TFDS that are empty."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, NOBODY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    return tmp_path


# The settings.


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"dataset": "imdb"},
            "got dataset 'imdb'; image data sets of keras are cifar10, cifar100, fashion_mnist, mnist; "
            "library: tfds knows more",
        ),
        (
            {"dataset": "mnist", "splits": ["validation"]},
            "got split 'validation'; data sets of keras have train and test",
        ),
        (
            {"dataset": "mnist", "label_feature": "label"},
            "image_feature and label_feature are for library: tfds; leave them out",
        ),
    ],
)
def test_what_keras_does_not_have_is_refused(values, sentence):
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        settings_of("keras", **values)


@pytest.mark.parametrize("dataset", ["../mnist", "huggingface:mnist", "", "a b", "mnist:1", "/mnist"])
def test_what_is_no_name_is_refused(dataset):
    with pytest.raises(ValidationError, match="String should match pattern"):
        settings_of("tfds", dataset)


def test_the_name_comes_from_the_data_set(tmp_path):
    settings = settings_of("tfds", "Cycle_gan/horse2zebra:3.0.0")
    assert (settings.resolved_name, settings.place) == (
        "cycle_gan_horse2zebra_3_0_0",
        "tfds:Cycle_gan/horse2zebra:3.0.0",
    )
    assert settings.local_paths == ()
    assert not open_public_dataset(settings, tmp_path / "cache").is_fetched
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("name", "classes"), [("cifar10", 10), ("cifar100", 100), ("fashion_mnist", 10), ("mnist", 10)]
)
def test_every_class_has_a_name_of_its_own(name, classes):
    assert len(set(KERAS_DATASETS[name].class_names)) == classes


# The store.

IMAGES = [
    FetchedImage(split="train", payload=b"first", label="cat", licence="CC0-1.0"),
    FetchedImage(split="train", payload=None, problem="no_image", detail="nothing there"),
    FetchedImage(split="train", payload=b"third"),
    FetchedImage(split="val", payload=b"", label="dog"),
]


@pytest.fixture
def stored(tmp_path):
    """A source whose store was written."""
    source = open_public_dataset(settings_of("tfds", "pets"), tmp_path / "cache")
    told = []
    source.store.write(iter(IMAGES), told.append)
    assert told == [4]
    return source


def test_every_stored_image_is_an_item(stored):
    known = [
        {"member": "train/00000000", "size_bytes": 5, "label": "cat", "licence": "CC0-1.0", "split": "train"},
        {"member": "train/00000001", "problem": "no_image", "detail": "nothing there", "split": "train"},
        {"member": "train/00000002", "size_bytes": 5, "split": "train"},
        {"member": "val/00000000", "size_bytes": 0, "label": "dog", "split": "validation"},
    ]
    tag = stored.store.version_tag()
    assert list(stored.items()) == [
        SourceItem(version_tag=tag, origin=f"tfds:pets#{item['member']}", **item) for item in known
    ]


def test_stored_images_are_read(stored):
    members = [item.member for item in stored.items() if not item.problem]
    assert [stored.read(member) for member in members] == [b"first", b"third", b""]


@pytest.mark.parametrize("member", ["train/00000001", "train/00000003", "val/0", "x/00000000", "", "train/-0000001"])
def test_what_is_not_stored_is_an_error_of_the_system(stored, member):
    sentence = f"there is no image {member!r} in what was fetched; list the source again"
    with pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        stored.read(member)


def test_splits_of_the_store_can_be_chosen(stored, tmp_path):
    source = open_public_dataset(settings_of("tfds", "pets", splits=["val"]), tmp_path / "cache")
    assert [item.member for item in source.items()] == ["val/00000000"]
    assert source.identity() != stored.identity()


def test_an_unknown_split_names_those_there_are(stored, tmp_path):
    source = open_public_dataset(settings_of("tfds", "pets", splits=["test"]), tmp_path / "cache")
    with pytest.raises(BadInput, match=r"^tfds:pets: got split 'test'; this data set has train, val$"):
        list(source.items())


def test_another_data_set_has_another_store(stored, tmp_path):
    assert not open_public_dataset(settings_of("tfds", "pets:1.0.0"), tmp_path / "cache").is_fetched
    assert not open_public_dataset(settings_of("tfds", "pets", image_feature="left"), tmp_path / "cache").is_fetched


@pytest.mark.parametrize("name", ["index.parquet", "images.pack"])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_a_damaged_store_is_not_fetched(stored, name, damage):
    path = stored.store.folder / name
    assert stored.is_fetched
    data = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(data[:-3] if damage == "cut" else b"")
    assert not stored.is_fetched


def test_a_flipped_bit_in_an_image_is_an_error_of_the_system(stored):
    path = stored.store.folder / "images.pack"
    data = bytearray(path.read_bytes())
    data[data.index(b"third")] ^= 1
    path.write_bytes(data)
    assert stored.read("train/00000000") == b"first"
    sentence = f"what was fetched is damaged; delete {stored.store.folder.name} from the cache of sources"
    with pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        stored.read("train/00000002")


def test_a_store_that_was_not_written_to_the_end_is_not_there(tmp_path):
    def images():
        yield IMAGES[0]
        raise RuntimeError("stopped")

    store = ImageStore(tmp_path / "store")
    with pytest.raises(RuntimeError, match="stopped"):
        store.write(images(), nothing)
    assert not store.is_whole()
    assert [path.name for path in (tmp_path / "store").iterdir()] == []


def test_a_source_can_be_sent_to_a_worker(stored):
    copy = pickle.loads(pickle.dumps(stored))
    assert copy == stored
    assert copy.read("train/00000002") == b"third"


# keras.datasets, in its own process.


def write_idx(path, array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), mtime=0))


def write_tiny(folder):
    """Three images for training and two for testing, in the files of Fashion-MNIST."""
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    labels = np.array([0, 9, 1, 4, 9], dtype=np.uint8)
    for split, rows in (("train", slice(0, 3)), ("t10k", slice(3, 5))):
        write_idx(folder / f"{split}-images-idx3-ubyte.gz", images[rows])
        write_idx(folder / f"{split}-labels-idx1-ubyte.gz", labels[rows])


def idx_values(path, header_bytes):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=header_bytes)


@pytest.fixture
def fashion_mnist(offline):
    """The files where Keras looks for them: all 70,000 images where there is real data, else five."""
    folder = offline / "keras" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    if real := os.environ.get("AUGMENT_DATASET_TEST_DATA"):
        for path in (Path(real) / "fashion-mnist").glob("*.gz"):
            (folder / path.name).symlink_to(path)
    else:
        write_tiny(folder)
    return folder


def test_keras_gives_what_lies_in_its_home(fashion_mnist, tmp_path):
    images = [idx_values(fashion_mnist / f"{split}-images-idx3-ubyte.gz", 16) for split in ("train", "t10k")]
    labels = [idx_values(fashion_mnist / f"{split}-labels-idx1-ubyte.gz", 8) for split in ("train", "t10k")]
    source = open_public_dataset(settings_of("keras", "fashion_mnist"), tmp_path / "cache")
    told = []
    source.fetch(lambda done, total: told.append((done, total)))
    shutil.rmtree(tmp_path / "keras")
    items = list(source.items())
    assert told[-1] == (len(items), len(items))
    assert [item.split for item in items] == ["train"] * len(labels[0]) + ["test"] * len(labels[1])
    names = KERAS_DATASETS["fashion_mnist"].class_names
    assert [item.label for item in items] == [names[label] for label in np.concatenate(labels)]
    assert {item.licence for item in items} == {"MIT"}
    pixels = np.concatenate(images).reshape(-1, 28, 28)
    step = max(1, len(items) // 100)
    assert [source.read(item.member) for item in items[::step]] == [pnm_bytes(image) for image in pixels[::step]]
    assert sorted(path.name for path in source.store.folder.iterdir()) == ["images.pack", "index.parquet"]


def test_a_download_that_fails_says_what_to_do_instead(offline):
    source = open_public_dataset(settings_of("keras", "mnist"), offline / "cache")
    sentence = (
        "keras.datasets.mnist could not be loaded (URL fetch failure on https://storage.googleapis.com/tensorflow/"
        "tf-keras-datasets/mnist.npz: None -- [Errno 111] Connection refused); allow the download, or download its "
        "files elsewhere and read them by a source of kind idx"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source.fetch(nothing)
    assert not source.is_fetched
    assert list(source.store.folder.iterdir()) == []


# TensorFlow Datasets, in its own process.


def test_tfds_gives_what_is_prepared(offline, build_dataset_in, make_images):
    images = make_images(5, (8, 8, 1))
    build_dataset_in(offline / "tfds", "gradients", {"train": images[:3], "test": images[3:]})
    source = open_public_dataset(settings_of("tfds", "gradients"), offline / "cache")
    source.fetch(nothing)
    shutil.rmtree(offline / "tfds")
    found = [(item.member, item.label, item.licence) for item in source.items()]
    assert found == [
        ("test/00000000", "bag", "CC0-1.0"),
        ("test/00000001", "été", "CC0-1.0"),
        ("train/00000000", "bag", "CC0-1.0"),
        ("train/00000001", "été", "CC0-1.0"),
        ("train/00000002", "t-shirt", "CC0-1.0"),
    ]
    pixels = [int(decode_image(source.read(member))[0, 0, 0]) for member, _, _ in found]
    assert pixels == [3, 4, 0, 1, 2]


def test_a_data_set_that_tfds_does_not_know(offline):
    source = open_public_dataset(settings_of("tfds", "no_such_pets"), offline / "cache")
    sentence = "tfds knows no data set 'no_such_pets'; `tfds.list_builders()` in Python lists those it knows"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source.fetch(nothing)


def test_a_missing_package_is_named(offline, monkeypatch):
    (offline / "broken" / "tensorflow_datasets").mkdir(parents=True)
    init = offline / "broken" / "tensorflow_datasets" / "__init__.py"
    init.write_text("raise ModuleNotFoundError(name='tensorflow_datasets')\n")
    monkeypatch.setenv("PYTHONPATH", str(offline / "broken"))
    source = open_public_dataset(settings_of("tfds", "mnist"), offline / "cache")
    sentence = (
        "the Python package tensorflow_datasets is missing, which `library: tfds` needs; "
        "run `pip install tensorflow-datasets`"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        source.fetch(nothing)


def test_a_library_that_crashes_is_no_bad_input(offline, monkeypatch):
    (offline / "broken").mkdir()
    (offline / "broken" / "tensorflow_datasets.py").write_text(
        "import os, sys\nprint('ouch', file=sys.stderr)\nos._exit(7)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(offline / "broken"))
    source = open_public_dataset(settings_of("tfds", "mnist"), offline / "cache")
    with pytest.raises(OSError, match=r"^fetching mnist ended with 7: ouch$"):
        source.fetch(nothing)
