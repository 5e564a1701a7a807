import io
import os
import pickle
import re
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.arrays.cifar_batches import binary_batch, names_of_lines, names_of_pickle, python_batch
from datasets.sources.arrays.raw_pixels import pnm_bytes
from datasets.sources.cifar import CifarSettings, open_cifar

IMAGES = np.random.default_rng(3).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
PLANAR = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2).reshape(12, 3072))
FINE = [index % 3 for index in range(12)]
COARSE = [index % 2 for index in range(12)]
FINE_NAMES, COARSE_NAMES = ["apple", "bee", "cup"], ["living", "made"]


def python10(folder):
    dump(folder / "batches.meta", {"num_cases_per_batch": 12, "label_names": FINE_NAMES, "num_vis": 3072})
    for name in ("data_batch_1", "data_batch_2", "data_batch_10", "test_batch"):
        dump(folder / name, {b"batch_label": name, b"labels": FINE, b"data": PLANAR, b"filenames": ["a.png"] * 12})


def python100(folder):
    dump(
        folder / "meta",
        {b"fine_label_names": FINE_NAMES, b"coarse_label_names": [name.encode() for name in COARSE_NAMES]},
    )
    for name in ("train", "test"):
        dump(folder / name, {b"fine_labels": FINE, b"coarse_labels": COARSE, b"data": PLANAR})


def binary10(folder):
    (folder / "batches.meta.txt").write_text("\n".join(FINE_NAMES) + "\n\n")
    for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
        (folder / name).write_bytes(records([FINE]))


def binary100(folder):
    (folder / "fine_label_names.txt").write_text("\n".join(FINE_NAMES) + "\n")
    (folder / "coarse_label_names.txt").write_text("\n".join(COARSE_NAMES) + "\n")
    for name in ("train.bin", "test.bin"):
        (folder / name).write_bytes(records([COARSE, FINE]))


VERSIONS = {"python10": python10, "python100": python100, "binary10": binary10, "binary100": binary100}


def dump(path, content):
    path.write_bytes(pickle.dumps(content, 2))


def records(labels):
    return np.hstack([np.array(labels, np.uint8).T, PLANAR]).tobytes()


def cifar(folder: Path, version="python10"):
    folder.mkdir(exist_ok=True)
    VERSIONS[version](folder)
    return folder


def opened(path, cache=Path("unused"), **settings):
    return open_cifar(CifarSettings(kind="cifar", path=path, **settings), cache)


def refused(sentence):
    return pytest.raises(BadInput, match=f"^{re.escape(sentence)}$")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_has_the_same_images_and_labels(tmp_path, version):
    source = opened(cifar(tmp_path, version))
    items = [item for item in source.items() if item.split == "test"]
    assert [item.label for item in items] == [FINE_NAMES[label] for label in FINE]
    assert [source.read(item.member) for item in items] == [pnm_bytes(image) for image in IMAGES]


@pytest.mark.parametrize("version", ["python100", "binary100"])
def test_coarse_labels(tmp_path, version):
    items = opened(cifar(tmp_path, version), labels_of="coarse").items()
    assert [item.label for item in items][:4] == ["living", "made", "living", "made"]


def test_batches_come_in_their_order(tmp_path):
    items = list(opened(cifar(tmp_path)).items())
    assert [(item.member, item.split) for item in items[::12]] == [
        ("data_batch_1/00", "train"),
        ("data_batch_2/00", "train"),
        ("data_batch_10/00", "train"),
        ("test_batch/00", "test"),
    ]


def test_an_item_has_everything_the_file_knows(tmp_path):
    item = next(opened(cifar(tmp_path / "c10")).items())
    assert item.size_bytes == len(pnm_bytes(IMAGES[0]))
    assert item.version_tag == str((tmp_path / "c10" / "data_batch_1").stat().st_mtime_ns)
    assert item.origin == "file:c10/data_batch_1#0"


def test_the_files_may_lie_in_a_subfolder(tmp_path):
    cifar(tmp_path / "cifar-10-batches-py")
    assert next(opened(tmp_path).items()).member == "data_batch_1/00"


