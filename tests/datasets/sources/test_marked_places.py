"""Which names stand for a mark in a place, found by looking at the folder that holds them."""

import re

import fsspec
import pytest

from datasets.errors import BadInput
from datasets.sources.marked_places import names_at

MARK = "{partition}"
FILES = (
    *("in/a/x.png", "in/b/x.png", "in/b/raw/y.png", "in/.hidden/x.png", "in/c.zip", "in/d.zip", "in/day-e.tar"),
    *("in/f-1.tar", "in/f-2.tar", "in/g-1.tar", "in/h-h.csv", "in/h-i.csv"),
)
CASES = [
    ("in/{partition}.zip", ["c", "d"]),
    ("in/{partition}.zip!/raw", ["c", "d"]),
    ("in/day-{partition}.tar", ["e"]),
    ("in/{partition}/raw/", ["b"]),
    ("in/{partition}/raw/{partition}.png", []),
    ("in/{partition}/x.png", ["a", "b"]),
    ("in/{partition}/{label}/*", ["a", "b"]),
    ("in/{partition}-{0..9}.tar", ["day", "f", "g"]),
    ("in/{partition}-?.tar", ["day", "f", "g"]),
    ("in/{partition}-{partition}.csv", ["h"]),
    ("{partition}", ["in"]),
    ("{partition}/", ["in"]),
]


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    root = tmp_path_factory.mktemp("marked")
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return str(root)


@pytest.fixture(scope="module")
def remote():
    system = fsspec.filesystem("memory")
    for name in FILES:
        system.pipe(f"/marked/{name}", b"x")
    yield "memory://marked"
    system.rm("/marked", recursive=True)


@pytest.mark.parametrize(("place", "names"), CASES)
@pytest.mark.parametrize("where", ["local", "remote"])
def test_names_are_what_stands_for_the_mark(where, place, names, request):
    assert names_at(f"{request.getfixturevalue(where)}/{place}", MARK) == names


def test_folders_of_a_bucket_are_found(s3_bucket):
    for key in ("in/2026-01-01/a/1.png", "in/2026-01-02/b/1.png", "in/loose.png"):
        s3_bucket.put(key)
    assert names_at(f"{s3_bucket.url}/in/{MARK}/", MARK) == ["2026-01-01", "2026-01-02"]
    assert names_at(f"{s3_bucket.url}/in/{MARK}/b", MARK) == ["2026-01-02"]


@pytest.mark.parametrize("place", ["in/c.zip!/{partition}", "*/{partition}.zip"])
def test_what_nobody_can_list_is_said(place, local):
    with pytest.raises(BadInput, match=re.escape("cannot be listed inside an archive, nor behind * and {}; name")):
        names_at(f"{local}/{place}", MARK)


@pytest.mark.parametrize("where", ["local", "remote"])
def test_a_folder_that_is_not_there_is_said(where, request):
    place = request.getfixturevalue(where)
    with pytest.raises(BadInput, match=re.escape(f"{place}/none: no such ")):
        names_at(f"{place}/none/{MARK}", MARK)
