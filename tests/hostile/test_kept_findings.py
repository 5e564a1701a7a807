"""What fuzzing found in files that runs keep and leave to others, each as the smallest file that did it."""

import json
import re
import sqlite3

import pyarrow.parquet as pq
import pytest

from datasets.errors import BadInput, FormatError
from datasets.manifest import SCHEMA, read_table
from datasets.sources.downloads.outcome_table import OutcomeTable
from datasets.sources.shards.tfds_features import choose_features
from datasets.tfds_layout import read_index
from gan.extractors.keras_file import _check_safe
from tasks.done_file import read_done
from tasks.lineage.stage_facts import facts_of
from tasks.listing_cache import LISTING_FILE, Payload, listing_cache
from tasks.published_generator import _attempts
from tasks.report.evidence import _json_lines
from tasks.run import read_run
from tests.hostile.kept_files import DONE, ITEMS, RECORD, SHA256, STAGE, keras_files, listings, url_list
from tests.hostile.own_files import an_index

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("run", 3),
        ("run", "../r"),
        ("run", "x" * 300),
        ("started_at", "../../etc/passwd"),
        ("finished_at", None),
        ("stopped_stage", ["scan"]),
        ("settings", []),
        ("stages", [{"name": "scan"}]),
        ("stages", [STAGE | {"usage": {}}]),
        ("stages", [STAGE | {"summary": {"rejected": {"truncated": "x"}}}]),
        ("stages", [STAGE | {"summary": {"version": 1.0}}]),
        ("stages", [STAGE | {"summary": {"version": "1.0.0"}}]),
    ],
)
def test_a_record_of_a_run_with_a_value_of_another_kind(tmp_path, name, value):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(RECORD))
    assert read_run(path) == RECORD
    for changed in (RECORD | {name: value}, {key: kept for key, kept in RECORD.items() if key != name}):
        path.write_text(json.dumps(changed))
        with pytest.raises(FormatError, match=re.escape(f"{path} is not a readable run record (")):
            read_run(path)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": 3},
        {"parts": {}},
        {"outputs": []},
        {"summary": None},
        {"fingerprint": 1},
        {"digest": {}},
        {"format": 9},
    ],
)
def test_a_done_file_with_a_value_of_another_kind_is_damaged(tmp_path, change):
    (tmp_path / "DONE").write_text(json.dumps(DONE | change))
    assert read_done(tmp_path) is None


def test_a_done_file_that_is_nested_deep_is_damaged(tmp_path):
    (tmp_path / "DONE").write_text(DEEP)
    assert read_done(tmp_path) is None and facts_of(tmp_path) is None


def test_lines_of_a_training_log_that_are_none_are_passed_over(tmp_path):
    (tmp_path / "log").write_text(f'{{"event": "a"}}\n{"9" * 5000}\n{DEEP}\n{{"event": "b"')
    assert list(_json_lines(tmp_path / "log")) == [{"event": "a"}]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE members SET sha256 = CAST(x'ff' AS TEXT)",
        "UPDATE members SET version_tag = CAST(x'ff' AS TEXT)",
        "UPDATE members SET sha256 = 'abc'",
        "UPDATE members SET payload_bytes = 'many'",
        "ALTER TABLE members RENAME COLUMN version_tag TO version_tug",
    ],
)
def test_a_listing_whose_pages_are_damaged_is_as_good_as_none(tmp_path, damage):
    listings(tmp_path)
    with sqlite3.connect(tmp_path / LISTING_FILE) as database:
        database.execute(damage)
    database.close()
    with listing_cache(tmp_path) as cache:
        cache.begin({"s": "/photos"})
        assert cache.known("s", ITEMS[20:22]) == [None, None]
        cache.remember("s", ITEMS, [Payload(SHA256, 9)] * len(ITEMS))
        cache.finish()
        assert cache.known("s", ITEMS[:1]) == [Payload(SHA256, 9)]


def test_a_listing_that_says_it_cannot_be_written_is_begun_anew(tmp_path):
    (content,) = listings(tmp_path)
    (tmp_path / LISTING_FILE).write_bytes(content[:18] + b"\x07" + content[19:])  # the version for writing
    with listing_cache(tmp_path) as cache:
        assert cache.count() == 0


def test_outcomes_of_downloads_without_a_column_are_named(tmp_path):
    OutcomeTable.opened(tmp_path).close()
    with sqlite3.connect(tmp_path / "outcomes.sqlite") as database:
        database.execute("ALTER TABLE outcomes RENAME COLUMN policy TO police")
    database.close()
    with pytest.raises(FormatError, match=r"outcomes\.sqlite: cannot be read \(no such column: policy\); delete"):
        OutcomeTable.opened(tmp_path)


@pytest.mark.parametrize("content", [DEEP, "[]", "3", '{"format_version": 1, "ended_at": "x"}'])
def test_a_mark_of_downloads_that_is_none_is_as_good_as_none(tmp_path, content):
    source = url_list(tmp_path)
    (tmp_path / "fetched.json").write_text(content)
    assert (source.unfinished(), source.is_fetched) == (None, False)


@pytest.mark.parametrize(
    "content", [b"\x93NUMPY\x01\x00\x04\x00{'a\n", b"\x93NUMPY\x01\x00\x02\x00(\n", b"\x93NUMPY\x01\x00\x04\x00{$}\n"]
)
def test_a_header_of_an_array_that_cannot_be_taken_apart(tmp_path, content):
    (tmp_path / "generator").mkdir()
    (tmp_path / "generator" / "attempts.npy").write_bytes(content)
    with pytest.raises(FormatError, match=r"attempts\.npy: not readable"):
        _attempts(tmp_path, 1)


@pytest.mark.parametrize(("name", "value"), [("name", ["x"]), ("content_digest", 3), ("lineage", 7), ("version", 1.5)])
def test_an_index_with_a_value_of_another_kind(tmp_path, name, value):
    (tmp_path / "index.json").write_text(json.dumps(an_index(tmp_path) | {name: value}))
    with pytest.raises(FormatError, match=f"damaged .*{name} is "):
        read_index(tmp_path)


def test_a_manifest_without_a_column_is_named(tmp_path):
    path = tmp_path / "manifest.parquet"
    pq.write_table(SCHEMA.empty_table().drop_columns(["member"]), path)
    with pytest.raises(FormatError, match=r"manifest\.parquet: not a readable manifest .*it lacks member"):
        read_table(path, ["source", "member"])


def test_endless_names_of_features_are_not_repeated_whole(tmp_path):
    (tmp_path / "features.json").write_text(json.dumps({"content": {"x": {"type": "y" * 9000}}}))
    with pytest.raises(BadInput, match=r"features\.json: has no image feature beside x \(yyy") as caught:
        choose_features(tmp_path, None, None)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(("name", "shown"), [(["Lambda"], "['Lambda'] of x"), ("y" * 5000, "yyy")])
def test_a_keras_file_with_a_name_that_is_none_or_endless(tmp_path, name, shown):
    path = tmp_path / "m.keras"
    path.write_bytes(keras_files(json.dumps({"class_name": name, "module": "x"}).encode()))
    with pytest.raises(BadInput, match=re.escape(f"{path} has a {shown}")) as caught:
        _check_safe(path)
    assert len(str(caught.value)) < 600