def test_the_archive_is_read_after_it_was_fetched(tmp_path):
    archive = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cifar(tmp_path / "inside"), arcname="cifar-10-batches-py")
    source = opened(archive, tmp_path / "cache")
    before = source.identity()
    source.fetch(lambda done, total: None)
    assert [item.label for item in source.items()] == [FINE_NAMES[label] for label in FINE] * 4
    assert opened(archive, tmp_path / "cache").read("data_batch_2/07") == pnm_bytes(IMAGES[7])
    assert before is not None


@pytest.mark.parametrize(("version", "names"), [("python10", "batches.meta"), ("binary10", "batches.meta.txt")])
def test_without_names_labels_are_numbers(tmp_path, version, names):
    (cifar(tmp_path, version) / names).unlink()
    assert {item.label for item in opened(tmp_path).items()} == {"0", "1", "2"}


def test_a_folder_without_cifar_is_refused(tmp_path):
    (tmp_path / "train").write_bytes(b"not CIFAR-100, whose names lie in a file called meta")
    sentence = (
        f"{tmp_path}: no CIFAR files in it; give the folder or archive with data_batch_1 (CIFAR-10), train and meta "
        "(CIFAR-100), or with data_batch_1.bin or train.bin of the binary version"
    )
    with refused(sentence):
        opened(tmp_path)


def test_two_versions_at_once_are_refused(tmp_path):
    cifar(tmp_path / "a", "python10")
    cifar(tmp_path / "b", "binary100")
    sentence = f"{tmp_path}: got CIFAR-10 python in a and CIFAR-100 binary in b; give the folder of one of them"
    with refused(sentence):
        opened(tmp_path)


def test_cifar_10_has_no_coarse_labels(tmp_path):
    sentence = f"{tmp_path}: CIFAR-10 python has no coarse labels; set labels_of to fine, or leave it out"
    with refused(sentence):
        opened(cifar(tmp_path), labels_of="coarse")


def test_a_batch_that_cannot_be_read_is_refused(tmp_path):
    (cifar(tmp_path) / "data_batch_2").unlink()
    (tmp_path / "data_batch_2").symlink_to("nothing")
    with refused(f"{tmp_path}: data_batch_2 cannot be read: a symbolic link to nothing"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"labels": FINE}, "no array of 3072 bytes per image under the key data; fetch it again"),
        (
            {"labels": FINE, "data": PLANAR[:, 1:]},
            "no array of 3072 bytes per image under the key data; fetch it again",
        ),
        ({"labels": FINE, "data": PLANAR[0]}, "no array of 3072 bytes per image under the key data; fetch it again"),
        ({"data": PLANAR}, "no list of labels under the key labels or fine_labels; fetch it again"),
        (
            {"data": PLANAR, "labels": ["0"] * 12},
            "no list of labels under the key labels or fine_labels; fetch it again",
        ),
        ({"data": PLANAR, "labels": FINE[1:]}, "12 images, but 11 labels; fetch it again"),
        ([PLANAR], "a pickle without the dict that CIFAR's files are; fetch it again"),
    ],
)
def test_a_batch_with_other_content_is_refused(content, sentence):
    with refused(f"data_batch_1: {sentence}"):
        python_batch(pickle.dumps(content), "data_batch_1", "fine")


@pytest.mark.parametrize(("size", "label_bytes"), [(0, 1), (3072, 1), (3073, 2)])
def test_a_binary_batch_that_is_cut_off_is_refused(size, label_bytes):
    sentence = f"train: {size} bytes, not whole records of {3072 + label_bytes}; it is cut off, fetch it again"
    with refused(sentence):
        binary_batch(bytes(size), "train", label_bytes, "fine")


@pytest.mark.parametrize("labels", [[0, 3], [0, -1]])
def test_a_label_without_a_name_is_refused(tmp_path, labels):
    dump(cifar(tmp_path) / "data_batch_1", {"labels": labels, "data": PLANAR[:2]})
    sentence = (
        f"{tmp_path}: data_batch_1: image 1 has the label {labels[1]}, which has no name; the file is damaged, or is "
        "not of the same data set as the names; fetch both again"
    )
    with refused(sentence):
        list(opened(tmp_path).items())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "no list of names under the key label_names or fine_label_names; fetch it again"),
        ({"label_names": [1]}, "no list of names under the key label_names or fine_label_names; fetch it again"),
        ({"label_names": []}, "0 names of classes, or very long ones; fetch it again"),
        ({"label_names": ["a" * 201]}, "1 names of classes, or very long ones; fetch it again"),
        ({"label_names": ["a", b"a"]}, "a class name stands twice in it; fetch it again"),
    ],
)
def test_names_that_are_none_are_refused(content, sentence):
    with refused(f"meta: {sentence}"):
        names_of_pickle(pickle.dumps(content), "meta", "fine")


