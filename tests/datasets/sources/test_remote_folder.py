import errno
import multiprocessing
import pickle
import re
import socket
import threading
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pytest
from s3fs import S3FileSystem

from datasets.errors import BadInput
from datasets.sources.files import FolderSettings, open_folder
from datasets.sources.trees.local_folder import LocalFolder
from datasets.sources.trees.opening import open_tree
from datasets.sources.trees.remote_errors import reason
from datasets.sources.trees.remote_folder import RemoteFolder


def problems(tree) -> dict[str, str | None]:
    listed = [(file.member, file.problem) for file in tree.files()]
    assert len({member for member, _ in listed}) == len(listed)
    return dict(listed)


def refused(url, message, **options):
    with pytest.raises(BadInput, match=f"^{re.escape(message)}$") as caught:
        RemoteFolder.opened(url, options)
    return caught.value


@pytest.fixture
def memory():
    """memory(name, payload) puts a file into the store of fsspec's memory:// protocol."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]

    def put(path: str, payload: bytes = b"x") -> None:
        store.pipe(path, payload)

    yield put
    store.store.clear()
    store.pseudo_dirs[:] = [""]


def test_objects_at_any_depth_sorted_folder_by_folder(s3_bucket):
    for key in ("p/b/2.png", "p/b/10.png", "p/a.png", "p/b/a/z.png", "p/B.png", "p/a/1.png", "other/1.png"):
        s3_bucket.put(key)
    tree = RemoteFolder.opened(f"{s3_bucket.url}/p", {})
    assert list(problems(tree)) == ["B.png", "a/1.png", "a.png", "b/10.png", "b/2.png", "b/a/z.png"]


def test_size_and_etag_are_those_of_the_object(s3_bucket):
    s3_bucket.put("1.png", b"12345")
    (file,) = RemoteFolder.opened(s3_bucket.url, {}).files()
    assert (file.size_bytes, file.version_tag) == (5, "827ccb0eea8a706c4c34a16891f84e7b")


def test_a_changed_object_is_listed_anew_by_the_same_tree(s3_bucket):
    s3_bucket.put("1.png", b"before")
    tree = RemoteFolder.opened(s3_bucket.url, {})
    before = list(tree.files())
    s3_bucket.put("1.png", b"after")
    s3_bucket.put("2.png")
    after = list(tree.files())
    assert len(after) == 2
    assert after[0].version_tag != before[0].version_tag


def test_more_objects_in_a_folder_than_one_answer_holds(s3_bucket):
    names = [f"{number:04}.png" for number in range(45)]
    for name in names:
        s3_bucket.put(f"many/{name}")
    tree = RemoteFolder.opened(s3_bucket.url, {})
    assert [file.member for file in tree.files()] == [f"many/{name}" for name in names]


def test_hidden_objects_and_folders_are_marked_and_not_looked_into(s3_bucket):
    for key in (".git/config", ".git", "a/._1.png", "a/.cache/1.png"):
        s3_bucket.put(key)
    listed = problems(RemoteFolder.opened(s3_bucket.url, {}))
    assert listed == dict.fromkeys([".git", ".git/", "a/._1.png", "a/.cache/"], "hidden_file")


def test_marks_of_empty_folders_are_no_files(s3_bucket):
    for key in ("p/", "p/cat/", "p/dog/"):
        s3_bucket.put(key, b"")
    s3_bucket.put("p/cat/1.png")
    assert problems(RemoteFolder.opened(f"{s3_bucket.url}/p", {})) == {"cat/1.png": None}


def test_keys_that_are_no_paths_are_problems(s3_bucket):
    for key in ("/absolute.png", "a//b.png", "a/../b.png", "a/./b.png", "v?versionId=1", "m/"):
        s3_bucket.put(key)
    tree = RemoteFolder.opened(s3_bucket.url, {})
    assert problems(tree) == dict.fromkeys(["/", "a//", "a/../", "a/./", "m/", "v?versionId=1"], "unsafe_name")
    assert {file.detail for file in tree.files()} == {"a part of its name is empty, . or .., or holds ?versionId="}


def test_a_file_and_a_folder_of_one_name_are_both_listed(s3_bucket):
    s3_bucket.put("a", b"file")
    s3_bucket.put("a/1.png", b"below")
    tree = RemoteFolder.opened(s3_bucket.url, {})
    assert {member: tree.read(member) for member in problems(tree)} == {"a": b"file", "a/1.png": b"below"}


@pytest.mark.parametrize("name", ["été ü.png", "a%20b.png", "a b+c&d.png", "a#b.png", "a::b.png", "[a]*.png", "x\\y"])
def test_names_with_special_characters_are_listed_and_read(s3_bucket, name):
    s3_bucket.put(f"folder/{name}", name.encode())
    tree = RemoteFolder.opened(s3_bucket.url, {})
    (file,) = tree.files()
    assert (file.member, file.problem) == (f"folder/{name}", None)
    assert tree.read(file.member) == name.encode()


def test_an_empty_object_is_read(s3_bucket):
    s3_bucket.put("empty.png", b"")
    assert RemoteFolder.opened(s3_bucket.url, {}).read("empty.png") == b""


def test_an_object_is_read_whole(s3_bucket):
    payload = bytes(range(256)) * 8192
    s3_bucket.put("large.png", payload)
    assert RemoteFolder.opened(s3_bucket.url, {}).read("large.png") == payload


def test_reading_what_is_gone_is_an_error_of_reading(s3_bucket):
    s3_bucket.put("a/1.png")
    tree = RemoteFolder.opened(s3_bucket.url, {})
    with pytest.raises(OSError) as caught:
        tree.read("a/2.png")
    assert (caught.value.errno, caught.value.strerror) == (errno.EIO, f"{s3_bucket.url} does not give it: not there")


@pytest.mark.parametrize("member", ["../other", "/a", "a//b", "a/../b", "", "v?versionId=1"])
def test_members_that_are_no_paths_are_not_asked_for(member):
    with pytest.raises(OSError, match="no path below s3://bucket"):
        RemoteFolder("s3://bucket").read(member)


def test_the_origin_is_the_url_of_the_object():
    assert RemoteFolder("s3://bucket/p").origin("été/1 2.png") == "s3://bucket/p/%C3%A9t%C3%A9/1%202.png"


def read_one(tree, member):
    return tree.read(member)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_with_a_tree_that_was_used_before(s3_bucket, method):
    s3_bucket.put("1.png", b"one")
    tree = RemoteFolder.opened(s3_bucket.url, {})
    assert tree.read("1.png") == b"one"
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        assert list(pool.map(read_one, [tree] * 4, ["1.png"] * 4, timeout=60)) == [b"one"] * 4


def test_threads_read_at_once(s3_bucket):
    for number in range(20):
        s3_bucket.put(f"{number}.png", str(number).encode())
    tree = RemoteFolder.opened(s3_bucket.url, {})
    with ThreadPoolExecutor(4) as pool:
        payloads = list(pool.map(tree.read, [f"{number}.png" for number in range(20)]))
    assert payloads == [str(number).encode() for number in range(20)]


def test_a_tree_is_small_and_holds_no_connection(s3_bucket):
    s3_bucket.put("1.png")
    tree = RemoteFolder.opened(s3_bucket.url, {"endpoint_url": s3_bucket.endpoint})
    next(tree.files())
    assert len(pickle.dumps(tree)) < 1000
    assert pickle.loads(pickle.dumps(tree)) == tree


def test_a_folder_per_class_in_a_bucket(s3_bucket, tmp_path):
    for key in ("data/cat/1.png", "data/dog/1.png"):
        s3_bucket.put(key)
    source = open_folder(FolderSettings(kind="folder_per_class", path=f"{s3_bucket.url}/data/"), tmp_path / "cache")
    assert source.name == "data"
    assert [(item.member, item.label) for item in source.items()] == [("cat/1.png", "cat"), ("dog/1.png", "dog")]
    assert not (tmp_path / "cache").exists()


def test_an_endpoint_may_be_in_the_settings(s3_bucket, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    s3_bucket.put("1.png")
    tree = open_tree(s3_bucket.url, None, {"endpoint_url": s3_bucket.endpoint, "config_kwargs": {"read_timeout": 9}})
    assert problems(tree) == {"1.png": None}


def test_no_such_bucket(s3_environment):
    refused("s3://nosuch/p", "s3://nosuch/p: no such bucket or folder; give the one that holds the images")


def test_no_such_folder(s3_bucket):
    s3_bucket.put("a/1.png")
    url = f"{s3_bucket.url}/b"
    refused(url, f"{url}: no such bucket or folder; give the one that holds the images")


def test_a_single_object(s3_bucket):
    s3_bucket.put("photos.zip")
    url = f"{s3_bucket.url}/photos.zip"
    refused(url, f"{url}: a single object, not a folder; download it first, then give its path")


def test_an_empty_object_of_the_folders_name_does_not_hide_the_folder(s3_bucket):
    s3_bucket.put("photos", b"")
    s3_bucket.put("photos/1.png")
    assert problems(RemoteFolder.opened(f"{s3_bucket.url}/photos", {})) == {"1.png": None}


def test_a_server_that_is_not_there_is_told_soon(s3_environment):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        begin = time.monotonic()
        told = refused("s3://b", "s3://b: cannot be opened (the server cannot be reached)", endpoint_url=endpoint)
    assert endpoint not in "".join(traceback.format_exception(told))
    assert time.monotonic() - begin < 20


def test_a_server_that_never_answers_is_told(s3_environment):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {
            "endpoint_url": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "config_kwargs": {"read_timeout": 0.05, "retries": {"total_max_attempts": 1}},
        }
        refused("s3://b", "s3://b: cannot be opened (the server stopped answering)", **options)


class Forbidding(BaseHTTPRequestHandler):
    """A server that refuses everything."""

    def do_GET(self):
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def test_a_bucket_that_may_not_be_read_is_told(s3_environment):
    with ThreadingHTTPServer(("127.0.0.1", 0), Forbidding) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        refused("s3://b/p", "s3://b/p: cannot be opened (access denied: Forbidden)", endpoint_url=endpoint)
        server.shutdown()


@pytest.fixture
def no_credentials(s3_environment, monkeypatch):
    """The environment without them, and nothing opened with them before or left behind."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


