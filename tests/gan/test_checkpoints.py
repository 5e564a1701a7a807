import re
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import FormatError
from gan.checkpoints import newest_checkpoint, save_checkpoint
from gan.weight_files import read_arrays, write_arrays

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(7, dtype=np.int64)}


def test_arrays_and_record_come_back(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 5, ARRAYS, {"seed": 3}, keep=2)
    found = newest_checkpoint(tmp_path)
    assert found.checkpoint is not None
    assert found.checkpoint.record == {"seed": 3}
    assert found.checkpoint.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.checkpoint.arrays[name], array, strict=True)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 1000):
        save_checkpoint(tmp_path, step, ARRAYS, {}, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000010.npz", "step-000001000.npz"]


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "absent").checkpoint is None


def test_a_flipped_bit_is_noticed_and_the_previous_checkpoint_is_used(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 1, ARRAYS, {"step": 1}, keep=2)
    newest = save_checkpoint(tmp_path, 2, ARRAYS, {"step": 2}, keep=2)
    payload = bytearray(newest.read_bytes())
    payload[payload.index(ARRAYS["a"].tobytes()) + 5] ^= 1
    newest.write_bytes(payload)
    found = newest_checkpoint(tmp_path)
    assert found.checkpoint is not None
    assert found.checkpoint.record == {"step": 1}
    assert len(found.notes) == 1
    assert found.notes[0].startswith(f"checkpoint passed over: {newest}: ")


@pytest.mark.parametrize("size", [0, 10, 200], ids=["empty", "head only", "half"])
def test_a_truncated_file_is_passed_over(tmp_path: Path, size: int) -> None:
    path = save_checkpoint(tmp_path, 1, ARRAYS, {}, keep=1)
    path.write_bytes(path.read_bytes()[:size])
    found = newest_checkpoint(tmp_path)
    assert found.checkpoint is None
    assert found.notes[0].startswith(f"checkpoint passed over: {path}: not a readable weights file (")


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "step-000000001.npz"
    write_arrays(path, ARRAYS, {"format_version": 99})
    with pytest.raises(FormatError, match=re.escape(f"{path}: checkpoint version 99, this code reads 1; train anew")):
        newest_checkpoint(tmp_path)


def test_content_that_does_not_match_its_digest_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    write_arrays(path, ARRAYS, {})
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **{**content, "a": content["a"] + 1})
    sentence = f"{path}: damaged: its content does not match its own SHA-256"
    with pytest.raises(FormatError, match=re.escape(sentence)):
        read_arrays(path)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=np.array([{"not": "numbers"}], dtype=object))
    with pytest.raises(FormatError, match="Object arrays cannot be loaded when allow_pickle=False"):
        read_arrays(path)


def test_nothing_is_left_beside_a_written_file(tmp_path: Path) -> None:
    write_arrays(tmp_path / "w.npz", ARRAYS, {})
    assert [path.name for path in tmp_path.iterdir()] == ["w.npz"]


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "step-000000001.npz.77.tmp").write_bytes(b"half")
    save_checkpoint(tmp_path, 2, ARRAYS, {}, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000002.npz"]
