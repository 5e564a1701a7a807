"""Odd files and names through ingest and scan: each has a row with a defined outcome, and nothing hangs."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from datasets.image_codec import encode_image
from datasets.manifest import FINDINGS_FILE, MANIFEST_FILE, read_table
from datasets.sources import files
from datasets.sources.base import MAX_MEMBER_BYTES, PROBLEMS
from tasks.pixel_store import store_folder
from tasks.scan import scan
from tests.tasks.test_scan import SETTINGS


@pytest.fixture
def png(blob_image):
    """png(number) -> bytes of an image."""
    return lambda number: encode_image(blob_image(0, number), "png")


@pytest.fixture
def folder(tmp_path, png):
    """A class folder `a` with one good image."""
    path = tmp_path / "photos"
    (path / "a").mkdir(parents=True)
    (path / "a" / "good.png").write_bytes(png(0))
    return path


def rows(workbench, stage="scan"):
    return {row["member"]: row for row in read_table(workbench.outputs[stage] / MANIFEST_FILE).to_pylist()}


def outcomes(workbench, stage="scan"):
    """Status of each member, or why it is not kept."""
    return {member: row["reason"] or row["status"] for member, row in rows(workbench, stage).items()}


NAMES = {
    "composed": unicodedata.normalize("NFC", "größe.png"),
    "decomposed": unicodedata.normalize("NFD", "größe.png"),
    "emoji": "🐈‍⬛.png",
    "right to left": "\u202eصورة.png",
    "spaces": " a  b .png ",
    "line break": "a\nb\r\n.png",
    "control characters": "\x01\x1b[31m\x7f.png",
    "dash": "-rf.png",
    "quotes": "a'b\"c`$(d).png",
    "backslash": "a\\b.png",
    "for URLs": "a%20b#c?d=e&f.png",
    "mark of archives": "a.zip!.png",
    "longest": "x" * 251 + ".png",
    "longest in bytes": "é" * 125 + "x.png",
    "no ending": "image",
    "only an ending": "png",
    "tilde": "a.png~2",
    "case": "Good.png",
    "many dots": "a..b...png",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_is_kept_as_it_is(workbench, folder, png, name):
    (folder / "a" / name).write_bytes(png(1))
    workbench.prepare(folder, until="scan")
    row = rows(workbench)[f"a/{name}"]
    assert (row["status"], row["sha256"]) == ("kept", hashlib.sha256(png(1)).hexdigest())


@pytest.mark.parametrize("name", [name for name in NAMES.values() if name.endswith(".png")][:6])
def test_a_name_of_a_class_folder_is_a_label_where_it_can_be_shown(workbench, folder, png, name):
    (folder / name).mkdir()
    (folder / name / "1.png").write_bytes(png(1))
    workbench.prepare(folder, until="scan")
    row = rows(workbench)[f"{name}/1.png"]
    expected = (name, "kept") if name.isprintable() else (ascii(name)[1:-1], "rejected")
    assert (row["label"], row["status"]) == expected


def test_names_that_look_alike_are_different_files(workbench, folder, png):
    twins = ["Twin.png", "twin.png", "twin.PNG", NAMES["composed"], NAMES["decomposed"]]
    for number, name in enumerate(twins, 1):
        (folder / "a" / name).write_bytes(png(number))
    workbench.prepare(folder, until="scan")
    assert outcomes(workbench) == {f"a/{name}": "kept" for name in ("good.png", *twins)}


def test_a_file_at_the_end_of_a_path_as_long_as_can_be(workbench, folder, png):
    longest = os.pathconf(folder, "PC_PATH_MAX") - 1  # without the zero at its end
    deep = folder / "a"
    while left := longest - len(os.fsencode(deep / "1.png")):
        deep /= "d" * (left - 1 if left <= 200 else 150)
    deep.mkdir(parents=True)
    (deep / "1.png").write_bytes(png(1))
    workbench.prepare(folder, until="scan")
    assert outcomes(workbench) == {"a/good.png": "kept", f"{(deep / '1.png').relative_to(folder)}": "kept"}
    shutil.rmtree(folder)  # here, since pytest's own clean-up uses longer paths


def test_links_are_followed_out_of_the_folder_and_loops_are_not(workbench, folder, png, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "1.png").write_bytes(png(1))
    links = {"file.png": outside / "1.png", "more": outside, "up": "..", "self.png": "self.png", "none.png": "nowhere"}
    for name, target in links.items():
        (folder / "a" / name).symlink_to(target)
    workbench.prepare(folder, until="scan")
    assert outcomes(workbench) == {
        "a/file.png": "kept",
        "a/good.png": "kept",
        "a/more/1.png": "kept",
        "a/none.png": "broken_link",
        "a/self.png": "broken_link",
        "a/up": "symlink_loop",
    }
    assert rows(workbench)["a/file.png"]["origin"] == "file:photos/a/file.png"


def test_what_is_no_file_is_never_opened(workbench, folder):
    os.mkfifo(folder / "a" / "pipe.png")
    (folder / "a" / "zero.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as unix_socket:
        unix_socket.bind(os.path.relpath(folder / "a" / "socket.png"))
        workbench.prepare(folder, until="scan")
    assert outcomes(workbench) == {
        "a/good.png": "kept",
        "a/pipe.png": "not_a_regular_file",
        "a/socket.png": "not_a_regular_file",
        "a/zero.png": "not_a_regular_file",
    }


def test_a_huge_file_of_holes_is_not_read(workbench, folder, reads):
    with (folder / "a" / "huge.png").open("wb") as file:
        file.truncate(MAX_MEMBER_BYTES + 1)
    workbench.prepare(folder, until="scan")
    row = rows(workbench)["a/huge.png"]
    assert (row["reason"], row["size_bytes"], row["sha256"]) == ("file_too_large", MAX_MEMBER_BYTES + 1, None)
    assert "a/huge.png" not in reads


def test_hidden_files_are_unselected_not_rejected(workbench, folder, png):
    (folder / "a" / "._good.png").write_bytes(png(1))
    (folder / ".thumbnails").mkdir()
    summary = workbench.prepare(folder, until="scan")
    assert summary["rejected"] == {"hidden_file": 2}
    assert {row["status"] for row in rows(workbench).values()} == {"kept", "unselected"}


def test_every_rejected_file_has_a_finding(workbench, folder):
    os.mkfifo(folder / "a" / "pipe.png")
    (folder / "a" / "empty.png").touch()
    (folder / "a" / "none.png").symlink_to("nowhere")
    workbench.prepare(folder, until="scan")
    found = read_table(workbench.outputs["scan"] / FINDINGS_FILE).to_pylist()
    assert {(row["member"], row["finding"], row["severity"]) for row in found} == {
        ("a/pipe.png", "not_a_regular_file", "reject"),
        ("a/empty.png", "empty_file", "reject"),
        ("a/none.png", "broken_link", "reject"),
    }


UNPRIVILEGED = """
import json, os, sys
from pathlib import Path
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.sources import source_settings
from tests.tasks.conftest import Workbench

