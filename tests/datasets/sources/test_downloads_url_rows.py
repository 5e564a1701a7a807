import json
import re
from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.sources.downloads.url_rows import UrlRow, UrlRows

ONLY_URL = ("url", None, None, None, None, None)
ALL = ("url", "label", "caption", "group", "licence", "split")


@pytest.fixture
def rows(tmp_path):
    """rows(content, columns) are those of a list with this content."""

    def make(content: str | bytes, columns=ONLY_URL) -> UrlRows:
        path = tmp_path / "list"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return UrlRows(path, columns)

    return make


def refusal(rows: UrlRows) -> str:
    with pytest.raises(BadInput) as caught:
        list(rows)
    return str(caught.value).removeprefix(f"{rows.path}: ")


def test_a_text_has_one_url_a_line_and_comments(rows):
    text = "\ufeff# ours\r\nhttp://a/1\r\n\r\n  http://a/2,b \n#http://a/3\nnot a url"
    assert list(rows(text)) == [UrlRow("http://a/1"), UrlRow("http://a/2,b"), UrlRow("not a url")]


@pytest.mark.parametrize("line", ["http://a/1,b.jpg,cat", "http://a/1"])
def test_a_line_with_more_or_fewer_cells_than_the_header_is_refused(rows, line):
    cells = line.count(",") + 1
    sentence = f"line 2 has {cells} cells, the header 2; put cells with a delimiter in them into double quotes"
    with pytest.raises(BadInput, match=f"{re.escape(sentence)}$"):
        list(rows(f"url,label\n{line}\n", ("url", "label", None, None, None, None)))


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_table_with_any_delimiter(rows, delimiter):
    lines = [
        ["label", "url", "x"],
        ["cat", "http://a/1", ""],
        ['"a ""b"""', "http://a/2", ""],
        ["dog", "", ""],
        [],
        ["", "http://a/3", ""],
    ]
    text = "\n".join(delimiter.join(cells) for cells in lines)
    assert list(rows(text, ("url", "label", None, None, None, None))) == [
        UrlRow("http://a/1", "cat"),
        UrlRow("http://a/2", 'a "b"'),
        UrlRow(None, "dog"),
        UrlRow("http://a/3", None),
    ]


def test_every_column_reaches_its_field(rows):
    text = "split,licence,group,caption,label,url\ntest,CC0-1.0,g,a cat,cat,http://a/1\n"
    assert list(rows(text, ALL)) == [UrlRow("http://a/1", "cat", "a cat", "g", "CC0-1.0", "test")]


def test_json_lines(rows):
    values = [
        {"url": "http://a/1", "label": 3},
        {"label": True},
        {"url": None, "label": None},
        {"url": "u", "label": " "},
    ]
    text = "\n\n".join(map(json.dumps, values))
    assert list(rows(text, ("url", "label", None, None, None, None))) == [
        UrlRow("http://a/1", "3"),
        UrlRow(None, "true"),
        UrlRow(None),
        UrlRow("u"),
    ]


def test_parquet(rows, tmp_path):
    table = pa.table({"url": ["http://a/1", None, "http://a/3"], "y": [1.0, None, 2.5], "rest": [[1], [2], [3]]})
    pq.write_table(table, tmp_path / "list.txt")
    listed = UrlRows(tmp_path / "list.txt", ("url", "y", None, None, None, None))
    assert list(listed) == [UrlRow("http://a/1", "1"), UrlRow(None, None), UrlRow("http://a/3", "2.5")]


def test_text_that_is_not_utf8_cannot_be_taken_for_another_url(rows):
    assert list(rows(b"http://a/1\nhttp://a/\xe9\n")) == [UrlRow("http://a/1"), UrlRow("http://a/\\xe9")]


@pytest.mark.parametrize(
    ("content", "columns", "sentence"),
    [
        (
            "link,label\nhttp://a/1,cat\n",
            ONLY_URL,
            "begins with 'link,label', which is neither a URL nor a header with the column 'url'; "
            "name the column of the URLs in url_column",
        ),
        (
            "http://a/1\n",
            ("url", "label", None, None, None, None),
            "a plain list of URLs, which has no column 'label'; "
            "give a CSV, JSON Lines or Parquet file, or leave the column out of the settings",
        ),
        ("url,y\nu,1\n", ALL, "no column 'label' in it; there are url, y; name one of them"),
        ('{"link": 1}\n', ONLY_URL, "no column 'url' in it; there are link; name one of them"),
        ('{"url": "u"}\n[1]\n', ONLY_URL, "line 2 is no JSON object; every line has to be one"),
        ('{"url": "u"}\n' + "[" * 100_000, ONLY_URL, "line 2 is no JSON object; every line has to be one"),
        ('{"url": ["u"]}\n', ONLY_URL, "line 1 has a list in the column 'url'; one text or number is allowed"),
        (
            b"\x1f\x8b\x08",
            ONLY_URL,
            "neither text nor Parquet; give a list of URLs as text, CSV, JSON Lines or Parquet",
        ),
        (
            "http://" + "a" * (1 << 20),
            ONLY_URL,
            "line 1 has 1048576 characters or more; give a list with one URL in each row",
        ),
        ("url\n" + "a" * 200_000, ONLY_URL, "line 2 is no CSV (field larger than field limit (131072)); mend the file"),
    ],
    ids=["no header", "no table", "no label", "no key", "no object", "deep", "list", "gzip", "long line", "long cell"],
)
def test_what_is_no_list_of_urls(rows, content, columns, sentence):
    assert refusal(rows(content, columns)) == sentence


def test_damaged_parquet_says_so(rows):
    assert re.fullmatch(r"a damaged Parquet file \(.+\); make it again", refusal(rows(b"PAR1" + b"x" * 100)))


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n", "url\n"])
def test_an_empty_list(rows, content):
    listed = rows(content)
    with pytest.raises(
        BadInput, match=f"^{re.escape(str(listed.path))}: no URLs in it; give a list with one in each row$"
    ):
        listed.check()


def test_a_list_that_is_not_there(tmp_path):
    sentence = f"{tmp_path}/gone: cannot be read (No such file or directory); give a file with a list of URLs"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        UrlRows(tmp_path / "gone", ONLY_URL).check()


@given(content=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: ("url,label\n" + text).encode()))
def test_any_bytes_are_rows_or_bad_input(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any-list"
    path.write_bytes(content)
    with suppress(BadInput):
        assert all(isinstance(row, UrlRow) for row in UrlRows(path, ONLY_URL))
