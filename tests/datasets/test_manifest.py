import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.errors import FormatError
from datasets.manifest import (
    ADDED_IN_2,
    FINDINGS_SCHEMA,
    ROW_GROUP_ROWS,
    SCHEMA,
    Status,
    in_use,
    key_text,
    manifest_writer,
    read_table,
    reason_counts,
    status_counts,
    table_of,
    with_columns,
    write_table,
)


def row(member: str, status: Status = Status.KEPT, **values) -> dict:
    return {"source": "digits", "member": member, "frame": 0, "kind": "real", "status": status, **values}


ROWS = [
    row("a.png", label="7", phash=2**64 - 1, mean=0.5, thumbnail=bytes(1024), channel_sums=[1, 2, 3]),
    row("b.png", Status.REPAIRED, reason="exif_orientation"),
    row("c.png", Status.REJECTED, reason="truncated"),
    row("d.png", Status.REJECTED, reason="damaged"),
    row("e.png", Status.REJECTED, reason="truncated"),
    row("f.png", Status.UNSELECTED, reason="balance"),
]

VALUES = {
    pa.string(): st.text(),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.binary(1024): st.sampled_from([bytes(1024), bytes(range(256)) * 4]),
    SCHEMA.field("channel_sums").type: st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
}
ANY_ROW = st.fixed_dictionaries(
    {field.name: VALUES[field.type] if not field.nullable else st.none() | VALUES[field.type] for field in SCHEMA}
)


@given(st.lists(ANY_ROW, max_size=2))
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_every_column_comes_back_as_it_was_written(tmp_path, rows):
    write_table(table_of(rows), tmp_path / "manifest.parquet")
    table = read_table(tmp_path / "manifest.parquet")
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert table.to_pylist() == rows


