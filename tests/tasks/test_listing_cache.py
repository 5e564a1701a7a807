"""The memory of listings: what it says of changes, and that killing, damage and another place never make it lie."""

import hashlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from datasets.sources.base import SourceItem
from tasks.listing_cache import EXAMPLES, LISTING_FILE, Changes, Payload, forget_listing, listing_cache

PLACES = {"pets": "/photos/pets"}
NOTHING = Changes(new=0, changed=0, gone=0, changed_examples=(), gone_examples=())


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def item(member, tag="1", size_bytes=3):
    return SourceItem(member=member, size_bytes=size_bytes, version_tag=tag)


def list_all(folder, contents, places=PLACES, source="pets"):
    """A finished listing of {member: text of its bytes, None where it cannot be read}."""
    with listing_cache(folder) as cache:
        cache.begin(places)
        payloads = [text and Payload(sha256(text), len(text)) for text in contents.values()]
        cache.remember(source, [item(member, str(text)) for member, text in contents.items()], payloads)
        return cache.finish()


def known(folder, items, places=PLACES):
    with listing_cache(folder) as cache:
        cache.begin(places)
        return cache.known("pets", items)


def test_the_first_listing_is_all_new(tmp_path):
    assert list_all(tmp_path, {"1.png": "one", "2.png": "two"}) == Changes(2, 0, 0, (), ())


def test_the_same_again_is_no_change(tmp_path):
    list_all(tmp_path, {"1.png": "one"})
    assert list_all(tmp_path, {"1.png": "one"}) == NOTHING


def test_new_changed_and_gone_members_are_counted_with_examples(tmp_path):
    list_all(tmp_path, {"1.png": "one", "2.png": "two", "3.png": "three"})
    changes = list_all(tmp_path, {"1.png": "one", "2.png": "other", "4.png": "four"})
    assert changes == Changes(1, 1, 1, ("pets/2.png",), ("pets/3.png",))


def test_examples_are_few(tmp_path):
    list_all(tmp_path, {f"{number:03}.png": "one" for number in range(100)})
    changes = list_all(tmp_path, {f"{number:03}.png": "two" for number in range(50)})
    assert (changes.changed, len(changes.changed_examples)) == (50, EXAMPLES)
    assert (changes.gone, len(changes.gone_examples)) == (50, EXAMPLES)


def test_what_cannot_be_read_any_more_has_changed(tmp_path):
    list_all(tmp_path, {"1.png": "one"})
    assert list_all(tmp_path, {"1.png": None}) == Changes(0, 1, 0, ("pets/1.png",), ())


def test_what_was_not_read_before_has_not_changed(tmp_path):
    list_all(tmp_path, {"1.png": None})
    assert list_all(tmp_path, {"1.png": "one"}) == NOTHING


def test_a_source_that_is_no_longer_asked_for_is_gone(tmp_path):
    list_all(tmp_path, {"1.png": "one"}, {"pets": "a", "cars": "b"}, source="cars")
    assert list_all(tmp_path, {"1.png": "one"}).gone_examples == ("cars/1.png",)


def test_members_are_known_by_size_and_tag(tmp_path):
    with listing_cache(tmp_path) as cache:
        cache.begin(PLACES)
        cache.remember("pets", [item("1.png")], [Payload(sha256("one"), 3)])
    same, other_size, other_tag, no_tag = (
        item("1.png"),
        item("1.png", size_bytes=4),
        item("1.png", "2"),
        item("1.png", ""),
    )
    assert [known(tmp_path, [asked])[0] for asked in (same, other_size, other_tag, no_tag)] == [
        Payload(sha256("one"), 3),
        None,
        None,
        None,
    ]


def test_names_of_any_characters_are_remembered(tmp_path):
    names = ["a'b\"c.png", "a\nb.png", "a\0b.png", "%_?.png", "é.png", "e\u0301.png", "🐈" * 60, "a" * 5000]
    items = [item(name) for name in names]
    with listing_cache(tmp_path) as cache:
        cache.begin(PLACES)
        cache.remember("pets", items, [Payload(sha256(str(index)), 3) for index in range(len(names))])
    assert known(tmp_path, items) == [Payload(sha256(str(index)), 3) for index in range(len(names))]


def test_a_name_at_another_place_is_begun_anew(tmp_path):
    list_all(tmp_path, {"1.png": "one"})
    elsewhere = {"pets": "/other/pets"}
    assert known(tmp_path, [item("1.png", "one")], elsewhere) == [None]
    assert list_all(tmp_path, {"1.png": "one"}, elsewhere) == Changes(1, 0, 0, (), ())


