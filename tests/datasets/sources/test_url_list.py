import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.errors import BadInput, FormatError
from datasets.sources.base import SourceItem
from datasets.sources.downloads.outcome_table import OUTCOMES_FILE
from datasets.sources.downloads.url_index import key_of, key_text
from datasets.sources.url_list import LOCK_FILE, UrlList, UrlListSettings, open_url_list
from tests.datasets.sources.misbehaving_server import JPEG, Server

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def listed(tmp_path):
    """listed(*lines, **settings) is the source of a list with these lines; the cache is the same every time."""

    def make(*lines: str, **settings) -> UrlList:
        path, text = tmp_path / "list.csv", "\n".join(lines)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        defaults = {"allowed_private_networks": ["127.0.0.0/8"], "backoff_s": 0.01, "timeout_s": 5, "retries": 0}
        settings = UrlListSettings(kind="url_list", path=path, **defaults | settings)
        return open_url_list(settings, tmp_path / "cache")

    return make


def fetched(source: UrlList) -> list[SourceItem]:
    source.fetch(lambda done, total: None)
    return list(source.items())


def problems(items: list[SourceItem]) -> list[tuple[str | None, str | None]]:
    return [(item.problem, item.detail) for item in items]


def blobs(source: UrlList) -> list[bytes]:
    return sorted(path.read_bytes() for path in (source.cache / "blobs").rglob("*") if path.is_file())


def member_of(url: str) -> str:
    return f"127.0.0.1/{key_text(key_of(url))}.jpg"


# Before anything is downloaded


def test_everything_the_list_says_is_known_before_it_is_downloaded(server, listed):
    url = server.url("/A.JPG?w=1&token=2#x")
    source = listed(
        "url,label,caption,group,licence,split",
        f"{url},cat,a cat,g1,CC0-1.0,val",
        f"{server.url('/no.php')},,,,,elsewhere",
        label_column="label",
        caption_column="caption",
        group_column="group",
        licence_column="licence",
        split_column="split",
    )
    assert list(source.items()) == [
        SourceItem(
            member=member_of(url),
            label="cat",
            caption="a cat",
            group="g1",
            licence="CC0-1.0",
            split="val",
            origin=server.url("/A.JPG?w=1&token=..."),
        ),
        SourceItem(
            member=member_of(server.url("/no.php")).removesuffix(".jpg"),
            split="elsewhere",
            origin=server.url("/no.php"),
        ),
    ]
    assert (source.is_fetched, server.asked) == (False, {})


def test_what_is_wrong_with_a_url_is_known_before_it_is_downloaded(listed):
    source = listed("url,label", "ftp://a/1.jpg,cat", ",dog", "http://me:secret@a/1.jpg,cat", label_column="label")
    assert [(item.member, item.label, item.origin) for item in source.items()] == [
        (f"unsafe/{key_text(key_of('ftp://a/1.jpg'))}", "cat", None),
        ("row/00000001", "dog", None),
        (f"unsafe/{key_text(key_of('http://me:secret@a/1.jpg'))}", "cat", None),
    ]
    assert problems(source.items()) == [
        ("unsafe_url", "only http and https are allowed, not ftp"),
        ("no_image", "the row has no URL"),
        ("unsafe_url", "it holds a user name or password"),
    ]


def test_a_url_that_stands_twice_is_one_image(server, listed):
    url = server.url()
    source = listed(
        "url,label", f"{url},cat", f"{url},cat", f"{server.url('/2.jpg')},cat", f"{url},dog", label_column="label"
    )
    items = fetched(source)
    assert [item.member for item in items] == [
        member_of(url),
        f"{member_of(url)}~2",
        member_of(server.url("/2.jpg")),
        f"{member_of(url)}~3",
    ]
    assert problems(items) == [
        (None, None),
        ("duplicate_name", "an earlier row has the same URL"),
        (None, None),
        ("duplicate_name", "an earlier row has the same URL with another label (cat, here dog)"),
    ]
    assert server.asked == {"/1.jpg": 1, "/2.jpg": 1}


def test_the_bytes_can_be_read_by_another_process(server, listed):
    source = listed(server.url())
    (item,) = fetched(source)
    assert (item.size_bytes, item.problem) == (len(JPEG), None)
    assert pickle.loads(pickle.dumps(source)).read(item.member) == JPEG