def test_no_credentials(no_credentials):
    message = "no credentials found; set them in the environment, or storage_options: {anon: true} for what is public"
    refused("s3://b", f"s3://b: cannot be opened ({message})")


def test_options_that_the_driver_does_not_know(s3_environment):
    with pytest.raises(BadInput, match=r"^s3://b: cannot be opened .*'nonsense'"):
        RemoteFolder.opened("s3://b", {"nonsense": 1})


def test_credentials_in_the_url_are_refused_and_not_repeated():
    advice = "credentials in the URL; set them in the environment or the service's own configuration file"
    refused("s3://AKIA:secret@bucket/p", f"s3://bucket: {advice}")
    refused("s3://AKIA@bucket", f"s3://bucket: {advice}")
    refused("ftp://me:secret@host/p", f"ftp://host: {advice}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "https://host/list",
            "https://host/list: a web address is no folder; list the images in a table and set kind to url_list",
        ),
        ("s3://b/p?X-Sig=1", "s3://b/p: a query (?) in the URL; give the URL of a folder without one"),
        (
            "zip://a.zip::s3://b",
            "zip://a.zip::s3://b: chains of protocols (::) are not read; give the URL of one folder",
        ),
        ("tar://a.tar", "tar://a.tar: tar:// is no remote folder; give the path of an archive without it"),
        ("s3://", "s3://: names no folder; give a URL such as s3://bucket/folder, without empty parts"),
        ("s3:///p", "s3:///p: names no folder; give a URL such as s3://bucket/folder, without empty parts"),
        ("s3://b//p", "s3://b//p: names no folder; give a URL such as s3://bucket/folder, without empty parts"),
        (
            "nosuch://b/p",
            "nosuch://: an unknown protocol; give a local path or a URL such as s3://bucket/folder",
        ),
    ],
)
def test_urls_that_are_no_folders(url, message):
    refused(url, message)


