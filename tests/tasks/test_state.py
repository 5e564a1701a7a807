import re

import pytest

from datasets.errors import FormatError
from tasks.state import State, read_state, write_state


def test_a_state_is_read_back_as_it_was_written(tmp_path):
    state = State(class_names=("b", "a"), splits={"1": "train", "2": "test"}, published={"tiny": "1.0.0"})
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state


def test_before_anything_is_published_the_state_is_empty(tmp_path):
    assert read_state(tmp_path) == State()


def test_only_the_newest_ledger_stays(tmp_path):
    write_state(tmp_path, State(splits={"1": "train"}))
    write_state(tmp_path, State(splits={"1": "train", "2": "test"}))
    assert len(list(tmp_path.glob("splits-*.parquet"))) == 1


def test_writing_an_unchanged_ledger_does_not_touch_it(tmp_path):
    write_state(tmp_path, State(splits={"1": "train"}))
    (ledger,) = tmp_path.glob("splits-*.parquet")
    before = ledger.stat().st_ino, ledger.stat().st_mtime_ns
    write_state(tmp_path, State(splits={"1": "train"}, published={"tiny": "1.0.0"}))
    assert (ledger.stat().st_ino, ledger.stat().st_mtime_ns) == before


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"x"), lambda path: path.unlink()], ids=["cut", "gone"]
)
def test_a_damaged_ledger_is_refused_with_what_to_do(tmp_path, damage):
    write_state(tmp_path, State(splits={"1": "train"}))
    damage(next(tmp_path.glob("splits-*.parquet")))
    with pytest.raises(FormatError, match=r"remove it: what was published is read again$"):
        read_state(tmp_path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"format_version": 2}', "state version 2, this code reads 1"),
        ("{", "is damaged"),
    ],
)
def test_a_damaged_or_newer_state_is_refused_by_name(tmp_path, text, sentence):
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(FormatError, match=re.escape(sentence)):
        read_state(tmp_path)
