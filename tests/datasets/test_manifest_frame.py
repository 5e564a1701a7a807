"""The manifest as a pandas table: the same rows, sound types, and sentences for what is not there."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import datasets
from datasets.errors import BadInput, FormatError
from datasets.manifest import MANIFEST_FILE, SCHEMA, write_table
from datasets.manifest_frame import NOT_UNASKED, load_manifest

ROWS = [
    {"source": "photos", "member": "a.png", "frame": 0, "kind": "real", "label": "cat", "status": "kept"}
    | {"width_px": 40, "mean": 12.5, "phash": 2**64 - 1, "thumbnail": bytes(1024), "class_id": 0, "split": "train"},
    {"source": "photos", "member": "b.png", "frame": 0, "kind": "real", "label": None, "status": "rejected"}
    | {"reason": "truncated", "detail": "the file ends early"},
]


@pytest.fixture
def folder(tmp_path, write_rows):
    write_rows(tmp_path / MANIFEST_FILE, ROWS)
    return tmp_path


@pytest.fixture
def write_rows():
    def write(path, rows):
        write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)

    return write


def test_every_row_is_there_in_its_order(folder):
    frame = load_manifest(folder)
    assert frame.member.tolist() == ["a.png", "b.png"]
    assert frame.status.tolist() == ["kept", "rejected"]
    assert frame.reason.isna().tolist() == [True, False]


def test_whole_numbers_stay_whole_where_some_are_missing(folder):
    frame = load_manifest(folder)
    assert (frame.width_px.dtype, frame.phash.dtype) == (pd.Int32Dtype(), pd.UInt64Dtype())
    assert frame.phash[0] == 2**64 - 1
    assert frame.width_px[1] is pd.NA


def test_texts_that_repeat_are_categories(folder):
    frame = load_manifest(folder)
    assert list(frame.label.cat.categories) == ["cat"]
    assert frame.groupby("status", observed=True).size().to_dict() == {"kept": 1, "rejected": 1}


def test_what_takes_room_comes_only_when_asked_for(folder):
    assert set(load_manifest(folder).columns) == set(SCHEMA.names) - set(NOT_UNASKED)
    asked = load_manifest(folder, columns=["thumbnail", "member"])
    assert list(asked.columns) == ["thumbnail", "member"]
    assert asked.thumbnail[0] == bytes(1024)


def test_a_file_and_a_published_name_are_places_too(folder, tmp_path_factory, build_dataset_in, write_rows):
    assert load_manifest(folder / MANIFEST_FILE).equals(load_manifest(folder))
    root = tmp_path_factory.mktemp("published")
    version = build_dataset_in(root, "tiny", {"train": np.zeros((3, 16, 16, 1), np.uint8)})
    write_rows(version / MANIFEST_FILE, ROWS)
    assert datasets.load_manifest(root / "tiny").equals(load_manifest(folder))


def test_an_unknown_column_is_refused_with_those_that_there_are(folder):
    expected = f"got column 'size'; a manifest has {', '.join(SCHEMA.names)}"
    with pytest.raises(BadInput, match=f"^{re.escape(expected)}$"):
        load_manifest(folder, columns=["member", "size"])


def test_a_place_without_a_data_set_is_refused(tmp_path):
    expected = f"{tmp_path / 'none'}: no such folder; give <name>/ or <name>/<x.y.z>/ of a published data set"
    with pytest.raises(BadInput, match=f"^{re.escape(expected)}$"):
        load_manifest(tmp_path / "none")


def test_a_damaged_manifest_is_refused_by_name(folder):
    (folder / MANIFEST_FILE).write_bytes(b"not a table")
    with pytest.raises(FormatError, match=f"^{re.escape(str(folder / MANIFEST_FILE))}: not a readable manifest "):
        load_manifest(folder)