def installed(package):
    try:
        __import__(package)
    except ImportError:
        return False
    return True


@pytest.mark.skipif(installed("gcsfs"), reason="gcsfs is installed")
def test_a_driver_of_ours_that_is_missing():
    refused("gs://bucket/p", "reading gs:// needs gcsfs; install augment-dataset[gcs]")


@pytest.mark.skipif(installed("adlfs"), reason="adlfs is installed")
def test_any_other_driver_that_is_missing():
    with pytest.raises(BadInput, match=r"^reading abfs:// needs a driver that is not installed: Install adlfs"):
        RemoteFolder.opened("abfs://container@account/p", {})


def test_a_protocol_without_a_server(memory):
    memory("/photos/cat/1.png", b"12345")
    memory("/photos/2.png")
    tree = RemoteFolder.opened("memory://photos", {})
    assert [(file.member, file.size_bytes, bool(file.version_tag)) for file in tree.files()] == [
        ("2.png", 1, True),
        ("cat/1.png", 5, True),
    ]
    assert tree.read("cat/1.png") == b"12345"


def test_names_that_cannot_be_written_are_problems(memory):
    memory("/photos/\udcff.png")
    assert problems(RemoteFolder.opened("memory://photos", {})) == {"\\udcff.png": "name_not_utf8"}


