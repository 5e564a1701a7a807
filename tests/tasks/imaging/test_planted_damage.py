"""Damage planted in real photographs is found as often as strict libjpeg-turbo finds it, and none that is not there."""

import os
from pathlib import Path

import pytest

from benchmarks.damage_detection import DAMAGES, READERS, chosen, damaged, photographs
from tasks.imaging.decode import MinSides, Undecodable, decode

_DATA = os.environ.get("AUGMENT_DATASET_TEST_DATA")
pytestmark = pytest.mark.skipif(
    not _DATA or not (Path(_DATA) / "clothing").is_dir(),
    reason="AUGMENT_DATASET_TEST_DATA is unset, or holds no clothing/",
)
FILES = 20
# Of 20 files; what libjpeg-turbo cannot see in damage that leaves valid codes, nothing that decodes can.
LEAST = {
    "truncated": 20,
    "end marker missing": 20,
    "64 random bytes": 14,
    "512 zero bytes": 17,
    "one flipped bit": 1,
}


@pytest.fixture(scope="module")
def paths() -> list[Path]:
    return photographs(Path(_DATA or "") / "clothing")


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_found_at_least_as_often_as_by_strict_libjpeg_turbo(paths: list[Path], kind: str) -> None:
    payloads = list(damaged(chosen(paths, FILES), kind))
    found = {name: sum(map(READERS[name], payloads)) for name in ("augment-dataset", "simplejpeg, strict")}
    assert found["augment-dataset"] >= max(found["simplejpeg, strict"], LEAST[kind])


def test_no_intact_photograph_is_rejected(paths: list[Path]) -> None:
    verdicts = ((path, decode(path.read_bytes(), min_sides=MinSides(64, 64))) for path in paths)
    assert [path.name for path, verdict in verdicts if isinstance(verdict, Undecodable)] == []
    assert len(paths) == 3781
