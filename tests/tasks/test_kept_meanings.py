import sys

import pytest

from tasks.kept_meanings import KeptMeanings

CODE = "def read(source):\n    asked.append(source)\n    return (source.decode(), ['tasks.one'])\n"


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """A reader in a module of its own, and the sources that it was asked for."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "reader.py"
    path.write_text(CODE)
    names = {"asked": []}
    exec(compile(CODE, path, "exec"), names)
    return names["read"], names["asked"]


def kept_file(tmp_path):
    (path,) = (tmp_path / "__pycache__").iterdir()
    return path


def test_what_one_process_read_another_knows(reader):
    read, asked = reader
    first = KeptMeanings(read)
    assert first.of(b"x = 1") == ("x = 1", ["tasks.one"])
    first.keep()
    assert KeptMeanings(read).of(b"x = 1") == ("x = 1", ["tasks.one"])
    assert asked == [b"x = 1"]


def test_an_edited_source_is_read(reader):
    read, asked = reader
    first = KeptMeanings(read)
    first.of(b"x = 1")
    first.keep()
    assert KeptMeanings(read).of(b"x = 2") == ("x = 2", ["tasks.one"])
    assert asked == [b"x = 1", b"x = 2"]


@pytest.mark.parametrize("content", ["", "no JSON", "[]", '{"made_by": 1}', '{"entries": {}}'])
def test_a_damaged_file_is_as_good_as_none(reader, tmp_path, content):
    read, asked = reader
    first = KeptMeanings(read)
    first.of(b"x")
    first.keep()
    kept_file(tmp_path).write_text(content)
    assert KeptMeanings(read).of(b"x") == ("x", ["tasks.one"])
    assert len(asked) == 2


def test_answers_of_other_code_are_not_believed(reader, tmp_path):
    read, asked = reader
    first = KeptMeanings(read)
    first.of(b"x")
    first.keep()
    (tmp_path / "reader.py").write_text(CODE + "# another version\n")
    KeptMeanings(read).of(b"x")
    assert len(asked) == 2


def test_nothing_is_written_where_python_is_told_to_write_no_compiled_code(reader, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    meanings = KeptMeanings(reader[0])
    meanings.of(b"x")
    meanings.keep()
    assert not (tmp_path / "__pycache__").exists()


def test_a_project_that_may_not_be_written_in_is_read_each_time(reader, tmp_path):
    read, asked = reader
    (tmp_path / "__pycache__").write_text("a file, where the folder would be")
    for _ in range(2):
        meanings = KeptMeanings(read)
        meanings.of(b"x")
        meanings.keep()
    assert len(asked) == 2
