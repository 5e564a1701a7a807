"""docs/formats.md says what the code does."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

import datasets
from datasets.example_proto import decode_example
from datasets.gate_file import Metric, Outcome
from datasets.image_record import ImageRecord, encode_record
from datasets.manifest import SCHEMA
from datasets.tfds_layout import read_index

PAGE = Path(datasets.__file__).parents[1] / "docs" / "formats.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)


def test_the_columns_of_the_manifest_in_their_order(page):
    assert first_cells(section(page, "Manifest")) == SCHEMA.names


def test_the_types_of_the_manifest(page):
    words = {"list of int64": "list<element: int64>", "bytes": "fixed_size_binary[1024]"}
    types = re.findall(r"^\| `\w+` \| ([^|]+) \|", section(page, "Manifest"), flags=re.MULTILINE)
    assert [words.get(name, name) for name in types] == [str(field.type) for field in SCHEMA]


def test_the_features_of_a_record(page):
    features = decode_example(encode_record(ImageRecord(image=b"", id="", kind="real", label=0, pixel_range=(0, 1))))
    assert sorted(first_cells(section(page, "Records"))) == sorted(features)


def test_the_index_shown_is_one(page, tmp_path):
    shown = re.search(r"```json\n(.+?)```", section(page, "`index.json`"), flags=re.DOTALL)[1]
    (tmp_path / "index.json").write_text(shown)
    index = read_index(tmp_path)
    assert index.records("train") == 9
    assert set(json.loads(shown)["splits"]) == set(index.splits)


def test_the_gate_names_every_field_and_outcome(page):
    text = section(page, "`gate.json`")
    missing = [field.name for field in fields(Metric) if f"`{field.name}`" not in text]
    assert not missing
    assert not [outcome for outcome in Outcome if f"`{outcome}`" not in text]