def test_folders_deeper_than_any_real_ones_are_not_entered(memory):
    memory("/photos/" + "d/" * 600 + "1.png")
    ((member, problem),) = problems(RemoteFolder.opened("memory://photos", {})).items()
    assert (member, problem) == ("/".join("d" * 501) + "/", "unreadable_folder")


def test_a_folder_that_goes_away_while_listing_is_a_problem(s3_bucket):
    for key in ("a/1.png", "b/1.png", "c/1.png"):
        s3_bucket.put(key)
    files = RemoteFolder.opened(s3_bucket.url, {}).files()
    assert next(files).member == "a/1.png"
    s3_bucket.delete("b/1.png")
    gone, last = files
    assert (gone.member, gone.problem, gone.detail) == ("b/", "unreadable_folder", "not there")
    assert last.member == "c/1.png"


def test_a_root_that_goes_away_cannot_be_listed(s3_bucket):
    s3_bucket.put("p/1.png")
    tree = RemoteFolder.opened(f"{s3_bucket.url}/p", {})
    s3_bucket.delete("p/1.png")
    with pytest.raises(BadInput, match=f"^{s3_bucket.url}/p: cannot be listed \\(not there\\)$"):
        next(tree.files())


def test_a_file_url_is_the_folder_of_this_machine(tmp_path):
    (tmp_path / "1.png").write_bytes(b"x")
    assert RemoteFolder.opened(f"file://{tmp_path}", {}) == LocalFolder(tmp_path)


def test_a_file_url_of_nothing(tmp_path):
    url = f"file://{tmp_path}/gone"
    refused(url, f"{url}: no such folder; give its path without file://, which also reads archives")


def test_reasons_are_one_line_without_credentials_and_signatures():
    error = RuntimeError("failed:\n  https://me:secret@host/a?X-Amz-Signature=abc 'x'")
    assert reason(error) == "failed: https://...@host/a 'x'"
