"""What fuzzing found, each as the smallest file that did it."""

import re
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.errors import BadInput, FormatError, brief
from datasets.gate_file import read_gate
from datasets.manifest import SCHEMA, read_table
from datasets.sources.downloads.url_rows import UrlRows
from datasets.tfds_layout import read_index
from flows.settings import load_settings
from gan.checkpoints import newest_checkpoint
from gan.metrics.statistics_file import load_statistics
from gan.sampling import load_generator
from gan.weight_files import read_arrays, write_arrays
from tasks.curation.overrides import read_overrides
from tasks.lineage.record import read_lineage
from tasks.run import read_run
from tasks.run_position import read_position
from tasks.state import read_state

DEEP = "[" * 100_000 + "]" * 100_000
OF_FOLDERS = {"gate.json": read_gate, "index.json": read_index, "lineage.json": read_lineage, "state.json": read_state}
BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("content", [DEEP, "[]", "3", "null", "\xff", '{"format_version": {}}'])
@pytest.mark.parametrize("name", [*OF_FOLDERS, "generator.json"])
def test_json_of_another_kind_is_damage_in_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(FormatError, match=re.escape(str(tmp_path / name))) as caught:
        OF_FOLDERS.get(name, load_generator)(tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("content", [DEEP, "[]", "3", "\xff", "{}"])
def test_a_record_of_a_run_that_is_none(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(FormatError, match=re.escape(str(path))):
        read_run(path)


@pytest.mark.parametrize("content", [DEEP, "[]", "\xff", '{"format_version": 1}'])
def test_a_damaged_position_is_none(tmp_path, content):
    path = tmp_path / "run.unfinished"
    path.write_text(content, encoding="latin-1")
    assert read_position(path) is None


def test_a_generator_whose_spec_is_no_spec(tmp_path):
    (tmp_path / "generator.json").write_text('{"format_version": 1, "spec": {"width": -1}}')
    with pytest.raises(FormatError, match=r"generator\.json: not readable \(\d+ validation errors for ModelSpec"):
        load_generator(tmp_path)


def test_a_manifest_of_version_1_with_columns_of_version_2(tmp_path):
    path = tmp_path / "manifest.parquet"
    pq.write_table(SCHEMA.empty_table().replace_schema_metadata({"manifest_version": "1"}), path)
    with pytest.raises(FormatError, match=r"not a readable manifest .*caption"):
        read_table(path, ["member", "caption"])


def test_a_manifest_whose_version_is_no_text(tmp_path):
    path = tmp_path / "manifest.parquet"
    pq.write_table(SCHEMA.empty_table().replace_schema_metadata({b"manifest_version": b"\xff"}), path)
    with pytest.raises(FormatError, match="not a readable manifest"):
        read_table(path)


@pytest.mark.parametrize("read", [read_table, lambda path: list(UrlRows(path, ("url", *[None] * 5)))])
def test_a_damaged_parquet_file_is_told_of_in_one_line(tmp_path, read):
    path = tmp_path / "table"
    pq.write_table(pa.table({"url": ["http://a.example"]}), path)
    content = bytearray(path.read_bytes())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[footer : footer + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_columns_with_line_breaks_are_told_of_in_one_line(tmp_path):
    (tmp_path / "urls").write_text('url,"a\nb"\nhttp://a.example,1\n')
    with pytest.raises(BadInput, match="no column 'label' in it; there are a b, url; name one of them"):
        list(UrlRows(tmp_path / "urls", ("url", "label", *[None] * 4)))


@pytest.mark.parametrize("record", [[], "x", 3, None])
def test_weights_whose_record_is_no_record(tmp_path, record):
    write_arrays(tmp_path / "step-000000001.npz", {"a": np.zeros(1)}, record)
    with pytest.raises(FormatError, match=r"not a readable weights file \(its record is a JSON \w+\)"):
        read_arrays(tmp_path / "step-000000001.npz")
    assert newest_checkpoint(tmp_path).checkpoint is None


def test_weights_that_claim_more_than_any_memory(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 1000)}"
    array = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", array)
    with pytest.raises(FormatError, match="not a readable weights file"):
        read_arrays(tmp_path / "w.npz")


@pytest.mark.parametrize("name", ["mean", "factor"])
def test_statistics_without_their_arrays(tmp_path, name):
    arrays = {"mean": np.zeros(2), "factor": np.zeros((5, 2))}
    del arrays[name]
    record = {"kind": "feature statistics", "format_version": 1, "extractor": "e", "n": 5}
    write_arrays(tmp_path / "s.npz", arrays, record)
    with pytest.raises(FormatError, match=f"holds no '{name}'; measure the reference again"):
        load_statistics(tmp_path / "s.npz", "e")


@pytest.mark.parametrize(
    "value",
    ["2001-99-99", "2001-01-01 25:61:61", "!!timestamp x", "!!int x", "!!float x", "1" * 5000, DEEP[:3000]],
)
def test_yaml_that_python_cannot_make_is_no_valid_yaml(tmp_path, value):
    path = tmp_path / "s.yaml"
    path.write_text(f"dataset: {value}\n")
    with pytest.raises(BadInput, match=re.escape(f"settings file {path} is not valid YAML")) as caught:
        load_settings(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("content", [BOMB, "a: &x [*x]", "a: &x {b: *x}"])
def test_yaml_that_grows_or_holds_itself_is_refused(tmp_path, content):
    for path, read in ((tmp_path / "s.yaml", load_settings), (tmp_path / "o.yaml", read_overrides)):
        path.write_text(content)
        with pytest.raises(BadInput, match=r"references \(\*\) repeat more than 10000 values, or one holds itself"):
            read(path)


def test_references_that_repeat_little_are_fine(tmp_path):
    path = tmp_path / "o.yaml"
    path.write_text("- {member: a, action: &what drop}\n- {member: b, action: *what}\n")
    assert [entry.action for entry in read_overrides(path)] == ["drop", "drop"]


@pytest.mark.parametrize("name", [r'"\ud800"', r'"a\0b"'])
def test_half_a_character_is_no_path(tmp_path, name):
    path = tmp_path / "s.yaml"
    path.write_text(f"dataset: d\nsource: {{path: {name}}}\n")
    with pytest.raises(BadInput, match="the settings hold a path that no file can have"):
        load_settings(path)


def test_long_wrong_values_are_not_repeated_whole(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(f"dataset: d\nsource: {{path: photos}}\nseed: {'x' * 100_000}\n")
    with pytest.raises(BadInput, match="seed is 'xxx") as caught:
        load_settings(path)
    assert len(str(caught.value)) < 600


def test_wrong_addresses_are_told_of_without_their_passwords(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("dataset: d\nsource: {path: photos}\ncompute: {dask_address: 'tcp://me:hush@host'}\n")
    with pytest.raises(BadInput, match=re.escape("'tcp://...@host' is no address of a Dask scheduler")):
        load_settings(path)


def test_what_errors_say_is_one_short_line():
    assert brief(ValueError("a\n  b")) == "a b"
    assert brief("x" * 400) == "x" * 299 + "…"
    assert brief("see s3://key:pass@bucket/a") == "see s3://...@bucket/a"