base = Path(sys.argv[1])

def reasons(name):
    bench = Workbench(base / name)
    bench.prepare(base / "photos", until="ingest", source=source_settings(path=base / "photos"))
    rows = read_table(bench.outputs["ingest"] / MANIFEST_FILE).to_pylist()
    return {row["member"]: [row["reason"], row["detail"]] for row in rows}

reasons("by root")  # imports what is imported late
os.setuid(65534)
print(json.dumps(reasons("by nobody")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become another user")
def test_what_may_not_be_read_is_told(png):
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        base.chmod(0o777)
        for member in ("a/good.png", "a/closed.png", "closed/1.png"):
            (base / "photos" / member).parent.mkdir(parents=True, exist_ok=True)
            (base / "photos" / member).write_bytes(png(0))
        (base / "photos" / "a" / "closed.png").chmod(0)
        (base / "photos" / "closed").chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, str(base)], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "a/closed.png": ["unreadable_file", "it cannot be read (Permission denied)"],
        "a/good.png": [None, None],
        "closed": ["unreadable_folder", PROBLEMS["unreadable_folder"].sentence],
    }


@pytest.fixture
def while_listing(monkeypatch):
    """while_listing(member, action): the action runs as soon as that member was listed."""

    def install(member, action):
        class Acting(files.FolderPerClass):
            def items(self):
                for item in files.Files.items(self):
                    yield item
                    if item.member == member:
                        action()

        monkeypatch.setattr(files, "FolderPerClass", Acting)

    return install


def test_a_file_that_vanishes_before_it_is_hashed(workbench, folder, png, while_listing):
    (folder / "a" / "soon gone.png").write_bytes(png(1))
    while_listing("a/soon gone.png", (folder / "a" / "soon gone.png").unlink)
    workbench.prepare(folder, until="ingest")
    row = rows(workbench, "ingest")["a/soon gone.png"]
    assert (row["status"], row["reason"]) == ("rejected", "unreadable_file")
    assert row["detail"] == "it cannot be read (No such file or directory)"


def test_a_folder_that_vanishes_while_its_files_are_listed(workbench, folder, png, while_listing):
    (folder / "b").mkdir()
    for name in "123":
        (folder / "b" / f"{name}.png").write_bytes(png(int(name)))
    while_listing("b/1.png", lambda: shutil.rmtree(folder / "b"))
    workbench.prepare(folder, until="scan")
    assert outcomes(workbench) == {"a/good.png": "kept"} | {f"b/{name}.png": "unreadable_file" for name in "123"}


