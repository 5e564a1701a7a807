import io
import json
import re

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.tables.text_tables import MAX_LINE_BYTES, column_in, first_column_of, open_table

ROWS = [{"file": "a.png", "label": "cat"}, {"file": "b.png", "label": "dog"}]


def rows(payload):
    return list(open_table(payload, "t").rows())


def refused(payload, message):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$"):
        rows(payload)


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv_with_usual_delimiters_and_ends_of_lines(delimiter, end, mark):
    lines = [delimiter.join(fields) for fields in (("file", "label"), ("a.png", "cat"), ("b.png", "dog"))]
    assert rows(mark + end.join(lines).encode()) == ROWS


def test_a_file_is_read_as_bytes_are(tmp_path):
    (tmp_path / "labels").write_text("file,label\na.png,cat\nb.png,dog\n")
    assert rows(tmp_path / "labels") == ROWS


def test_quoted_csv_fields_hold_delimiters_quotes_and_line_breaks():
    assert rows(b'file,label\n"a,b.png","a ""big""\ncat"\n') == [{"file": "a,b.png", "label": 'a "big"\ncat'}]


def test_empty_csv_lines_are_no_rows_and_empty_fields_are_empty_text():
    assert rows(b"file,label\n\na.png,\n\n") == [{"file": "a.png", "label": ""}]


def test_a_csv_column_without_a_name_is_named_by_its_place():
    assert rows(b",file\n0,a.png\n") == [{"column_1": "0", "file": "a.png"}]


def test_csv_as_pandas_writes_it():
    frame = pd.DataFrame({"file": ["a,1.png", 'b"2".png', "c\n3.png", "é.png"], "label": ["x", "y", None, "z"]})
    read = rows(frame.to_csv(index=False).encode())
    assert read == frame.fillna("").to_dict("records")


def test_json_lines_with_all_kinds_of_values():
    lines = [
        {"file": "a.png", "label": 3, "score": 1.5, "flag": True},
        {"file": "b.png", "label": None, "parts": ["x", {"y": 1}], "whole": 4.0},
    ]
    table = open_table("\n\n".join(json.dumps(line) for line in lines).encode(), "t")
    assert table.columns == ("file", "label", "score", "flag", "parts", "whole")
    first, second = table.rows()
    assert (first["label"], first["score"], first["flag"], first["parts"]) == ("3", "1.5", "true", None)
    assert (second["label"], second["parts"], second["whole"]) == (None, '["x", {"y": 1}]', "4")


def test_json_text_that_no_file_can_hold_is_escaped():
    assert rows(b'{"file": "\\ud800.png"}') == [{"file": "\\ud800.png"}]


def test_parquet_with_all_kinds_of_columns():
    payload = parquet(
        file=pa.array(["a.png", "b.png"]),
        label=pa.array(["cat", None]).dictionary_encode(),
        number=pa.array([1, 2], pa.int8()),
        score=pa.array([float("nan"), 0.5]),
        raw=pa.array([b"x", b"\xff"]),
    )
    assert rows(payload) == [
        {"file": "a.png", "label": "cat", "number": "1", "score": None, "raw": "x"},
        {"file": "b.png", "label": None, "number": "2", "score": "0.5", "raw": "\\xff"},
    ]


def test_parquet_with_more_rows_than_a_batch():
    names = [f"{number}.png" for number in range(10_000)]
    assert [row["file"] for row in rows(parquet(file=names))] == names