def test_a_parquet_list(server, tmp_path):
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"URL": [server.url()], "y": [3]}), path)
    settings = UrlListSettings(
        kind="url_list", path=path, url_column="URL", label_column="y", allowed_private_networks=["127.0.0.0/8"]
    )
    (item,) = fetched(open_url_list(settings, tmp_path / "cache"))
    assert (item.label, item.problem) == ("3", None)


def test_the_list_is_read_from_this_machine_only(tmp_path):
    sentence = "https://a/list.txt: a list of URLs is read from this machine only; download it and give its path"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        open_url_list(UrlListSettings(kind="url_list", path="https://a/list.txt"), tmp_path)


def test_opening_looks_at_the_list(listed):
    with pytest.raises(BadInput, match=r"no column 'label' in it; there are url, y; name one of them$"):
        listed("url,y", "http://a/1,2", label_column="label")


# What is kept between runs


def test_failures_say_what_happened(server, listed):
    server.answers["/gone"] = lambda h: h.send(b"", 410)
    server.answers["/busy"] = lambda h: h.send(b"", 500)
    server.answers["/noai"] = lambda h: h.send(x_robots_tag="noai")
    server.answers["/in"] = lambda h: h.send(b"", 302, location="http://10.0.0.1/")
    source = listed(*(server.url(path) for path in ("/gone", "/busy", "/noai", "/in")), retries=1)
    assert problems(fetched(source)) == [
        ("download_failed", "the server answered 410 (Gone)"),
        ("download_failed", "the server answered 500 (Internal Server Error); 2 attempts"),
        ("not_allowed", "the server's X-Robots-Tag says noai"),
        (
            "unsafe_url",
            "its server 10.0.0.1 has an address that is not public, 10.0.0.1 (private); "
            "where that is meant, name its network in allowed_private_networks",
        ),
    ]


def test_nothing_is_downloaded_twice(server, listed):
    server.answers["/gone"] = lambda h: h.send(b"", 410)
    source = listed(server.url(), server.url("/gone"))
    first = fetched(source)
    assert source.is_fetched
    assert fetched(source) == first
    assert server.asked == {"/1.jpg": 1, "/gone": 1}


def test_what_failed_for_a_passing_reason_is_tried_again(server, listed):
    server.answers["/busy"] = lambda h: h.send(b"", 500)
    source = listed(server.url(), server.url("/busy"), retry_failed_after_s=0)
    fetched(source)
    assert source.is_fetched
    assert source.unfinished() == "1 download failed for a passing reason and is tried again"
    del server.answers["/busy"]
    assert problems(fetched(source)) == [(None, None), (None, None)]
    assert source.unfinished() is None
    assert server.asked == {"/1.jpg": 1, "/busy": 2}


def test_the_same_failure_again_changes_nothing(server, listed):
    server.answers["/busy"] = lambda h: h.send(b"", 500)
    source = listed(server.url(), server.url("/busy"))
    before = fetched(source), source.identity()
    assert (fetched(source), source.identity()) == before


def test_downloading_does_not_change_the_identity(server, listed):
    source = listed(server.url())
    before = source.identity()
    fetched(source)
    assert source.identity() == before


def test_a_limit_is_not_exceeded_by_downloads(server, listed):
    urls = [server.url(f"/{number}.jpg") for number in range(10)]
    found = [item.problem for item in fetched(listed(*urls, limit=3))]
    assert (found.count(None), found.count("over_limit"), server.asked.total()) == (3, 7, 3)
    fetched(listed(*urls, limit=5))
    assert server.asked.total() == 5


def test_a_run_soon_after_does_not_try_again(server, listed):
    server.answers["/busy"] = lambda h: h.send(b"", 500)
    source = listed(server.url("/1.jpg"), server.url("/busy"), retry_failed_after_s=3600)
    fetched(source)
    assert source.unfinished() is None


def test_what_failed_for_good_is_tried_again_only_when_told_to(server, listed):
    server.answers["/gone"] = lambda h: h.send(b"", 404)
    urls = server.url("/gone"), server.url("/1.jpg")
    fetched(listed(*urls))
    assert listed(*urls, retry_failed_after_s=0).unfinished() is None
    source = listed(*urls, retry_failed_after_s=0, retry_permanent=True)
    assert source.unfinished() == "1 download failed and is tried again"
    fetched(source)
    assert server.asked == {"/gone": 2, "/1.jpg": 1}


