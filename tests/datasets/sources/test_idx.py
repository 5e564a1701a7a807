import gzip
import os
import pickle
import re
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.arrays.raw_pixels import pnm_bytes
from datasets.sources.idx import IdxSettings, open_idx

IMAGES = np.arange(12 * 2 * 3, dtype=np.uint8).reshape(12, 2, 3)
LABELS = np.arange(12, dtype=np.uint8) % 3


def idx_bytes(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(path: Path, array, packed=False):
    content = array if isinstance(array, bytes) else idx_bytes(array)
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return path


def mnist(folder: Path, packed=False):
    write(folder / "train-images-idx3-ubyte", IMAGES, packed)
    write(folder / "train-labels-idx1-ubyte", LABELS, packed)
    write(folder / "t10k-images-idx3-ubyte", IMAGES[:5], packed)
    write(folder / "t10k-labels-idx1-ubyte", LABELS[:5], packed)
    return folder


def opened(path, **settings):
    return open_idx(IdxSettings(kind="idx", path=path, **settings), Path("unused"))


def refused(sentence):
    return pytest.raises(BadInput, match=f"^{re.escape(sentence)}$")


@pytest.mark.parametrize("packed", [False, True])
def test_every_image_with_its_label_and_split(tmp_path, packed):
    items = list(opened(mnist(tmp_path, packed)).items())
    assert [(item.member, item.label, item.split) for item in items] == [
        *((f"t10k/{index}", str(LABELS[index]), "test") for index in range(5)),
        *((f"train/{index:02d}", str(LABELS[index]), "train") for index in range(12)),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_the_bytes_are_the_pixels_as_pnm(tmp_path, packed):
    source = opened(mnist(tmp_path, packed))
    assert source.read("train/07") == pnm_bytes(IMAGES[7])


def test_an_item_has_everything_the_file_knows(tmp_path):
    item = next(opened(mnist(tmp_path)).items())
    status = (tmp_path / "t10k-images-idx3-ubyte").stat()
    assert item.size_bytes == len(pnm_bytes(IMAGES[0]))
    assert item.version_tag == f"{status.st_size}-{status.st_mtime_ns}"
    assert item.origin == "idx:t10k-images-idx3-ubyte#0"


@pytest.mark.parametrize("channels", [1, 3])
def test_colour_images_have_a_fourth_dimension(tmp_path, channels):
    colour = np.arange(2 * 2 * 2 * channels, dtype=np.uint8).reshape(2, 2, 2, channels)
    path = write(tmp_path / "train-images-idx4-ubyte", colour)
    assert opened(path).read("train/1") == pnm_bytes(colour[1])


def test_class_names_replace_numbers(tmp_path):
    labels = {item.label for item in opened(mnist(tmp_path), class_names=("top", "bag", "shoe")).items()}
    assert labels == {"top", "bag", "shoe"}


def test_a_label_without_a_class_name_is_refused(tmp_path):
    source = opened(mnist(tmp_path), class_names=("top", "bag"))
    sentence = (
        f"{tmp_path}/t10k-labels-idx1-ubyte: its labels go up to 2, but class_names has 2 names, "
        "for labels from 0 on; name them all"
    )
    with refused(sentence):
        list(source.items())


@pytest.mark.parametrize(
    ("images", "labels", "prefix", "split"),
    [
        ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz",
         "emnist-letters-train", "train"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", "train", "train"),
        ("val_images.idx", "val_labels.idx", "val", "validation"),
        ("images-idx3-ubyte", "labels-idx1-ubyte", "images", None),
        ("t10k-images", "t10k-labels.gz", "t10k", "test"),
    ],
)  # fmt: skip
def test_pairs_are_found_by_their_names(tmp_path, images, labels, prefix, split):
    write(tmp_path / images, IMAGES)
    write(tmp_path / labels, LABELS, packed=True)
    (tmp_path / "README.md").write_text("not data")
    item = next(opened(tmp_path).items())
    assert (item.member, item.label, item.split) == (f"{prefix}/00", "0", split)


def test_one_file_finds_its_labels(tmp_path):
    source = opened(mnist(tmp_path) / "train-images-idx3-ubyte")
    assert [item.label for item in source.items()] == [str(label) for label in LABELS]


def test_images_without_labels_are_allowed(tmp_path):
    source = opened(write(tmp_path / "train-images-idx3-ubyte", IMAGES))
    assert {item.label for item in source.items()} == {None}


def test_files_can_be_named(tmp_path):
    write(tmp_path / "a", IMAGES)
    write(tmp_path / "b", LABELS)
    source = opened(tmp_path, images="a", labels_file="b")
    assert [item.member for item in source.items()][:2] == ["a/00", "a/01"]


def test_a_packed_file_beside_itself_unpacked_is_read_once(tmp_path):
    mnist(tmp_path)
    write(tmp_path / "train-images-idx3-ubyte.gz", IMAGES, packed=True)
    assert len(list(opened(tmp_path).items())) == 17


def test_two_different_files_of_one_name_are_refused(tmp_path):
    mnist(tmp_path)
    other = write(tmp_path / "train-images-idx3-ubyte.gz", IMAGES[::-1], packed=True)
    with refused(f"{other}: named like train-images-idx3-ubyte, but it holds something else; remove one of both"):
        opened(tmp_path)


def test_labels_that_do_not_belong_to_the_images_are_refused(tmp_path):
    mnist(tmp_path)
    write(tmp_path / "train-labels-idx1-ubyte", LABELS[:-1])
    sentence = (
        f"{tmp_path}/train-images-idx3-ubyte: 12 images, but train-labels-idx1-ubyte has 11 labels; "
        "they do not belong together, fetch both again"
    )
    with refused(sentence):
        opened(tmp_path)


def test_labels_without_images_are_refused(tmp_path):
    mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    sentence = (
        f"{tmp_path}/t10k-labels-idx1-ubyte: labels without images; put the file of images beside it, "
        "named alike, or set images and labels_file"
    )
    with refused(sentence):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty, or damaged at its beginning, which is no IDX file that is read; "),
        (b"\x89PNG\r\n", "begins with 89504e47, which is no IDX file that is read; "),
        (b"\0\0\x0c\x02" + bytes(20), "begins with 00000c02, which is no IDX file that is read; "),
        (b"\0\0\x08\x03\0\0\0\1", "ends within its header; the file is cut off, fetch it again"),
        (
            idx_bytes(IMAGES)[:-1],
            "its header promises 12x2x3 values, a file of 88 bytes, but it holds 87; it is damaged or cut off, "
            "fetch it again",
        ),
        (
            idx_bytes(IMAGES) + b"x",
            "its header promises 12x2x3 values, a file of 88 bytes, but it holds more; it is damaged or cut off, "
            "fetch it again",
        ),
        (
            b"\0\0\x08\x04" + struct.pack(">IIII", 1, 2, 2, 4) + bytes(16),
            "images with 4 channels; 1 (grey) and 3 (RGB) are read, in last place",
        ),
        (
            b"\0\0\x08\x03" + struct.pack(">III", 1, 2**16, 2**16),
            "its header promises images of 65536x65536; they need pixels, and at most 1024 MiB each",
        ),
        (
            b"\0\0\x08\x03" + struct.pack(">III", 5, 0, 28),
            "its header promises images of 0x28; they need pixels, and at most 1024 MiB each",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_files_are_refused(tmp_path, content, sentence, packed):
    if sentence.endswith("; "):
        sentence += (
            "read are unsigned bytes: images (00000803: number, rows, columns; 00000804: also 1 or 3 channels) "
            "and labels (00000801)"
        )
    path = write(tmp_path / "train-images-idx3-ubyte.gz", content, packed)
    with refused(f"{path}: {sentence}"):
        opened(tmp_path)


def test_a_packed_header_that_promises_too_much_is_refused_unread(tmp_path):
    header = b"\0\0\x08\x03" + struct.pack(">III", 2**32 - 1, 28, 28)
    path = write(tmp_path / "train-images-idx3-ubyte", header, packed=True)
    sentence = (
        f"{path}: its header promises {(2**32 - 1) * 784 + 16} bytes, and a packed file is read up to 2048 MiB; "
        "unpack it with gunzip"
    )
    with refused(sentence):
        opened(tmp_path)


def test_a_packed_file_that_is_cut_off_is_refused(tmp_path):
    path = write(tmp_path / "train-images-idx3-ubyte", IMAGES, packed=True)
    path.write_bytes(path.read_bytes()[:-6])
    with refused(f"{path}: what gzip packed is damaged or cut off; fetch it again"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"labels_file": "b"}, "{}: labels_file says which labels, but not of which images; set images, too"),
        ({"images": "../a"}, "../a: got a path; give the name of a file in {}"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path, settings, sentence):
    with refused(sentence.format(tmp_path)):
        opened(tmp_path, **settings)


def test_a_folder_without_idx_files_is_refused(tmp_path):
    sentence = f"{tmp_path}: no IDX file of images in it; give the folder that has train-images-idx3-ubyte.gz"
    with refused(sentence):
        opened(tmp_path)


def test_files_without_images_are_refused(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES[:0])
    with refused(f"{tmp_path}: its IDX files hold no images; give those that do"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "member", ["train/12", "train/7", "train/007", "other/07", "train/x", "07", "train/" + "9" * 5000]
)
def test_an_unknown_member_cannot_be_read(tmp_path, member):
    with pytest.raises(OSError, match=f"^{re.escape(member)}: there is no such image in raw$"):
        opened(mnist(tmp_path), name="raw").read(member)


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_changed_cannot_be_read(tmp_path, packed):
    source = opened(mnist(tmp_path, packed))
    os.utime(tmp_path / "train-images-idx3-ubyte", ns=(1, 1))
    with pytest.raises(OSError, match=r"^train-images-idx3-ubyte has changed since it was listed$"):
        source.read("train/07")


def test_threads_and_workers_read_the_same(tmp_path):
    source = pickle.loads(pickle.dumps(opened(mnist(tmp_path, packed=True))))
    members = [f"train/{index:02d}" for index in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(source.read, members)) == [pnm_bytes(image) for image in IMAGES]


def test_the_identity_changes_with_files_and_names(tmp_path):
    before = opened(mnist(tmp_path)).identity()
    named = opened(tmp_path, class_names=("a", "b", "c")).identity()
    os.utime(tmp_path / "train-labels-idx1-ubyte", ns=(1, 1))
    assert len({before, named, opened(tmp_path).identity()}) == 3


@given(st.binary(max_size=60), st.booleans(), st.integers(0, 88), st.binary(max_size=3))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, packed, position, patch):
    valid = bytearray(idx_bytes(IMAGES))
    valid[position : position + len(patch)] = patch
    path = tmp_path_factory.mktemp("idx") / "train-images-idx3-ubyte"
    for candidate in (content, bytes(valid)):
        write(path, candidate, packed)
        try:
            source = opened(path)
        except BadInput:
            continue
        assert all(source.read(item.member).startswith(b"P") for item in source.items())


@pytest.fixture
def fashion():
    if "AUGMENT_DATASET_TEST_DATA" not in os.environ:
        pytest.skip("AUGMENT_DATASET_TEST_DATA is not set, so that there is no Fashion-MNIST to read")
    return Path(os.environ["AUGMENT_DATASET_TEST_DATA"]) / "fashion-mnist"


def test_fashion_mnist_has_all_its_images_and_labels(fashion):
    items = list(opened(fashion).items())
    labels = np.frombuffer(gzip.decompress((fashion / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    assert [item.label for item in items if item.split == "train"] == [str(label) for label in labels]
    assert sum(item.split == "test" for item in items) == 10_000


def test_images_of_fashion_mnist_are_those_of_the_file(fashion):
    pixels = np.frombuffer(gzip.decompress((fashion / "train-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    source = opened(fashion)
    for index in (0, 1, 59_999):
        assert source.read(f"train/{index:05d}") == pnm_bytes(pixels.reshape(60_000, 28, 28)[index])


def pnm_of(block):
    return [pnm_bytes(image) for image in block]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "members", [["train/03"], ["train/00", "train/01", "t10k/0"], ["t10k/4", "train/11", "t10k/0", "train/02"]]
)
def test_a_block_holds_what_is_read_one_by_one(tmp_path, packed, members):
    source = opened(mnist(tmp_path, packed))
    block = source.read_block(members)
    assert (block.dtype, block.shape) == (np.uint8, (len(members), 2, 3, 1))
    assert pnm_of(block) == [source.read(member) for member in members]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_block_of_images_with_channels(tmp_path, channels):
    images = np.arange(4 * 2 * 5 * channels, dtype=np.uint8).reshape(4, 2, 5, channels)
    block = opened(write(tmp_path / "images-idx4-ubyte", images)).read_block(["images/2", "images/3"])
    np.testing.assert_array_equal(block, images[2:])


def test_images_of_two_shapes_are_no_block(tmp_path):
    write(mnist(tmp_path) / "other-images-idx3-ubyte", IMAGES.reshape(12, 3, 2))
    assert opened(tmp_path).read_block(["train/00", "other/00"]) is None


def test_large_images_are_no_block(tmp_path):
    source = opened(write(tmp_path / "images-idx3-ubyte", np.zeros((2, 257, 256), np.uint8)))
    assert source.read_block(["images/0"]) is None


def test_a_block_with_an_unknown_member_cannot_be_read(tmp_path):
    with pytest.raises(OSError, match=re.escape(f"train/12: there is no such image in {tmp_path.name}")):
        opened(mnist(tmp_path)).read_block(["train/11", "train/12"])
