"""The file of a result: read as it was written; what is damaged or of another version is refused in one sentence."""

import json
import re
from datetime import UTC, datetime

import pytest

from benchmarks.results import last_two, new_path, read_result, write_result
from datasets.errors import BadInput, FormatError
from tests.benchmarks.results_of import measured, result


def test_a_result_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "results" / "one.json"
    written = result(measured(), measured("reading", state="failed", exit_code=-9, cpu_s=None, reason="killed\n"))
    write_result(written, path)
    assert read_result(path) == written
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]


def test_one_more_benchmark_takes_the_place_of_what_was_said_of_it():
    found = result(measured()).with_benchmark(measured("reading", state="running"))
    assert list(found.named()) == ["listing"]
    assert list(found.with_benchmark(measured("reading")).named()) == ["listing", "reading"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda record: record.update(format_version=7), "result version 7, this code reads 1; run `make bench` again"),
        (lambda record: record.pop("format_version"), "damaged (KeyError('format_version')); delete it and run"),
        (
            lambda record: record.pop("machine"),
            "damaged (machine: Field required); delete it and run `make bench` again",
        ),
        (lambda record: record.update(extra=1), "damaged (extra: Extra inputs are not permitted); delete it"),
    ],
)
def test_what_is_not_such_a_result_is_refused(tmp_path, change, sentence):
    record = json.loads(result().model_dump_json())
    change(record)
    path = tmp_path / "one.json"
    path.write_text(json.dumps(record))
    with pytest.raises(FormatError, match=re.escape(f"{path}: {sentence}")):
        read_result(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format_version": 1', "\x00"])
def test_a_file_that_was_cut_off_is_refused(tmp_path, text):
    path = tmp_path / "one.json"
    path.write_text(text)
    with pytest.raises(FormatError, match="damaged"):
        read_result(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FormatError, match=re.escape("cannot be read (No such file or directory); run `make bench`")):
        read_result(tmp_path / "none.json")


def test_the_last_two_are_those_that_began_last(tmp_path):
    for _ in range(3):
        write_result(result(), new_path(tmp_path, datetime(2026, 11, 22, 18, tzinfo=UTC)))
    write_result(result(), new_path(tmp_path, datetime(2026, 11, 21, 18, tzinfo=UTC)))
    assert [path.stem for path in last_two(tmp_path)] == ["20261122T180000Z-2", "20261122T180000Z-3"]


def test_earlier_results_without_a_benchmark_of_the_last_are_passed_over(tmp_path):
    stopped = measured("demo", state="stopped")
    for day, found in ((20, [measured(), measured("demo")]), (21, [measured(), stopped]), (22, [measured("demo")])):
        write_result(result(*found), new_path(tmp_path, datetime(2026, 11, day, tzinfo=UTC)))
    assert [path.stem for path in last_two(tmp_path)] == ["20261120T000000Z", "20261122T000000Z"]
    (tmp_path / "20261120T000000Z.json").unlink()
    with pytest.raises(
        BadInput, match=re.escape("has a finished benchmark of 20261122T000000Z.json; run `make bench` once more")
    ):
        last_two(tmp_path)


def test_fewer_than_two_are_said(tmp_path):
    with pytest.raises(BadInput, match=re.escape(f"{tmp_path} holds no results; run `make bench` twice to compare")):
        last_two(tmp_path)
    write_result(result(), tmp_path / "one.json")
    with pytest.raises(BadInput, match=re.escape("holds one result alone, one.json; run `make bench` once more")):
        last_two(tmp_path)