def test_other_limits_are_applied_to_what_the_old_ones_refused(server, listed):
    server.answers["/large"] = lambda h: h.send(b"x" * 1000)
    urls = server.url("/1.jpg"), server.url("/large")
    fetched(listed(*urls, max_bytes=500))
    source = listed(*urls, max_bytes=1000)
    assert not source.is_fetched
    assert problems(source.items()) == [(None, None), (None, None)]
    assert [item.size_bytes for item in fetched(source)] == [len(JPEG), 1000]
    assert server.asked == {"/1.jpg": 1, "/large": 2}


def test_what_was_downloaded_against_a_robots_tag_is_left_out_once_it_counts(server, listed):
    server.answer_all = lambda h: h.send(x_robots_tag="noimageai")
    assert problems(fetched(listed(server.url(), respect_robots_tag=False))) == [(None, None)]
    expected = [("not_allowed", "the server's X-Robots-Tag says noimageai")]
    assert problems(fetched(listed(server.url()))) == expected
    assert server.asked == {"/1.jpg": 1}


def test_a_list_that_changed_costs_what_is_new(server, listed):
    server.answer_all = lambda h: h.send(h.path.encode())
    fetched(listed(server.url("/1.jpg"), server.url("/2.jpg")))
    source = listed(server.url("/2.jpg"), server.url("/3.jpg"), server.url("/4.jpg"))
    assert not source.is_fetched
    assert [item.size_bytes for item in fetched(source)] == [6, 6, 6]
    assert server.asked == {"/1.jpg": 1, "/2.jpg": 1, "/3.jpg": 1, "/4.jpg": 1}
    assert blobs(source) == [b"/2.jpg", b"/3.jpg", b"/4.jpg"]
    with pytest.raises(FileNotFoundError, match="it was not downloaded"):
        source.read(member_of(server.url("/1.jpg")))


def test_the_same_bytes_at_two_urls_are_kept_once_and_as_long_as_one_needs_them(server, listed):
    fetched(listed(server.url("/1.jpg"), server.url("/2.jpg")))
    source = listed(server.url("/2.jpg"))
    assert [source.read(item.member) for item in fetched(source)] == [JPEG]
    assert blobs(source) == [JPEG]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * len(JPEG))])
def test_damaged_bytes_are_not_read_and_downloaded_again(server, listed, damage):
    source = listed(server.url())
    (item,) = fetched(source)
    (blob,) = (path for path in (source.cache / "blobs").rglob("*") if path.is_file())
    damage(blob)
    with pytest.raises(OSError) as caught:
        source.read(item.member)
    assert caught.value.strerror == "what was downloaded is missing or damaged; the next run downloads it again"
    assert not source.is_fetched
    assert fetched(source) == [item]
    assert source.read(item.member) == JPEG
    assert server.asked == {"/1.jpg": 2}


@pytest.mark.parametrize(
    "member", ["", "x", "127.0.0.1/0123456789abcdef.jpg", "../../../etc/passwd", "a/b/c", "row/00000001"]
)
def test_members_that_are_none(server, listed, member):
    source = listed(server.url())
    fetched(source)
    with pytest.raises(FileNotFoundError, match="it was not downloaded"):
        source.read(member)


def test_a_member_before_it_is_downloaded(server, listed):
    source = listed(server.url())
    with pytest.raises(FileNotFoundError, match="it was not downloaded"):
        source.read(member_of(server.url()))


def test_nothing_secret_is_kept(server, listed):
    server.answers["/1.jpg"] = lambda h: h.send(b"", 302, location="/2.jpg?X-Amz-Signature=verysecret")
    source = listed(server.url("/1.jpg?token=verysecret"), server.url("/2.jpg"))
    fetched(source)
    for path in source.cache.rglob("*"):
        assert path.is_dir() or b"verysecret" not in path.read_bytes(), path


def test_outcomes_of_an_unknown_version_are_refused_by_name(server, listed):
    source = listed(server.url())
    fetched(source)
    with sqlite3.connect(source.cache / OUTCOMES_FILE) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    sentence = (
        f"{source.cache / OUTCOMES_FILE}: version 9, this code reads 1; "
        "delete the folder it lies in, then everything is downloaded again"
    )
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        fetched(source)


def test_damaged_outcomes_are_an_error_that_says_what_to_do(server, listed):
    source = listed(server.url())
    (item,) = fetched(source)
    (source.cache / OUTCOMES_FILE).write_bytes(b"no database" * 1000)
    sentence = (
        f"{source.cache / OUTCOMES_FILE}: cannot be read (file is not a database); "
        "delete the folder it lies in, then everything is downloaded again"
    )
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        list(source.items())
    with pytest.raises(OSError, match="what was downloaded cannot be looked up"):
        source.read(item.member)


