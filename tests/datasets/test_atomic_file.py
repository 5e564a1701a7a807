import pytest

from datasets.atomic_file import atomic_file, write_text_atomically


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "state.json"
    write_text_atomically(path, "old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_an_error_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "state.json"
    write_text_atomically(path, "old")
    with pytest.raises(RuntimeError, match="stop"), atomic_file(path) as file:
        file.write(b"new")
        raise RuntimeError("stop")
    assert {inner.name: inner.read_text() for inner in tmp_path.iterdir()} == {"state.json": "old"}


def test_text_is_utf8(tmp_path):
    write_text_atomically(tmp_path / "a", "été\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9t\xc3\xa9\n"