def test_a_listing_that_was_not_finished_is_no_last_listing(tmp_path):
    list_all(tmp_path, {"1.png": "one", "2.png": "two"})
    with listing_cache(tmp_path) as cache:
        cache.begin(PLACES)
        cache.remember(
            "pets",
            [item("2.png", "other"), item("3.png", "three")],
            [Payload(sha256("other"), 3), Payload(sha256("three"), 3)],
        )
    changes = list_all(tmp_path, {"1.png": "one", "2.png": "other", "3.png": "three"})
    assert changes == Changes(1, 1, 0, ("pets/2.png",), ())


def test_what_is_distrusted_is_read_again_and_counted(tmp_path):
    list_all(tmp_path, {"1.png": "one", "2.png": "two"})
    with listing_cache(tmp_path) as cache:
        cache.distrust([("pets", "2.png"), ("pets", "never listed")])
        assert cache.distrusted() == 1
        assert cache.known("pets", [item("1.png", "one"), item("2.png", "two")]) == [Payload(sha256("one"), 3), None]
    assert list_all(tmp_path, {"1.png": "one", "2.png": "other"}).changed_examples == ("pets/2.png",)
    with listing_cache(tmp_path) as cache:
        assert cache.distrusted() == 0


def test_to_forget_a_listing_that_there_is_not_makes_none(tmp_path):
    forget_listing(tmp_path)
    assert list(tmp_path.iterdir()) == []


CHILD = """
import hashlib, sys, time
from pathlib import Path
from datasets.sources.base import SourceItem
from tasks.listing_cache import Payload, listing_cache

with listing_cache(Path(sys.argv[1])) as cache:
    cache.begin({"pets": "/photos/pets"})
    for number in range(10**9):
        item = SourceItem(member=f"{number}.png", size_bytes=3, version_tag="1")
        cache.remember("pets", [item], [Payload(hashlib.sha256(str(number).encode()).hexdigest(), 3)])
        print(number, flush=True)
"""


def test_what_was_hashed_before_a_kill_is_kept(tmp_path):
    list_all(tmp_path, {"old.png": "old"})
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with child:
        written = [int(child.stdout.readline()) for _ in range(30)][-1]
        child.send_signal(signal.SIGKILL)
        child.stdout.read()
    assert child.returncode == -signal.SIGKILL
    found = known(tmp_path, [item(f"{number}.png") for number in range(written + 1)])
    assert found == [Payload(sha256(str(number)), 3) for number in range(written + 1)]
    assert list_all(tmp_path, {"0.png": "0"}) == Changes(1, 0, 1, (), ("pets/old.png",))


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "text":
        path.write_bytes(b"no database")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "zeros inside":
        middle = len(data) // 2
        path.write_bytes(data[: middle - 2000] + bytes(4000) + data[middle + 2000 :])
    elif how == "other version":
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA user_version = 1")
        database.close()


@pytest.mark.parametrize("how", ["text", "empty", "cut", "zeros inside", "other version"])
def test_a_damaged_database_is_begun_anew(tmp_path, how):
    contents = {f"{number:04}.png": "one" for number in range(300)}
    list_all(tmp_path, contents)
    damage(tmp_path / LISTING_FILE, how)
    assert known(tmp_path, [item("0000.png", "one")]) == [None]
    assert list_all(tmp_path, contents) == Changes(300, 0, 0, (), ())


def test_a_database_that_another_process_holds_is_not_begun_anew(tmp_path, monkeypatch):
    list_all(tmp_path, {"1.png": "one"})
    path = tmp_path / LISTING_FILE
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))
    with pytest.raises(OSError, match=f"^{re.escape(str(path))}: database is locked$"):
        list_all(tmp_path, {"1.png": "one"})
    holder.execute("ROLLBACK")
    holder.close()
    assert list_all(tmp_path, {"1.png": "one"}) == Changes(0, 0, 0, (), ())


def test_a_database_whose_making_was_killed_is_made_anew(tmp_path):
    with sqlite3.connect(tmp_path / LISTING_FILE) as database:
        database.execute("CREATE TABLE places (source TEXT)")
    database.close()
    assert list_all(tmp_path, {"1.png": "one"}) == Changes(1, 0, 0, (), ())


def test_a_journal_that_a_kill_left_is_rolled_back(tmp_path):
    list_all(tmp_path, {"1.png": "one"})
    path = tmp_path / LISTING_FILE
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN")
    writer.execute("UPDATE members SET sha256 = 'lie'")
    writer.executemany(
        "INSERT INTO members VALUES ('pets', ?, 1, '1', 'lie', 1, NULL, 0, 1)", ((str(n),) for n in range(2000))
    )
    copy = tmp_path / "after the kill"
    copy.mkdir()
    for name in (LISTING_FILE, f"{LISTING_FILE}-journal"):  # as they lie on the disk in this moment
        shutil.copy(tmp_path / name, copy / name)
    writer.close()
    assert (copy / LISTING_FILE).stat().st_size > 20_000
    assert known(copy, [item("1.png", "one"), item("5")]) == [Payload(sha256("one"), 3), None]