def test_two_runs_do_not_download_into_one_cache(server, listed):
    from filelock import FileLock

    source = listed(server.url(), name="photos")
    source.cache.mkdir()
    with (
        FileLock(source.cache / LOCK_FILE),
        pytest.raises(BadInput, match=r"^photos: another run downloads this source now; wait until it is done$"),
    ):
        fetched(source)


def test_progress_counts_every_url_once_also_what_was_there_before(server, listed):
    fetched(listed(server.url("/1.jpg"), server.url("/2.jpg")))
    reports = []
    source = listed(*(server.url(path) for path in ("/1.jpg", "/2.jpg", "/3.jpg", "/3.jpg")), "ftp://a/")
    source.fetch(lambda done, total: reports.append((done, total)))
    assert set(reports) == {(4, 4)}


def test_the_cache_can_be_read_where_nothing_may_be_written(server, listed):
    source = listed(server.url())
    (item,) = fetched(source)
    assert source.read(item.member) == JPEG  # keeps the table open
    fetched(source)
    assert sorted(path.name for path in source.cache.iterdir() if path.is_file()) == [
        "fetch.lock",
        "fetched.json",
        "outcomes.sqlite",
    ]
    connection = sqlite3.connect(f"file:{source.cache / OUTCOMES_FILE}?mode=ro&immutable=1", uri=True)
    assert connection.execute("SELECT code FROM outcomes").fetchall() == [("downloaded",)]
    connection.close()


# When it is stopped


CHILD = """
import sys
from pathlib import Path
from datasets.sources.url_list import UrlListSettings, open_url_list

settings = UrlListSettings(kind="url_list", path=sys.argv[1], allowed_private_networks=["127.0.0.0/8"])
print("ready", flush=True)
open_url_list(settings, Path(sys.argv[2])).fetch(lambda done, total: None)
"""


def child(source: UrlList) -> subprocess.Popen:
    arguments = [sys.executable, "-c", CHILD, str(source.rows.path), str(source.cache)]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def wait_for(condition) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def recorded(source: UrlList) -> set[str]:
    connection = sqlite3.connect(source.cache / OUTCOMES_FILE)
    try:
        return {url for (url,) in connection.execute("SELECT url FROM outcomes WHERE sha256 IS NOT NULL")}
    finally:
        connection.close()


def test_a_killed_run_goes_on_where_it_was(server: Server, listed):
    server.answer_all = lambda h: (server.stopping.wait(0.01), h.send(h.path.encode()))
    urls = [server.url(f"/{number}") for number in range(120)]
    source = listed(*urls)
    process = child(source)
    wait_for(lambda: server.asked.total() >= 40)
    process.kill()
    process.communicate()
    wait_for(lambda: server.at_once == 0)
    done = recorded(source)
    assert 10 <= len(done) < len(urls)

    asked = server.asked.copy()
    assert [source.read(item.member).decode() for item in fetched(source)] == [f"/{number}" for number in range(120)]
    again = server.asked - asked
    assert set(again) == {url.removeprefix(server.url("")) for url in set(urls) - done}
    assert max(again.values()) == 1
    # What was asked for, but not recorded, was on its way when the process died.
    assert len(asked) - len(done) <= source.settings.max_connections
    assert not (source.cache / "partial").exists()


def test_a_run_that_is_interrupted_ends_at_once_and_leaves_nothing_half_written(server: Server, listed):
    server.answers["/slow"] = lambda h: h.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"x", pause_s=60)
    source = listed(server.url("/slow"), server.url("/1.jpg"))
    process = child(source)
    wait_for(lambda: (source.cache / OUTCOMES_FILE).exists() and server.asked["/slow"] and recorded(source))
    wait_for(lambda: list((source.cache / "partial").iterdir()))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 20
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert not (source.cache / "partial").exists()
    assert not source.is_fetched
    assert len(blobs(source)) == 1


def test_many_threads_read_at_once(server, listed):
    server.answer_all = lambda h: h.send(h.path.encode())
    source = listed(*(server.url(f"/{number}") for number in range(50)))
    members = [item.member for item in fetched(source)]
    wrong = []

    def read_all() -> None:
        for number, member in enumerate(members):
            if source.read(member) != f"/{number}".encode():
                wrong.append(member)

    threads = [threading.Thread(target=read_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
