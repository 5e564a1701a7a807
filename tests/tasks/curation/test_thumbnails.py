import numpy as np
import pyarrow as pa

from datasets.manifest import SCHEMA, table_of, write_table
from tasks.curation.thumbnails import thumbnail_array, thumbnail_file

PICTURES = [bytes([level]) * 1024 for level in range(5)]


def column(values):
    return pa.chunked_array([pa.array(values, SCHEMA.field("thumbnail").type)])


def test_missing_thumbnails_are_black():
    assert thumbnail_array(column([PICTURES[3], None, PICTURES[4]]))[:, 0].tolist() == [3, 0, 4]


def test_slices_and_chunks_are_read_in_their_order():
    whole = column(PICTURES)
    assert thumbnail_array(whole.slice(2, 3))[:, 7].tolist() == [2, 3, 4]
    parts = pa.chunked_array([*whole.slice(3).chunks, *whole.slice(0, 2).chunks, *column([None]).chunks])
    assert thumbnail_array(parts)[:, 7].tolist() == [3, 4, 0, 1, 0]


def test_a_manifest_without_thumbnails_gives_black_ones():
    assert thumbnail_array(column([None, None])).shape == (2, 1024)
    assert thumbnail_array(column([])).shape == (0, 1024)


def test_a_file_of_thumbnails_is_mapped(tmp_path):
    key = {"source": "s", "frame": 0, "kind": "real", "status": "kept"}
    rows = [key | {"member": str(number), "thumbnail": picture} for number, picture in enumerate(PICTURES)]
    write_table(table_of(rows), tmp_path / "manifest.parquet")
    mapped = thumbnail_file(tmp_path / "manifest.parquet", tmp_path / "thumbnails.npy")
    assert isinstance(mapped, np.memmap)
    assert mapped[:, 1023].tolist() == list(range(5))
