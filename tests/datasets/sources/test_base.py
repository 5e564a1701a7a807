import errno
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.sources import open_source, source_settings
from datasets.sources.base import without_folders


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOENT, "No such file or directory", "/home/me/1.png"), "No such file or directory"),
        (OSError("[Errno 2] No such file: '/home/me/my photos/1.png'"), "[Errno 2] No such file: '1.png'"),
        (OSError("/home/me/cif: data_batch_1.bin is cut off"), "cif: data_batch_1.bin is cut off"),
        (OSError("GET https://a.example/b/c.png: 404"), "GET https://a.example/b/c.png: 404"),
        (OSError("the member cat/1.png is damaged"), "the member cat/1.png is damaged"),
    ],
)
def test_folders_of_this_machine_are_left_out(error, sentence):
    assert without_folders(error) == sentence


def idx(folder):
    (folder / "train-images-idx3-ubyte").write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4])
    )


def packed_idx(folder):
    idx(folder)
    path = folder / "train-images-idx3-ubyte"
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def table(folder):
    pq.write_table(pa.table({"image": [b"x" * 100], "label": ["a"]}), folder / "t.parquet")


def flat(folder):
    (folder / "1.png").write_bytes(b"x")


KINDS = {
    "idx": (idx, "idx"),
    "packed idx": (packed_idx, "idx"),
    "table": (table, "image_table"),
    "flat": (flat, "auto"),
}


@pytest.mark.parametrize("damage", ["gone", "cut"])
@pytest.mark.parametrize(("write", "kind"), KINDS.values(), ids=KINDS)
def test_what_cannot_be_read_any_more_names_no_folder(tmp_path, write, kind, damage):
    write(tmp_path)
    source = open_source(source_settings(path=tmp_path, kind=kind), tmp_path / "cache")
    (item,) = source.items()
    (path,) = tmp_path.iterdir()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        payload = source.read(item.member)
    except OSError as error:
        assert str(tmp_path) not in without_folders(error)
    else:
        assert (kind, damage, payload) == ("auto", "cut", b"")