def test_too_many_names_are_refused():
    with refused("names.txt: 1001 names of classes, or very long ones; fetch it again"):
        names_of_lines(b"\n".join(b"%d" % index for index in range(1001)), "names.txt")


class Call:
    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return os.system, (f"touch {self.victim}",)


def test_a_hostile_batch_runs_nothing(tmp_path):
    dump(cifar(tmp_path) / "data_batch_2", {"labels": FINE, "data": Call(tmp_path / "victim")})
    source = opened(tmp_path)
    sentence = (
        f"{tmp_path}: data_batch_2: the pickle asks for posix.system; only arrays, bytes, dicts and lists are read"
    )
    with refused(sentence):
        list(source.items())
    with pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        source.read("data_batch_2/00")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("member", ["data_batch_1/12", "data_batch_1/7", "data_batch_9/07", "07", "data_batch_1/x"])
def test_an_unknown_member_cannot_be_read(tmp_path, member):
    with pytest.raises(OSError, match=f"^{member}: there is no such image in raw$"):
        opened(cifar(tmp_path), name="raw").read(member)


def test_a_batch_that_is_gone_cannot_be_read(tmp_path):
    source = opened(cifar(tmp_path))
    (tmp_path / "data_batch_1").unlink()
    sentence = f"{tmp_path}: data_batch_1 cannot be read (No such file or directory); fetch it again"
    with pytest.raises(OSError, match=f"^{re.escape(sentence)}$"):
        source.read("data_batch_1/00")


def test_a_batch_that_is_new_is_read_anew(tmp_path):
    opened(cifar(tmp_path)).read("data_batch_1/00")
    dump(tmp_path / "data_batch_1", {"labels": FINE, "data": PLANAR[::-1]})
    os.utime(tmp_path / "data_batch_1", ns=(1, 1))
    assert opened(tmp_path).read("data_batch_1/00") == pnm_bytes(IMAGES[-1])


def test_threads_and_workers_read_the_same(tmp_path):
    source = pickle.loads(pickle.dumps(opened(cifar(tmp_path))))
    members = [f"data_batch_{batch}/{index:02d}" for index in range(12) for batch in (1, 2, 10)]
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(source.read, members))
    assert read == [pnm_bytes(image) for image in IMAGES for _ in range(3)]


def test_the_identity_changes_with_files_and_labels(tmp_path):
    before = opened(cifar(tmp_path, "python100")).identity()
    coarse = opened(tmp_path, labels_of="coarse").identity()
    os.utime(tmp_path / "meta", ns=(1, 1))
    assert len({before, coarse, opened(tmp_path).identity()}) == 3


SMALL = pickle.dumps({"labels": [1], "data": PLANAR[:1]}, 2)


@given(st.lists(st.tuples(st.integers(0, len(SMALL)), st.binary(max_size=4)), min_size=1, max_size=6))
def test_a_mutated_batch_has_images_or_is_refused(patches):
    mutated = io.BytesIO(SMALL)
    for position, patch in patches:
        mutated.seek(position)
        mutated.write(patch)
    try:
        batch = python_batch(mutated.getvalue(), "data_batch_1", "fine")
    except BadInput:
        return
    assert batch.pixels.shape == (len(batch.labels), 3072)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_block_holds_what_is_read_one_by_one(tmp_path, version):
    VERSIONS[version](tmp_path)
    source = opened(tmp_path)
    members = [item.member for item in source.items()][::-5]
    block = source.read_block(members)
    assert (block.dtype, block.shape) == (np.uint8, (len(members), 32, 32, 3))
    assert [pnm_bytes(image) for image in block] == [source.read(member) for member in members]


@pytest.mark.parametrize(
    "member", ["data_batch_1/12", "data_batch_1/1", "data_batch_3/01", "data_batch_1/" + "1" * 5000]
)
def test_a_block_with_an_unknown_member_cannot_be_read(tmp_path, member):
    python10(tmp_path)
    with pytest.raises(OSError, match="no such image"):
        opened(tmp_path).read_block(["data_batch_1/00", member])