def test_a_folder_that_vanishes_before_it_is_listed(workbench, folder, png, while_listing):
    (folder / "b").mkdir()
    (folder / "b" / "1.png").write_bytes(png(1))
    while_listing("a/good.png", lambda: (folder / "b").rename(folder.with_name("away")))
    workbench.prepare(folder, until="scan")
    assert outcomes(workbench) == {"a/good.png": "kept", "b": "unreadable_file"}


def by_another_file(path):
    other = path.with_name("other")
    other.write_bytes(b"another image")
    other.replace(path)


def by_a_folder(path):
    path.unlink()
    path.mkdir()


def by_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def by_a_link_to_nothing(path):
    path.unlink()
    path.symlink_to("nowhere")


def by_a_device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


CHANGES = {
    "grows": (lambda path: path.write_bytes(path.read_bytes() + b"more"), "changed_while_read"),
    "shrinks": (lambda path: os.truncate(path, 20), "changed_while_read"),
    "is emptied": (lambda path: os.truncate(path, 0), "changed_while_read"),
    "is replaced": (by_another_file, "changed_while_read"),
    "is gone": (Path.unlink, "vanished"),
    "becomes a folder": (by_a_folder, "vanished"),
    "becomes a link to nothing": (by_a_link_to_nothing, "vanished"),
    "becomes a pipe": (by_a_pipe, "vanished"),
    "becomes a device": (by_a_device, "vanished"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_is_not_what_was_hashed_when_it_is_decoded(workbench, folder, png, how):
    change, reason = CHANGES[how]
    path = folder / "a" / "other.png"
    path.write_bytes(png(1))
    workbench.prepare(folder, until="ingest")
    change(path)
    workbench.run("scan", scan, SETTINGS, "ingest")
    assert outcomes(workbench) == {"a/good.png": "kept", "a/other.png": reason}
    assert len(list(store_folder(workbench.shared, "0123456789abcdef" * 4).glob("*.pack"))) == 1


@pytest.mark.timeout(20)
@pytest.mark.parametrize("how", ["becomes a pipe", "becomes a device"])
def test_a_file_that_is_none_any_more_when_it_is_hashed(workbench, folder, png, while_listing, how):
    path = folder / "a" / "other.png"
    path.write_bytes(png(1))
    while_listing("a/other.png", lambda: CHANGES[how][0](path))
    workbench.prepare(folder, until="ingest")
    row = rows(workbench, "ingest")["a/other.png"]
    detail = "it cannot be read (it is no file any more, but a folder, pipe or device)"
    assert (row["reason"], row["detail"]) == ("unreadable_file", detail)


class Restless(threading.Thread):
    """Writes, grows, cuts, replaces and removes files all the time, until it is stopped."""

    def __init__(self, folder, payloads):
        super().__init__()
        self.stopped = threading.Event()
        self.folder, self.payloads, self.rounds = folder, payloads, 0

    def run(self):
        while not self.stopped.is_set():
            for number, (name, payload) in enumerate(self.payloads.items()):
                self.disturb(self.folder / name, payload, (number + self.rounds) % 5)
            self.rounds += 1

    def disturb(self, path, payload, how):
        if how == 0:
            path.write_bytes(payload[: len(payload) // 2])
        elif how == 1:
            path.unlink(missing_ok=True)
        elif how == 2:
            with suppress(FileNotFoundError), path.open("ab") as file:
                file.write(payload)
        else:
            new = path.with_name(".new")
            new.write_bytes(payload if how == 3 else payload[::-1])
            new.replace(path)

    def __exit__(self, *_):
        self.stopped.set()
        self.join()

    def __enter__(self):
        self.start()
        return self


def test_files_that_change_all_the_time_cost_their_rows_only_and_settle(workbench, folder, png):
    payloads = {f"{number:02}.png": png(number) for number in range(1, 31)}
    restless = folder / "b"
    restless.mkdir()
    for number in range(20):
        (folder / "a" / f"calm {number:02}.png").write_bytes(png(100 + number))
    (restless / "00.png").write_bytes(png(50))
    with Restless(restless, payloads) as disturbing:
        while disturbing.rounds < 2:
            time.sleep(0.01)
        for _ in range(3):
            summary = workbench.prepare(folder, until="scan")
            found = outcomes(workbench)
            assert summary["images_in"] == len(found)
            assert Counter(found[member] for member in found if member.startswith("a/")) == {"kept": 21}
    (restless / ".new").unlink(missing_ok=True)
    for name, payload in payloads.items():
        (restless / name).write_bytes(payload)
    workbench.prepare(folder, until="scan")
    assert set(outcomes(workbench).values()) == {"kept"}
    digests = {f"b/{name}": hashlib.sha256(payload).hexdigest() for name, payload in payloads.items()}
    assert {member: row["sha256"] for member, row in rows(workbench).items() if member in digests} == digests
