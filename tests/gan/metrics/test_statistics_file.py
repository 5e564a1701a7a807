import re
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput, FormatError
from gan.metrics.frechet import frechet_distance, statistics
from gan.metrics.statistics_file import load_statistics, save_statistics
from gan.weight_files import read_arrays, write_arrays

IDENTITY = "classifier sha256:1f3a5c7799aa resize:none"
FOUND = statistics(np.random.default_rng(0).normal(size=(50, 6)))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "statistics.npz"
    save_statistics(path, FOUND, IDENTITY)
    return path


def test_what_was_saved_is_loaded_to_the_last_bit(saved: Path) -> None:
    found = load_statistics(saved, IDENTITY)
    assert found.n == 50
    np.testing.assert_array_equal(found.mean, FOUND.mean)
    np.testing.assert_array_equal(found.factor, FOUND.factor)
    assert frechet_distance(found, FOUND) < 1e-12


def test_the_file_is_alone_in_its_folder(saved: Path) -> None:
    assert list(saved.parent.iterdir()) == [saved]


def test_statistics_of_another_extractor_are_refused_by_name(saved: Path) -> None:
    sentence = (
        f"{saved}: statistics of features of '{IDENTITY}', but 'inception-2015 sha256:0 resize:clean' is in use; "
        "measure the reference again with this one"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        load_statistics(saved, "inception-2015 sha256:0 resize:clean")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=re.escape(f"{tmp_path / 'none.npz'}: not a readable")):
        load_statistics(tmp_path / "none.npz", IDENTITY)


def test_a_damaged_file_is_refused(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[content.find(FOUND.mean.tobytes())] ^= 255
    saved.write_bytes(content)
    with pytest.raises(FormatError, match=re.escape(f"{saved}: ")):
        load_statistics(saved, IDENTITY)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    write_arrays(path, {}, {"kind": "random-conv"})
    with pytest.raises(FormatError, match=re.escape(f"{path}: holds no feature statistics but 'random-conv'")):
        load_statistics(path, IDENTITY)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format_version": 2}, "statistics version 2, this code reads 1"),
        ({"n": 1}, "mean (6,), factor (6, 6) and n = 1 do not belong together"),
    ],
    ids=["version", "n"],
)
def test_a_record_that_this_code_does_not_know_is_refused(saved: Path, change: dict, sentence: str) -> None:
    arrays, record = read_arrays(saved)
    write_arrays(saved, arrays, {**record, **change})
    with pytest.raises(FormatError, match=re.escape(f"{saved}: {sentence}")):
        load_statistics(saved, IDENTITY)


def test_arrays_that_do_not_belong_together_are_refused(saved: Path) -> None:
    arrays, record = read_arrays(saved)
    write_arrays(saved, {**arrays, "mean": arrays["mean"][:5]}, record)
    sentence = f"{saved}: mean (5,), factor (6, 6) and n = 50 do not belong together"
    with pytest.raises(FormatError, match=re.escape(sentence)):
        load_statistics(saved, IDENTITY)


def test_a_file_of_no_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    write_arrays(path, {}, {})
    with pytest.raises(
        FormatError, match=f"^{re.escape(f'{path}: holds no feature statistics but ')}'something else'$"
    ):
        load_statistics(path, IDENTITY)


def test_a_file_without_what_is_needed_is_refused(saved: Path) -> None:
    arrays, record = read_arrays(saved)
    write_arrays(saved, {"mean": arrays["mean"]}, record)
    sentence = f"{saved}: holds no 'factor'; measure the reference again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        load_statistics(saved, IDENTITY)


def test_statistics_of_two_vectors_are_loaded(tmp_path: Path) -> None:
    save_statistics(tmp_path / "two.npz", statistics(np.eye(2)), IDENTITY)
    assert load_statistics(tmp_path / "two.npz", IDENTITY).n == 2


@pytest.mark.parametrize("place", ["mean", "factor"])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, place: str) -> None:
    found = statistics(np.random.default_rng(0).normal(size=(9, 3)))
    getattr(found, place)[1] = np.nan
    path = tmp_path / "reference.npz"
    save_statistics(path, found, IDENTITY)
    with pytest.raises(FormatError, match=f"^{re.escape(f'{path}: holds numbers that are not finite')}; measure"):
        load_statistics(path, IDENTITY)
