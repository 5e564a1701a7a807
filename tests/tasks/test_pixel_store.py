import numpy as np
import pyarrow as pa
import pytest

from datasets.pixel_packs import PackReader
from tasks.imaging.measures import sample
from tasks.pixel_store import NOT_PREPARED, StoredRows, write_pack
from tasks.scanning.file import rejected_row


def row(sha256, frame=0):
    return {"sha256": sha256, "frame": frame, "status": "kept", "findings": []}


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "pixels" / "recipe"
    folder.mkdir(parents=True)
    write_pack(
        folder, "pack-1", [(row("a"), None, b"pixels of a"), (row("b", 1), None, b"b1"), (row("b"), None, b"b0")]
    )
    write_pack(folder, "pack-2", [(row("c"), None, b"pixels of c"), (row("a"), None, b"pixels of a")])
    return folder


def found(store, *asked, unstored=()):
    table = StoredRows(store, list(unstored)).of(pa.chunked_array([list(asked)], pa.string()))
    return list(zip(table["sha256"].to_pylist(), table["frame"].to_pylist(), strict=True))


def test_rows_come_in_the_order_asked_for_and_of_frames(store):
    assert found(store, "c", "b", None, "a", "c") == [("c", 0), ("b", 0), ("b", 1), ("a", 0)]


def test_a_payload_that_was_stored_twice_comes_once(store):
    assert found(store, "a") == [("a", 0)]


def test_what_nobody_asks_for_or_nobody_knows_is_left_out(store):
    assert found(store, "b", "z") == [("b", 0), ("b", 1)]
    assert found(store) == []


def test_rows_that_are_not_stored_are_found_too(store):
    unstored = [rejected_row("x", "vanished", "it is gone")]
    assert found(store, "x", "a", unstored=unstored) == [("x", 0), ("a", 0)]


def test_rows_point_to_their_prepared_images(store):
    table = StoredRows(store, []).of(pa.chunked_array([["b", "c"]]))
    with PackReader(store.parent.parent) as packs:
        places = (table[name].to_pylist() for name in ("pack", "offset", "length"))
        assert [packs.read(*place) for place in zip(*places, strict=True)] == [b"b0", b"b1", b"pixels of c"]


def test_an_image_that_was_only_measured_has_an_empty_pack(store):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_pack(store, "pack-3", [(row("m"), sample(image), None), (rejected_row("r", "damaged", "rotten"), None, None)])
    table = StoredRows(store, []).of(pa.chunked_array([["m", "r"]]))
    assert table["pack"].to_pylist() == [NOT_PREPARED, None]
    assert [value is None for value in table["mean"].to_pylist()] == [False, True]