@pytest.mark.parametrize("payload", [b"a,b,c\n1,2,3\n", b'{"a": 1, "b": 2, "c": 3}', parquet(a=[1], b=[2], c=[3])])
def test_only_wanted_columns_are_read(payload):
    assert list(open_table(payload, "t").rows(["c", "a"])) == [{"c": "3", "a": "1"}]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "t: an empty table; give CSV, JSON Lines or Parquet with a header and rows"),
        (b"\xef\xbb\xbf \n", "t: an empty table; give CSV, JSON Lines or Parquet with a header and rows"),
        (b"\x1f\x8b\x08", "t: compressed with gzip; unpack it first"),
        (b"PK\x03\x04", "t: a zip archive or a spreadsheet; save it as CSV (UTF-8)"),
        ("file\na.png\n".encode("utf-16"), "t: UTF-16; save it as UTF-8"),
        (b'[{"file": "a.png"}]', "t: a JSON array; give JSON Lines, one object per line"),
        (b"file,file\n", "t: two columns are named 'file'; give each a name of its own"),
        (
            b"file,label\na.png,cat\nb.png\n",
            "t: line 3 has 1 fields, the header has 2; put fields that hold the delimiter into double quotes",
        ),
        (
            b'file,label\n"x\ny",cat\nb.png,dog,1\n',
            "t: line 4 has 3 fields, the header has 2; put fields that hold the delimiter into double quotes",
        ),
        (
            b'file,label\na.png,cat\n"b.png,dog\nc.png,cat\n',
            "t: the record that begins in line 3 is no CSV (unexpected end of data)",
        ),
        (
            b'file,label\n"a"b.png,cat\n',
            "t: the record that begins in line 2 is no CSV (',' expected after '\"')",
        ),
        (
            b"file,label\na.png," + b"x" * 200_000,
            "t: the record that begins in line 2 is no CSV (field larger than field limit (131072))",
        ),
        (b"file\na\x00.png\n", "t: line 2 holds a zero byte, which no text does; save it anew"),
        (b"file\na.png\ncaf\xe9.png\n", "t: line 3 is not UTF-8; save the table as UTF-8"),
        (b"file\n" + b"x" * (MAX_LINE_BYTES + 1), "t: line 2 is longer than 1 MiB"),
        (b'{"file": "a.png"}\n{"file":\n', "t: line 2 is no JSON; give one object per line"),
        (b'{"file": "a.png"}\n[1]\n', "t: line 2 is no JSON object; give one object per line"),
        (b'{"a": ' + b"[" * 100_000, "t: line 1 is no JSON; give one object per line"),
    ],
    ids=range(18),
)
def test_what_is_no_table_is_told_with_its_line(payload, message):
    refused(payload, message)


def test_a_damaged_parquet_file_is_told():
    payload = parquet(file=["a.png"] * 1000)
    with pytest.raises(BadInput, match=r"^t: a damaged Parquet file"):
        rows(payload[: len(payload) // 2])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadInput, match=r"^t: cannot be read \(No such file or directory\)$"):
        open_table(tmp_path / "gone.csv", "t")


def test_a_column_that_is_not_there_is_told_with_those_that_are():
    table = open_table(b"id,kind\n", "t")
    assert column_in(table, "kind", "label_column") == "kind"
    with pytest.raises(BadInput, match=r"^t: no column 'label'; set label_column to one of id, kind$"):
        column_in(table, "label", "label_column")


def test_the_first_usual_name_that_is_a_column_whatever_its_case():
    table = open_table(b"Image,FILE,x\n", "t")
    assert first_column_of(table, ("file", "image")) == "FILE"
    assert first_column_of(table, ("path",)) is None


PARQUET = parquet(file=["a.png", "b.png"], label=["cat", "dog"])


@given(st.binary() | st.binary().map(lambda tail: b"PAR1" + tail) | st.text().map(lambda text: text.encode()))
@example(b"\n\n\n")
@example(b"\r\r")
@example(b'"')
def test_any_bytes_are_rows_or_refused(payload):
    try:
        read = rows(payload)
    except BadInput as refusal:
        assert str(refusal).startswith("t: ")
    else:
        assert all(value is None or value.encode() is not None for row in read for value in row.values())


@given(st.data())
def test_a_parquet_file_with_a_changed_byte_is_rows_or_refused(data):
    place = data.draw(st.integers(0, len(PARQUET) - 1))
    damaged = bytearray(PARQUET)
    damaged[place] ^= data.draw(st.integers(1, 255))
    try:
        assert len(rows(bytes(damaged))) <= 1_000_000
    except BadInput as refusal:
        assert str(refusal).startswith("t: ")


fields = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@given(st.lists(st.tuples(fields, fields), max_size=5))
def test_json_lines_give_back_any_text(pairs):
    lines = [json.dumps({"file": file, "label": label}) for file, label in [("x", "y"), *pairs]]
    assert [(row["file"], row["label"]) for row in rows("\n".join(lines).encode())][1:] == pairs