def test_a_table_that_was_read_can_be_joined_with_a_new_one(tmp_path):
    write_table(table_of(ROWS), tmp_path / "manifest.parquet")
    joined = pa.concat_tables([read_table(tmp_path / "manifest.parquet"), table_of(ROWS)])
    assert joined.num_rows == 2 * len(ROWS)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_table(table_of(ROWS), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def write_in_pieces(path, table, pieces):
    """Cut a table after each of so many rows; what is left goes last."""
    with manifest_writer(path) as writer:
        for rows in pieces:
            writer.write(table.slice(0, rows))
            table = table.slice(rows)
        writer.write(table)


@given(st.lists(st.integers(0, 40_000), max_size=6))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_of_any_size_give_the_same_bytes(tmp_path, pieces):
    count = ROW_GROUP_ROWS + 1000
    members = [f"{number * 7919 % count:06d}.png" for number in range(count)]
    blank = {field.name: pa.nulls(count, field.type) for field in SCHEMA if field.nullable}
    key = {"source": ["digits"] * count, "member": members, "frame": [0] * count}
    table = pa.Table.from_pydict(blank | key | {"kind": ["real"] * count, "status": ["kept"] * count}, schema=SCHEMA)
    write_table(table, tmp_path / "whole")
    write_in_pieces(tmp_path / "pieces", table, pieces)
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()
    groups = pq.ParquetFile(tmp_path / "pieces").metadata
    assert [groups.row_group(index).num_rows for index in range(groups.num_row_groups)] == [ROW_GROUP_ROWS, 1000]


def test_rows_are_written_as_they_come_and_counted(tmp_path):
    with manifest_writer(tmp_path / "manifest.parquet") as writer:
        writer.write(ROWS[:2])
        writer.write([])
        writer.write(table_of(ROWS[2:]))
        assert writer.rows == len(ROWS)
    assert read_table(tmp_path / "manifest.parquet").equals(table_of(ROWS))


def test_without_a_row_an_empty_table_is_written(tmp_path):
    with manifest_writer(tmp_path / "manifest.parquet"):
        pass
    assert read_table(tmp_path / "manifest.parquet").equals(table_of([]))


def test_a_manifest_that_could_not_be_finished_is_not_there(tmp_path):
    with pytest.raises(OSError, match=r"^lost$"), manifest_writer(tmp_path / "manifest.parquet") as writer:
        writer.write(ROWS)
        raise OSError("lost")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def version_1(tmp_path):
    """A manifest as version 1 was written."""
    table = table_of(ROWS).drop_columns(list(ADDED_IN_2)).replace_schema_metadata({"manifest_version": "1"})
    pq.write_table(table, tmp_path / "manifest.parquet")
    return tmp_path / "manifest.parquet"


def test_version_1_is_read_with_nulls_for_what_it_lacks(version_1):
    table = read_table(version_1)
    assert table.schema.equals(SCHEMA, check_metadata=True)
    assert table.equals(table_of(ROWS))


@pytest.mark.parametrize(
    "columns", [["caption"], ["member", "source_split", "status"], ["member"]], ids=["lacking", "both", "there"]
)
def test_columns_of_version_1_can_be_asked_for_that_it_lacks(version_1, columns):
    assert read_table(version_1, columns).equals(table_of(ROWS).select(columns))


def test_findings_of_version_1_are_read(tmp_path):
    table = table_of([], FINDINGS_SCHEMA).replace_schema_metadata({"manifest_version": "1"})
    pq.write_table(table, tmp_path / "findings.parquet")
    assert read_table(tmp_path / "findings.parquet").schema.equals(FINDINGS_SCHEMA, check_metadata=True)


def test_findings_come_back_as_they_were_written(tmp_path):
    finding = {
        **{"source": "digits", "member": "a.png", "frame": 0, "sha256": "00"},
        **{"finding": "truncated", "severity": "reject", "detail": "12 bytes are missing"},
    }
    write_table(table_of([finding], FINDINGS_SCHEMA), tmp_path / "findings.parquet")
    assert read_table(tmp_path / "findings.parquet").to_pylist() == [finding]


def test_only_the_columns_asked_for_are_read(tmp_path):
    write_table(table_of(ROWS), tmp_path / "manifest.parquet")
    assert read_table(tmp_path / "manifest.parquet", columns=["member", "status"]).column_names == ["member", "status"]


@pytest.mark.parametrize(
    ("metadata", "version"), [({"manifest_version": "7"}, "7"), (None, "none")], ids=["newer", "not ours"]
)
def test_an_unknown_version_is_refused_by_name(tmp_path, metadata, version):
    path = tmp_path / "manifest.parquet"
    pq.write_table(table_of(ROWS).replace_schema_metadata(metadata), path)
    sentence = f"{path}: manifest version {version}, this code reads 1 and 2; run the stage again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        read_table(path)


def damaged_message(path) -> str:
    return rf"^{re.escape(str(path))}: not a readable manifest \(.+\); delete it and run the stage again$"


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99], ids=["empty", "head", "half", "nearly all"])
def test_a_cut_off_file_is_refused(tmp_path, kept):
    path = tmp_path / "manifest.parquet"
    write_table(table_of(ROWS), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.raises(FormatError, match=damaged_message(path)):
        read_table(path)


def test_a_missing_file_is_refused(tmp_path):
    path = tmp_path / "manifest.parquet"
    with pytest.raises(FormatError, match=damaged_message(path)):
        read_table(path)


def test_a_flipped_bit_in_the_values_is_found(tmp_path):
    path = tmp_path / "manifest.parquet"
    noise = np.random.default_rng(0).bytes(1024)
    write_table(table_of([row("a.png", thumbnail=noise)]), path)
    data = bytearray(path.read_bytes())
    position = data.index(noise[500:520])
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match=damaged_message(path)):
        read_table(path)


def test_whole_columns_are_replaced_and_cast():
    table = with_columns(table_of(ROWS), class_id=pa.array([0] * 6, pa.int64()), split=["train"] * 6)
    assert table.schema.equals(SCHEMA)
    assert table["class_id"].to_pylist() == [0] * 6
    assert table["split"].to_pylist() == ["train"] * 6


def test_in_use_are_the_kept_and_repaired():
    assert in_use(table_of(ROWS))["member"].to_pylist() == ["a.png", "b.png"]


def test_the_counts_add_up_to_the_rows():
    counts = status_counts(table_of(ROWS))
    assert counts == {"kept": 1, "repaired": 1, "rejected": 3, "unselected": 1}
    assert sum(counts.values()) == len(ROWS)


def test_every_status_is_counted_in_an_empty_table():
    assert status_counts(table_of([])) == {"kept": 0, "repaired": 0, "rejected": 0, "unselected": 0}


def test_reasons_are_those_of_rows_that_are_out_most_frequent_first():
    assert list(reason_counts(table_of(ROWS)).items()) == [("truncated", 2), ("balance", 1), ("damaged", 1)]


def test_reasons_are_counted_where_one_was_forgotten():
    rows = [row("a", Status.REJECTED), row("b", Status.REJECTED, reason="damaged")]
    assert reason_counts(table_of(rows)) == {None: 1, "damaged": 1}


def test_the_key_as_text():
    assert key_text(row("7/0012.png") | {"frame": 3}) == "digits/7/0012.png#3"
