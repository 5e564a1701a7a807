"""A small share of the fuzzing: a reader reads what is intact, and refuses what is not in one sentence."""

import numpy as np
import pytest

from tests.hostile.fuzz import all_readers, tried
from tests.hostile.mutations import mutated, mutated_image

READERS = all_readers()
REFUSED = ("manifest",)  # of version 1, which is read, but not in pieces
CASES = 25


def name_of(reader):
    return reader.name


@pytest.mark.parametrize("reader", READERS, ids=name_of)
def test_intact_files_are_read(reader, tmp_path):
    (tmp_path / "made").mkdir()
    for number, content in enumerate(reader.contents(tmp_path / "made")):
        folder = tmp_path / str(number)
        folder.mkdir()
        if not (reader.name in REFUSED and number):
            reader.read(content, folder)


@pytest.mark.parametrize("reader", READERS, ids=name_of)
def test_changed_files_are_read_or_refused_in_one_sentence(reader):
    outcome = tried(reader, seed=2, numbers=range(CASES))
    assert (outcome.cases, outcome.findings) == (CASES, [])


def test_a_case_is_the_same_each_time():
    made = [mutated(bytes(range(200)), np.random.default_rng(7)) for _ in range(2)]
    assert made[0] == made[1] != bytes(range(200))


def test_checksums_of_a_changed_png_file_are_mended():
    png = READERS[0].contents(None)[0]
    changed = [mutated_image(png, np.random.default_rng(number)) for number in range(40)]
    verdicts = {tried_png(payload) for payload in changed}
    assert {"looked into", "refused by its checksum"} <= verdicts


def tried_png(payload):
    from tasks.imaging.decode import Decoded, decode

    verdict = decode(payload)
    by_checksum = not isinstance(verdict, Decoded) and "checksum" in verdict.detail.lower()
    return "refused by its checksum" if by_checksum else "looked into"
